// Fills in the addresses under which this server was reached, with the ports that it reports.
"use strict";

const host = location.hostname;
const withPort = (port, usual) => (String(port) === usual || !port ? "" : `:${port}`);

function link(id, path) {
  const node = find(id);
  const url = new URL(path, root).href;
  node.href = new URL(`tools/player.html?url=${encodeURIComponent(url)}`, root).href;
  node.textContent = url;
}

link("flv", "live/livestream.flv");
link("hls", "live/livestream.m3u8");
fetch(new URL("terraform/v1/mgmt/envs", root), { method: "POST", body: JSON.stringify({ locale: tell("en", "zh") }) })
  .then((answer) => answer.json())
  .then(({ data }) => {
    find("rtmp").textContent = `rtmp://${host}${withPort(data.rtmpPort, "1935")}/live/livestream?secret=…`;
    find("srt").textContent = `srt://${host}:${data.srtPort}?streamid=#!::r=live/livestream,secret=…,m=publish`;
  })
  .catch(() => say("bad", "The cloud does not answer now; media goes on.", "云端暂时无法访问，媒体服务不受影响。"));
