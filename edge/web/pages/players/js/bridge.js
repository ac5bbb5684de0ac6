// A picture at once. The media server gives WebRTC from the next keyframe on, seconds away perhaps, but HTTP-FLV from the
// keyframe before: so FLV plays, silently, in a <video> that covers the other until that has its first picture.
"use strict";

const BRIDGED = ["Playing by HTTP-FLV until WebRTC begins …", "WebRTC 接通之前，先以 HTTP-FLV 播放……"];
const MPEGTS = "players/vendor/mpegts-1.8.2.min.js";
// It follows the live end closely, so that the change to WebRTC is no jump in time.
const AT_THE_END = { liveBufferLatencyChasing: true, liveBufferLatencyMaxLatency: 0.6, liveBufferLatencyMinRemain: 0.1 };
const NO_PICTURE_MS = 5000;

let library = null;

// Whether mpegts.js is there and can play here; it is fetched when it is first wanted.
function mpegtsReady() {
  if (!window.MediaSource) return Promise.resolve(false);
  library ??= new Promise((resolve) => {
    const script = document.createElement("script");
    script.src = new URL(MPEGTS, root);
    script.onload = () => resolve(mpegts.isSupported());
    script.onerror = () => resolve(false);
    document.head.append(script);
  });
  return library;
}

// Calls `then` once the video has a picture. Where no pictures are drawn, in a page that nobody sees, or the browser does
// not tell of them, the video's time says so.
function firstPicture(video, then) {
  const told = Boolean(video.requestVideoFrameCallback);
  if (told) video.requestVideoFrameCallback(then);
  function moved() {
    if (video.currentTime === 0 || (told && !document.hidden)) return;
    video.removeEventListener("timeupdate", moved);
    then();
  }
  video.addEventListener("timeupdate", moved);
}

// `ended()` is called when nothing more comes of it: it failed, or the stream is over.
function flvPlayer(cover, url, ended) {
  const source = { type: "flv", isLive: true, hasAudio: false, url: url.href };
  const player = mpegts.createPlayer(source, { enableStashBuffer: false, ...AT_THE_END });
  for (const event of [mpegts.Events.ERROR, mpegts.Events.LOADING_COMPLETE]) player.on(event, () => setTimeout(ended));
  player.attachMediaElement(cover);
  player.load();
  cover.play().catch(() => {});
  return player;
}

// Begins to play `url` over `video`; gives what ends it. `shown()` is called with its first picture. It ends by itself with
// the first picture of `video`, and without a word when it shows none: WebRTC goes on, or says itself why not.
function bridge(video, url, shown) {
  const cover = find("bridge");
  let over = false;
  let player = null;
  function stop() {
    if (over) return;
    over = true;
    cover.hidden = true;
    player?.destroy();
  }
  function ended() {
    if (!over && !cover.hidden) say("", ...WAITING);
    stop();
  }
  firstPicture(video, stop);
  mpegtsReady().then((able) => {
    if (over || !able) return;
    player = flvPlayer(cover, url, ended);
    setTimeout(() => cover.hidden && stop(), NO_PICTURE_MS); // sound alone has none
    firstPicture(cover, () => {
      if (over) return;
      cover.hidden = false;
      shown();
    });
  });
  return stop;
}
