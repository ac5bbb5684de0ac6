import { expect, it } from "vitest";
import { secondsUntil, serverNow, setClock } from "./clock";
import { asCurl, firstRequest, NotSent, quoted, shownOnly } from "./curl";

const send = async (request: Request): Promise<void> => {
  if (shownOnly(request)) throw new NotSent();
  throw new Error("it was sent");
};

const post = (body: unknown): Request => new Request("https://live.example.com/v1/rooms", { method: "POST", body: JSON.stringify(body), headers: { "X-Sluice-Console": "1" } });

it("the first request of an act is shown and not sent", async () => {
  let after = false;
  const request = firstRequest(async () => {
    await send(post({ title: "it's" }));
    after = true;
  });
  expect(await asCurl(request as Request)).toBe(
    `curl --fail-with-body \\\n  -X POST \\\n  -H "Authorization: Bearer $SLUICE_TOKEN" \\\n  -H 'Content-Type: application/json' -d '{"title":"it'\\''s"}' \\\n  https://live.example.com/v1/rooms`,
  );
  await Promise.resolve();
  expect(after).toBe(false);
});

it("afterwards requests are sent again", async () => {
  firstRequest(() => send(post({})));
  await expect(send(post({}))).rejects.toThrow("it was sent");
});

it("an act that waits first, makes none, or fails shows nothing", () => {
  expect(firstRequest(() => undefined)).toBeNull();
  expect(
    firstRequest(() => {
      throw new Error("no");
    }),
  ).toBeNull();
});

it("a word for the shell holds anything", () => {
  expect(quoted("a b")).toBe("'a b'");
  expect(quoted("$(reboot)`x`")).toBe("'$(reboot)`x`'");
  expect(quoted("https://h/v1/x")).toBe("https://h/v1/x");
});

it("a clock that goes wrong is set by the server's", () => {
  const now = Date.parse("2026-01-01T00:00:00Z");
  setClock("Thu, 01 Jan 2026 00:10:00 GMT", now);
  expect(serverNow(now)).toBe(now + 600_500);
  expect(secondsUntil("2026-01-01T00:10:12.5Z", now)).toBe(12);
  setClock("Thu, 01 Jan 2026 00:00:01 GMT", now);
  expect(serverNow(now)).toBe(now);
  setClock("nonsense", now);
  expect(secondsUntil("2025-01-01T00:00:00Z", now)).toBe(0);
});
