// Trying again: a page that is opened before its stream waits for it, and one whose stream breaks off takes it up again.
"use strict";

const WAITING = ["Waiting for the stream …", "等待直播开始……"];
const REFUSED = ["You may not watch this stream: the link is missing, wrong, or at its end.", "您没有观看权限：链接缺失、错误或已过期。"];
const NO_WEBRTC = ["This media server has no WebRTC. Watch by HLS (.m3u8), publish by RTMP.", "此媒体服务器不支持 WebRTC：请用 HLS（.m3u8）播放，用 RTMP 推流。"];
const NO_FLV = ["This media server has no HTTP-FLV. Watch by HLS: the same URL with .m3u8.", "此媒体服务器不支持 HTTP-FLV：请用 HLS 播放（将地址改为 .m3u8）。"];
const FIRST_MS = 500;
const LONGEST_MS = 1000;
const PATIENT_AFTER_MS = 600000;
const PATIENT_MS = 5000;

// `soon(start)` has it started again after a while: longer each time, never longer than the bound. `good()` forgets the
// tries once it plays; `cancel()` gives up.
function retries() {
  let timer = 0;
  let pause = FIRST_MS;
  let since = 0;
  return {
    soon(start) {
      clearTimeout(timer);
      since = since || Date.now();
      timer = setTimeout(start, Date.now() - since > PATIENT_AFTER_MS ? PATIENT_MS : pause);
      pause = Math.min(pause * 1.5, LONGEST_MS);
    },
    good() {
      pause = FIRST_MS;
      since = 0;
    },
    cancel() {
      clearTimeout(timer);
    },
  };
}
