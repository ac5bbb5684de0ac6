/** Codecs, sizes and sounds in the words that people use for them. */
const NAMES: Record<string, string> = {
  h264: "H.264", hevc: "HEVC", av1: "AV1", vp9: "VP9", vp8: "VP8", mpeg4: "MPEG-4", aac: "AAC", mp3: "MP3", opus: "Opus",
  ac3: "AC-3", eac3: "E-AC-3", flac: "FLAC", alac: "ALAC", mp2: "MP2", pcm_s16le: "PCM", mjpeg: "MJPEG", png: "PNG",
};

export const codecName = (codec: string): string => NAMES[codec] ?? codec.toUpperCase();

/** As 1280×720; '' where it is not known. */
export const sizeOf = (width: number, height: number): string => (width && height ? `${width}×${height}` : "");

/** As 48 kHz; '' where it is not known. */
export const hertz = (rate: number): string => (rate ? `${Math.round(rate / 100) / 10} kHz` : "");

interface Track {
  kind: "video" | "audio";
  codec: string;
  width?: number;
  height?: number;
  sample_rate?: number;
  channels?: number;
}

/** A track in one line: what it is coded in, and how large or fine it is. `channels` says a number of them. */
export const trackWords = (track: Track, channels: (n: number) => string): string =>
  (track.kind === "video"
    ? [codecName(track.codec), sizeOf(track.width ?? 0, track.height ?? 0)]
    : [codecName(track.codec), hertz(track.sample_rate ?? 0), track.channels ? channels(track.channels) : ""]
  )
    .filter(Boolean)
    .join(" ");

/** A name under which a browser saves a file, of any script; nothing in it leads elsewhere. */
export const fileName = (name: string, extension: string): string =>
  `${[...name.replace(/[\p{Cc}\p{Zl}\p{Zp}"\\/:*?<>|%\u202a-\u202e\u2066-\u2069\ufeff]+/gu, "-").replace(/^[-. ]+|[-. ]+$/g, "")].slice(0, 100).join("") || "recording"}${extension}`;

interface Probed {
  format: { duration?: string } | null;
  video: { codec_name?: string; width?: number; height?: number; rotation?: number } | null;
  audio: { codec_name?: string; sample_rate?: string } | null;
}

/** How long it is, in seconds; null where that is not known. */
export function lengthOf(found: Probed): number | null {
  const seconds = Number(found.format?.duration);
  return Number.isFinite(seconds) && seconds > 0 ? seconds : null;
}

/** What a probe found, in one line. `turned` says by how many degrees a player turns the picture. */
export function probedWords(found: Probed, turned: (degrees: number) => string): string {
  const { video, audio } = found;
  const words = [
    video && [codecName(video.codec_name ?? ""), sizeOf(video.width ?? 0, video.height ?? 0)].filter(Boolean).join(" "),
    video?.rotation ? turned(video.rotation) : "",
    audio && [codecName(audio.codec_name ?? ""), hertz(Number(audio.sample_rate ?? 0) || 0)].filter(Boolean).join(" "),
  ];
  return words.filter(Boolean).join(" · ");
}
