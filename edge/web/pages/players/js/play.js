// Plays HTTP-FLV and HLS in a <video>: `play(url)`. hls.js and mpegts.js do what the browser cannot.
"use strict";

let stop = () => {};

const NO_CODEC = [
  "This browser cannot decode the stream (H.265, perhaps). Try Safari, Edge with HEVC extension, or send H.264.",
  "此浏览器无法解码该流（可能是 H.265）。请使用 Safari、装有 HEVC 扩展的 Edge，或改用 H.264 推流。",
];
const STALLED_MS = 4000;

// What a refusal by HTTP means: a few words for good, or null where it is worth another try.
function verdict(status, url) {
  if (status === 401 || status === 403) return REFUSED;
  if (status === 501) return /\.flv$/i.test(url.pathname) ? NO_FLV : NO_WEBRTC;
  return null;
}

function begin(video, tries) {
  video.onplaying = () => {
    tries.good();
    say("good", "Playing", "正在播放");
  };
  video.onwaiting = () => {
    say("", "Waiting for data …", "缓冲中……");
    setTimeout(() => video.readyState < 3 && find("say").dataset.kind === "" && say("", ...WAITING), STALLED_MS);
  };
  video.play().catch((error) => {
    if (error.name !== "NotAllowedError") return;
    video.muted = true;
    video.play().catch((again) => again.name === "NotAllowedError" && say("", "Click the picture to start.", "请点击画面开始播放。"));
  });
}

// `once(url, over)` starts a player and returns how to stop it; it calls `over(words)` when it has come to its end:
// with words that end it for good, or without, and it is started again.
function keepPlaying(once, video, url) {
  const tries = retries();
  let end = () => {};
  function start() {
    let done = false;
    end();
    end = once(url, (words) => {
      if (done) return;
      done = true;
      end();
      end = () => {};
      if (words) {
        say("bad", ...words);
        return;
      }
      say("", ...WAITING);
      tries.soon(start);
    });
    if (!done) begin(video, tries);
  }
  stop = () => {
    tries.cancel();
    end();
  };
  say("", ...WAITING);
  start();
}

function onceHls(video, url, over) {
  const hls = new Hls({ liveDurationInfinity: true });
  let last = -1;
  let moved = Date.now();
  video.ontimeupdate = () => (moved = Date.now());
  hls.on(Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    console.warn("hls", data.type, data.details);
    // A stream's first segment may lack what announces its sound: once the stream has moved on, it plays.
    if (/codec/i.test(data.details)) setTimeout(() => over(NO_CODEC));
    else setTimeout(() => over(verdict(data.response?.code, url)));
  });
  hls.on(Hls.Events.LEVEL_LOADED, (_, data) => {
    const now = data.details.endSN;
    // The media server began anew, or the stream goes on and the picture does not: from the live end, then.
    if (last >= 0 && (now < last || (now > last && Date.now() - moved > STALLED_MS && !video.paused))) setTimeout(over);
    else last = now;
  });
  hls.loadSource(url.href);
  hls.attachMedia(video);
  return () => hls.destroy();
}

function onceNative(video, url, over) {
  video.onerror = () => over();
  video.src = url.href;
  return () => {
    video.onerror = null;
    video.removeAttribute("src");
  };
}

function onceFlv(video, url, over) {
  const player = mpegts.createPlayer({ type: "flv", isLive: true, url: url.href }, { enableStashBuffer: false });
  player.on(mpegts.Events.ERROR, (kind, detail, info) => {
    const text = `${kind} ${detail} ${(info && info.msg) || ""}`;
    console.warn("flv", text);
    setTimeout(() => over(/codec|MediaMSE/i.test(text) ? NO_CODEC : verdict(info && info.code, url)));
  });
  player.on(mpegts.Events.LOADING_COMPLETE, () => setTimeout(over));
  player.attachMediaElement(video);
  player.load();
  return () => player.destroy();
}

function playHls(video, url) {
  if (window.Hls && Hls.isSupported()) keepPlaying((at, over) => onceHls(video, at, over), video, url);
  else if (video.canPlayType("application/vnd.apple.mpegurl")) keepPlaying((at, over) => onceNative(video, at, over), video, url);
  else say("bad", "This browser plays no HLS.", "此浏览器不支持 HLS。");
}

function playFlv(video, url) {
  if (window.mpegts && mpegts.isSupported()) keepPlaying((at, over) => onceFlv(video, at, over), video, url);
  else say("bad", "This browser plays no FLV (iPhones don't): use the .m3u8 URL.", "此浏览器不支持 FLV（例如 iPhone），请使用 .m3u8 地址。");
}

function play(text) {
  stop();
  stop = () => {};
  const url = text ? webUrl(text) : null;
  const video = find("video");
  if (!text) say("", "Give the URL of a stream: .m3u8 or .flv", "请输入直播地址：.m3u8 或 .flv");
  else if (!url) say("bad", "Only http:// and https:// URLs can be played here.", "仅支持 http:// 和 https:// 地址。");
  else if (/\.m3u8$/i.test(url.pathname)) playHls(video, url);
  else if (/\.flv$/i.test(url.pathname)) playFlv(video, url);
  else say("bad", "This is neither .m3u8 nor .flv: other formats are not played here.", "该地址既不是 .m3u8 也不是 .flv，无法播放。");
}

// `?url=…`, or the parts that srs_player.html is called with.
function wanted() {
  if (query.get("url")) return query.get("url");
  const stream = query.get("stream");
  if (!stream) return "";
  const name = /\.(flv|m3u8)$/i.test(stream) ? stream : `${stream}.flv`;
  return `${server(query.get("port"))}${parts(query.get("app") || "live")}/${parts(name)}`;
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  play(find("url").value.trim());
});
find("url").value = wanted();
if (wanted() && query.get("autostart") !== "false") play(wanted());
else play("");
