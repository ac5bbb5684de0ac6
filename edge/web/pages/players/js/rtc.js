// WHIP and WHEP by the browser's own RTCPeerConnection. The page says which: <body data-mode="whip"> or "whep".
"use strict";

const publishing = document.body.dataset.mode === "whip";
const tries = retries();
const SILENT_MS = 5000;
const UNBEGUN_MS = 10000;
let current = null;

function endpoint() {
  const base = server(query.get("api") || query.get("port"));
  const url = new URL(`rtc/v1/${publishing ? "whip" : "whep"}/`, base);
  for (const [name, value] of query) {
    if (!["schema", "port", "api", "autostart", "lang", "app", "stream", "secret"].includes(name)) url.searchParams.set(name, value);
  }
  url.searchParams.set("app", query.get("app") || "live");
  url.searchParams.set("stream", find("stream").value.trim());
  if (publishing && find("secret").value) url.searchParams.set("secret", find("secret").value);
  return url;
}

// The same stream by HTTP-FLV, at the same server and with the same right to play it.
function flvUrl() {
  const url = new URL(server(query.get("port")));
  url.pathname += `${parts(query.get("app") || "live")}/${parts(find("stream").value.trim())}.flv`;
  for (const [name, value] of endpoint().searchParams) if (!["app", "stream"].includes(name)) url.searchParams.set(name, value);
  return url;
}

async function camera() {
  if (!navigator.mediaDevices) {
    say(
      "bad",
      "Browsers give camera and microphone to HTTPS pages (and localhost) only: open this page by its https:// address.",
      "浏览器仅允许 HTTPS 页面（或 localhost）使用摄像头和麦克风，请用 https:// 地址打开本页。",
    );
    return null;
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ audio: true, video: { width: { ideal: 1280 }, height: { ideal: 720 } } });
  } catch {
    say("bad", "Camera or microphone cannot be used: allow it in the browser, and check that it is there.", "无法使用摄像头或麦克风：请在浏览器中允许，并检查设备。");
    return null;
  }
}

// All candidates are in the offer; who waits longer than 2 s for the last of them gains nothing.
function gathered(peer) {
  return new Promise((resolve) => {
    if (peer.iceGatheringState === "complete") resolve();
    peer.addEventListener("icegatheringstatechange", () => peer.iceGatheringState === "complete" && resolve());
    setTimeout(resolve, 2000);
  });
}

async function exchange(peer) {
  await peer.setLocalDescription(await peer.createOffer());
  await gathered(peer);
  const answer = await fetch(endpoint(), {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: peer.localDescription.sdp,
  });
  const body = await answer.text();
  if (answer.status !== 201 && answer.status !== 200) throw Object.assign(new Error(body), { status: answer.status });
  await peer.setRemoteDescription({ type: "answer", sdp: body });
  const location_ = answer.headers.get("Location");
  // As it is given: it begins with the prefix of a proxy, where one is.
  return location_ ? webUrl(new URL(location_, endpoint()).href) : null;
}

function failed(error) {
  if (error.status === 501) say("bad", ...NO_WEBRTC);
  else if (error.message.startsWith("webrtc:")) say("bad", error.message, error.message);
  else if (!publishing && (error.status === 401 || error.status === 403)) say("bad", ...REFUSED);
  else if (!publishing) again();
  else {
    const why = error.status === 403 ? error.message.trim() : "";
    say("bad", `Refused: ${why || "the secret is wrong, or somebody publishes this stream already"}.`, "推流被拒绝：密钥错误，或该流正在被推送。");
  }
}

// A viewer's page goes on until it plays.
function again() {
  end();
  say("", ...WAITING);
  tries.soon(start);
}

// A connection over which nothing comes (any more): the stream is not live, or another began in its place.
function listen(peer, video) {
  let last = -1;
  let at = Date.now();
  const timer = setInterval(() => {
    if (peer !== current?.peer) clearInterval(timer);
    else if (video.currentTime !== last) {
      last = video.currentTime;
      at = Date.now();
    } else if (!video.paused && !document.hidden && Date.now() - at > (last > 0 ? SILENT_MS : UNBEGUN_MS)) again();
  }, 500);
}

function watch(peer) {
  peer.addEventListener("connectionstatechange", () => {
    if (peer !== current?.peer) return;
    if (peer.connectionState === "connected" && publishing) say("good", "On air", "正在推流");
    if (peer.connectionState === "failed") {
      current.bridge?.();
      const here = location.hostname.startsWith("127.");
      say(
        "bad",
        here ? "No connection: browsers send no media to 127.0.0.1. Open this page as http://localhost." : "No connection: the server's WebRTC port (UDP) cannot be reached from here.",
        here ? "无法连接：浏览器不会向 127.0.0.1 发送媒体，请用 http://localhost 打开本页。" : "无法连接：从此处无法访问服务器的 WebRTC 端口（UDP）。",
      );
    }
    if (peer.connectionState === "disconnected") {
      if (publishing) say("bad", "The connection broke off.", "连接中断。");
      else again();
    }
  });
}

// The media server need not find out by itself that nobody is there any more.
function leave(session) {
  if (session) fetch(session, { method: "DELETE", keepalive: true }).catch(() => {});
}

function end() {
  tries.cancel();
  if (!current) return;
  current.stream?.getTracks().forEach((track) => track.stop());
  current.peer.close();
  current.bridge?.();
  leave(current.session);
  current = null;
}

async function start() {
  end();
  if (!find("stream").value.trim()) {
    say("", "Give the name of a stream.", "请输入流名称。");
    return;
  }
  const video = find("video");
  const stream = publishing ? await camera() : new MediaStream();
  if (!stream) return;
  if (publishing) say("", "Connecting …", "正在连接……");
  else say("", ...WAITING);
  const peer = new RTCPeerConnection();
  current = { peer, stream, session: null };
  watch(peer);
  if (publishing) stream.getTracks().forEach((track) => peer.addTransceiver(track, { direction: "sendonly" }));
  else {
    for (const kind of ["audio", "video"]) peer.addTransceiver(kind, { direction: "recvonly" });
    peer.addEventListener("track", (event) => stream.addTrack(event.track));
  }
  video.srcObject = stream;
  video.muted = true; // one's own voice is an echo, and autoplay with sound needs a click
  video.onplaying = () => {
    if (publishing) return;
    tries.good();
    say("good", "Playing", "正在播放");
  };
  video.play().catch(() => {});
  if (!publishing) listen(peer, video);
  try {
    const session = await exchange(peer);
    if (peer !== current?.peer) leave(session);
    else {
      current.session = session;
      if (!publishing) current.bridge = bridge(video, flvUrl(), () => say("", ...BRIDGED));
    }
  } catch (error) {
    if (peer !== current?.peer) return;
    end();
    failed(error);
  }
}

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  start();
});
addEventListener("pagehide", end);
find("stream").value = query.get("stream") || "livestream";
if (publishing) find("secret").value = query.get("secret") || "";
if (query.get("autostart") === "true") start();
else say("", publishing ? "Press the button to go on air." : "Press the button to play.", publishing ? "点击按钮开始推流。" : "点击按钮开始播放。");
