import { expect, it, vi } from "vitest";
import { en } from "./en";
import { inText, speak, toldOf } from "./index";
import { zh } from "./zh";

type Words = { [key: string]: unknown };

function leaves(words: Words, path = ""): [string, unknown][] {
  return Object.entries(words).flatMap(([key, value]) =>
    typeof value === "object" && value !== null ? leaves(value as Words, `${path}${key}.`) : [[`${path}${key}`, value] as [string, unknown]],
  );
}

it("Chinese has all that English has, and nothing besides", () => {
  // The API's own words are English.
  const both = (words: Words): string[] => leaves(words).map(([key]) => key).filter((key) => !key.startsWith("told."));
  expect(both(zh)).toEqual(both(en));
});

it("nothing is left in English", () => {
  const same = leaves(zh).filter(([key, value]) => typeof value === "string" && value.length > 8 && value === new Map(leaves(en)).get(key));
  expect(same).toEqual([]);
});

it("a reason names what it is about", () => {
  expect(zh.told["machine_failed"]?.({ error: "Permission denied" })).toBe("本机：没有权限。");
  expect(zh.told["store_failed"]?.({ error: "NoSuchBucket", said: "…" })).toBe("录制的存储：没有这个存储桶。");
  expect(zh.told["literal_error"]?.({ expected: "'a', 'b' or 'c'" })).toBe("只能是 'a'、'b' 或 'c'。");
  expect(zh.told["out_of_range"]?.({ least: 1, most: 365 })).toBe("必须在 1 到 365 之间。");
  expect(zh.ofField("merge_window_s", "必须填写。")).toBe("重连等待（秒）：必须填写。");
});

it("what others said is a quotation behind our own sentence, never in place of it", () => {
  const RAW = "words of somebody else";
  const named = new Proxy({}, { get: (_, name) => (["said", "error", "parts", "missing"].includes(String(name)) ? RAW : "7") });
  // Numbers of parts, and features out of a list of ours.
  const OWN_WORDS = new Set(["parts_not_joined", "ffmpeg_lacks"]);
  for (const [language, text] of Object.entries({ en, zh })) {
    const found = [...Object.entries({ ...text.told, ...text.reasons }).map(([code, say]) => [code, say(named)] as const), ...Object.entries(text.health.findings).map(([code, say]) => [code, say(named)[0]] as const)];
    for (const [code, told] of found) {
      const words = typeof told === "string" ? told : told.words;
      if (!OWN_WORDS.has(code)) expect(words, `${language} ${code}`).not.toContain(RAW);
      expect(words.trim(), code).not.toBe("");
    }
  }
});

it("what has no Chinese words stands behind a sentence that says so", async () => {
  vi.stubGlobal("document", { documentElement: {} });
  await speak("zh", false);
  expect(toldOf("of_a_newer_edge", "The moon is down.")).toEqual({ words: "原因只有英文说明：", said: "The moon is down." });
  expect(inText(toldOf("key_refused", "FFmpeg failed with status 1: no", { said: "Invalid key" }))).toBe("平台不接受串流密钥：请从平台重新复制。 “Invalid key”");
  expect(toldOf("", "")).toEqual({ words: "", said: "" });
  await speak("en", false);
  expect(toldOf("of_a_newer_edge", "The moon is down.")).toEqual({ words: "The moon is down.", said: "" });
});
