/** Words of Restream, Callbacks, Edges, Activity, Health, and of what is common to their pages. */
type Params = Record<string, string>;

export const operate = {
  curl: {
    show: "Show as curl",
    hint: "The same call from a terminal; put a token of the page API into SLUICE_TOKEN.",
    copyLabel: "curl",
  },
  restream: {
    search: "Search",
    state: "State",
    anyState: "Any",
    noneFound: "No destination fits the filter.",
    select: (name: string) => `Select ${name}`,
    selected: (n: number) => `${n} selected`,
    clear: "Clear the selection",
    done: (n: number) => `Done for ${n} ${n === 1 ? "destination" : "destinations"}.`,
    notDone: (names: string) => `Not done for ${names}.`,
    removing: (n: number) => `${n} ${n === 1 ? "destination is" : "destinations are"} being removed.`,
    move: (name: string) => `Move ${name}: arrow keys, or drag it`,
    moved: (name: string, place: number, of: number) => `${name} is now ${place} of ${of}.`,
    retry: "Try now",
    retried: "It is tried now.",
    nextTry: (seconds: number) => (seconds > 0 ? `next try in ${seconds} s` : "it is being tried now"),
    runningFor: "Running for",
    attempt: "Try",
    keyMissing: "The stream key is missing: edit it and paste the key of the platform.",
    keyNeeded: "A stream key is needed: the platform can't tell otherwise whose stream comes.",
    noKeyInServer: "There is no key: paste it here, or put it behind the server's address.",
    unfit: (stream: string) => `${stream} can't be pushed there as it is`,
    fits: (stream: string) => `${stream} fits`,
    unknownFit: (stream: string) => `It is not known yet what ${stream} holds`,
    preflight: "What is on air now",
    whatToDo: "Set the encoder to what it takes, or make a transcode and push that.",
    toSources: "Make a transcode",
    said: "FFmpeg's own words",
  },
  /** Why a push is not running, with what the code names. */
  reasons: {
    connection_refused: () => "The server refuses the connection: check address and port, and whether the broadcast has been started there.",
    refused_by_target: (p) => `Refused by the platform: ${p["said"] ?? "–"}. Check the stream key.`,
    host_not_found: (p) => `The server's name is not known${p["host"] ? ` (${p["host"]})` : ""}: check the address.`,
    tls_failed: (p) => `The encrypted connection failed: ${p["said"] ?? "–"}.`,
    timed_out: () => "The server does not answer in time: check the address, and whether a firewall is in between.",
    unreachable: () => "The server can't be reached from this edge: check its network.",
    closed_by_target: () => "The platform closed the connection: the key may be wrong, used twice, or the broadcast ended there.",
    no_progress: (p) => `Nothing left for ${p["seconds"] ?? "15"} s, so it was started anew: the way to the platform is too slow, or it stopped reading.`,
    source_unavailable: () => "The stream itself could not be read on the edge: it may just have ended.",
    ffmpeg_missing: (p) => `FFmpeg can't be run on the edge: ${p["said"] ?? "–"}.`,
    ffmpeg_failed: () => "FFmpeg ended; its own words are below.",
    codec_not_taken: (p) => `The stream holds ${p["codec"] ?? "–"}; this platform takes ${p["takes"] ?? "–"}.`,
    codec_needs_ffmpeg: (p) => `The stream holds ${p["codec"] ?? "–"}, for which this edge needs FFmpeg ${p["ffmpeg"] ?? "–"} or newer.`,
    codec_not_carried: (p) => `The stream holds ${p["codec"] ?? "–"}, which SRT's MPEG-TS can't carry: H.264 and AAC fit.`,
  } as Record<string, (p: Params) => string>,
};

export type Operate = typeof operate;
