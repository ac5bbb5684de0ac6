// Plays HTTP-FLV and HLS in a <video>: `play(url)`. hls.js and mpegts.js do what the browser cannot.
"use strict";

let stop = () => {};

const NOT_LIVE = ["This stream is not live, or you may not watch it.", "该直播不存在、已结束，或您没有观看权限。"];
const NO_CODEC = [
  "This browser cannot decode the stream (H.265, perhaps). Try Safari, Edge with HEVC extension, or send H.264.",
  "此浏览器无法解码该流（可能是 H.265）。请使用 Safari、装有 HEVC 扩展的 Edge，或改用 H.264 推流。",
];
const BROKEN = ["The stream broke off.", "播放中断。"];

const NOTHING = ["Nothing comes: the stream is not live (yet).", "没有收到数据：该直播尚未开始。"];
const PATIENCE_MS = 8000;
const AGAIN = 8;
const AGAIN_MS = 2000;

function begin(video) {
  say("", "Starting …", "正在启动……");
  setTimeout(() => video.readyState < 2 && find("say").dataset.kind === "" && say("", ...NOTHING), PATIENCE_MS);
  video.onplaying = () => say("good", "Playing", "正在播放");
  video.onwaiting = () => say("", "Waiting for data …", "缓冲中……");
  video.play().catch((error) => {
    if (error.name !== "NotAllowedError") return;
    video.muted = true;
    video.play().catch(() => say("", "Click the picture to start.", "请点击画面开始播放。"));
  });
}

function playHls(video, url, again = AGAIN) {
  if (window.Hls && Hls.isSupported()) {
    const hls = new Hls({ liveDurationInfinity: true });
    hls.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal) return;
      console.warn("hls", data.type, data.details);
      if (data.details === Hls.ErrorDetails.BUFFER_APPEND_ERROR && again > 0) {
        // A stream's first segment may lack what announces its sound: once the stream has moved on, it plays.
        hls.destroy();
        const timer = setTimeout(() => playHls(video, url, again - 1), AGAIN_MS);
        stop = () => clearTimeout(timer);
        return;
      }
      hls.destroy();
      if (/codec|Codec/.test(data.details)) say("bad", ...NO_CODEC);
      else if (/manifest|level/i.test(data.details)) say("bad", ...NOT_LIVE);
      else say("bad", ...BROKEN);
    });
    hls.loadSource(url.href);
    hls.attachMedia(video);
    stop = () => hls.destroy();
  } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.onerror = () => say("bad", ...NOT_LIVE);
    video.src = url.href;
  } else {
    say("bad", "This browser plays no HLS.", "此浏览器不支持 HLS。");
    return;
  }
  begin(video);
}

function playFlv(video, url) {
  if (!window.mpegts || !mpegts.isSupported()) {
    say("bad", "This browser plays no FLV (iPhones don't): use the .m3u8 URL.", "此浏览器不支持 FLV（例如 iPhone），请使用 .m3u8 地址。");
    return;
  }
  const player = mpegts.createPlayer({ type: "flv", isLive: true, url: url.href }, { enableStashBuffer: false });
  player.on(mpegts.Events.ERROR, (kind, detail, info) => {
    const text = `${kind} ${detail} ${(info && info.msg) || ""}`;
    if (/codec|MediaMSE/i.test(text)) say("bad", ...NO_CODEC);
    else if (/HttpStatusCode|Exception/.test(text)) say("bad", ...NOT_LIVE);
    else say("bad", ...BROKEN);
  });
  player.attachMediaElement(video);
  player.load();
  stop = () => player.destroy();
  begin(video);
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
