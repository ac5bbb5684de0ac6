import { expect, it } from "vitest";
import { base64, hmac, sha256, utf8 } from "./crypt";
import { diff, inLines } from "./diff";
import { headersOf, verdict } from "./signature";

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
const without = null as unknown as undefined; // as on plain HTTP

it("SHA-256 is that of the standard, with WebCrypto and without", async () => {
  for (const subtle of [undefined, without]) {
    expect(hex(await sha256(utf8("abc"), subtle))).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hex(await sha256(utf8(""), subtle))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }
  for (const length of [55, 56, 63, 64, 65, 1000]) {
    const data = Uint8Array.from({ length }, (_, i) => i);
    expect(hex(await sha256(data, without))).toBe(hex(await sha256(data)));
  }
});

it("HMAC is that of RFC 4231", async () => {
  expect(hex(await hmac(utf8("Jefe"), utf8("what do ya want for nothing?"), without))).toBe("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
});

// The example of the Standard Webhooks libraries.
const SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const AT = 1614265330;
const BODY = '{"test": 2432232314}';
const HEADERS = `webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\nwebhook-timestamp: ${AT}\nWebhook-Signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=`;
const NOW = AT * 1000;

it("a signature is verified, and what is wrong is said", async () => {
  const headers = headersOf(HEADERS);
  expect(await verdict(SECRET, headers, BODY, NOW)).toBe("valid");
  expect(await verdict(SECRET, headers, BODY, NOW + 301_000)).toBe("too_old");
  expect(await verdict(SECRET, headers, BODY, NOW - 301_000)).toBe("too_new");
  expect(await verdict(SECRET, headers, `${BODY}x`, NOW)).toBe("wrong");
  expect(await verdict(SECRET, headers, `${BODY}\n`, NOW)).toBe("wrong_but_trimmed");
  expect(await verdict(`whsec_${base64(utf8("other"))}`, headers, BODY, NOW)).toBe("wrong");
  expect(await verdict("whsec_***", headers, BODY, NOW)).toBe("no_secret");
  expect(await verdict(SECRET, headersOf("x: y"), BODY, NOW)).toBe("no_headers");
});

it("one of two signatures is enough, and headers may be JSON", async () => {
  const both = { ...headersOf(HEADERS), "webhook-signature": `v1,AAAA ${headersOf(HEADERS)["webhook-signature"]}` };
  expect(await verdict(SECRET, headersOf(JSON.stringify(both)), BODY, NOW)).toBe("valid");
});

it("texts are compared line by line", () => {
  expect(diff("a\nb\nc", "a\nx\nc").map((l) => l.kind + l.text)).toEqual([" a", "-b", "+x", " c"]);
  expect(diff("", "a").map((l) => l.kind + l.text)).toEqual(["-", "+a"]);
  expect(diff("same", "same")).toEqual([{ kind: " ", text: "same" }]);
  expect(diff("x\n".repeat(500), "y").length).toBe(502);
  expect(inLines('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(inLines("<html>")).toBe("<html>");
});
