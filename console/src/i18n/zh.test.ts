import { expect, it } from "vitest";
import { en } from "./en";
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
  expect(zh.told["out_of_range"]?.({ least: 1, most: 365 })).toBe("必须在 1 到 365 之间。");
  expect(zh.ofField("merge_window_s", "必须填写。")).toBe("重连等待（秒）：必须填写。");
});
