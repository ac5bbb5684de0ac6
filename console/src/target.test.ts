import { expect, it } from "vitest";
import { divided } from "./target";

it("a whole address is a server and a key", () => {
  expect(divided(" rtmp://a.rtmp.youtube.com/live2/abcd-1234\n")).toEqual({ server: "rtmp://a.rtmp.youtube.com/live2", key: "abcd-1234" });
  expect(divided("RTMPS://h:443/a/b/?streamname=live_1&key=2/3")).toEqual({ server: "RTMPS://h:443/a/b", key: "?streamname=live_1&key=2/3" });
  expect(divided("rtmp://h/app/k?token=a/b")).toEqual({ server: "rtmp://h/app", key: "k?token=a/b" });
});

it("a key is one, whatever it holds, and so is a server alone", () => {
  for (const text of ["abcd-1234", "live_1?key=a/b", "rtmp://h/app", "rtmp://h/app/", "srt://h:1?streamid=x/y", ""]) expect(divided(text), text).toBe(undefined);
});
