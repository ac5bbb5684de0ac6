import { describe, expect, it } from "vitest";
import { codecName, fileName, hertz, lengthOf, probedWords, sizeOf, trackWords } from "./media";

const channels = (n: number): string => `${n} ch`;
const track = { width: 0, height: 0, sample_rate: 0, channels: 0 };

describe("tracks", () => {
  it("are said as people say them", () => {
    expect(trackWords({ ...track, kind: "video", codec: "h264", width: 1280, height: 720 }, channels)).toBe("H.264 1280×720");
    expect(trackWords({ ...track, kind: "audio", codec: "aac", sample_rate: 44100, channels: 2 }, channels)).toBe("AAC 44.1 kHz 2 ch");
  });
  it("leave out what is not known", () => {
    expect(trackWords({ ...track, kind: "audio", codec: "opus" }, channels)).toBe("Opus");
    expect([sizeOf(0, 720), hertz(0), codecName("prores")]).toEqual(["", "", "PRORES"]);
  });
});

describe("names of files", () => {
  it("hold no path and no quote, in any script", () => {
    expect(fileName("live/晚会 1", ".mp4")).toBe("live-晚会 1.mp4");
    expect(fileName('../../etc/"x"', ".mp4")).toBe("etc-x.mp4");
    expect(fileName("///", ".mp4")).toBe("recording.mp4");
    expect(fileName("हिन्दी สวัสดี 🎬", ".mp4")).toBe("हिन्दी สวัสดี 🎬.mp4");
    expect(fileName("a:b~c\u202e4pm.exe", ".mp4")).toBe("a-b~c-4pm.exe.mp4");
  });
});

describe("what a probe found", () => {
  const turned = (n: number): string => `turned ${n}`;
  it("is one line", () => {
    const video = { codec_name: "h264", width: 1080, height: 1920, rotation: 90 };
    expect(probedWords({ format: null, video, audio: { codec_name: "aac", sample_rate: "48000" } }, turned)).toBe("H.264 1080×1920 · turned 90 · AAC 48 kHz");
    expect(probedWords({ format: null, video: null, audio: null }, turned)).toBe("");
  });
  it("has a length, or none", () => {
    const of = (duration: string): number | null => lengthOf({ format: { duration }, video: null, audio: null });
    expect([of("12.5"), of("N/A"), of(""), of("-1")]).toEqual([12.5, null, null, null]);
  });
});
