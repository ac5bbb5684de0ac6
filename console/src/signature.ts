/** Whether a callback is signed by a secret (Standard Webhooks), and if not, why. Computed here: the secret leaves the page for nowhere. */
import { base64, fromBase64, hmac, utf8 } from "./crypt";

export type Verdict = "valid" | "no_headers" | "no_secret" | "too_old" | "too_new" | "wrong" | "wrong_but_trimmed";

const TOLERANCE_S = 300;

/** Headers as they are pasted: `name: value` lines, or as JSON. Names in small letters. */
export function headersOf(pasted: string): Record<string, string> {
  const found: Record<string, string> = {};
  try {
    const told: unknown = JSON.parse(pasted);
    if (typeof told === "object" && told !== null) for (const [name, value] of Object.entries(told)) found[name.toLowerCase()] = String(value);
    return found;
  } catch {
    /* lines, then */
  }
  for (const line of pasted.split("\n")) {
    const at = line.indexOf(":");
    if (at > 0) found[line.slice(0, at).trim().toLowerCase()] = line.slice(at + 1).trim();
  }
  return found;
}

async function signed(secret: string, id: string, at: string, body: string): Promise<string | null> {
  const key = fromBase64(secret.trim().replace(/^whsec_/, ""));
  return key && key.length > 0 ? `v1,${base64(await hmac(key, utf8(`${id}.${at}.${body}`)))}` : null;
}

/** `now`: in ms since 1970. A signature that fits, but long ago, is told apart from one that does not. */
export async function verdict(secret: string, headers: Record<string, string>, body: string, now: number): Promise<Verdict> {
  const [id, at, given] = [headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-signature"]];
  if (!id || !at || !given || !/^\d+$/.test(at)) return "no_headers";
  const expected = await signed(secret, id, at, body);
  if (!expected) return "no_secret";
  const fits = (one: string): boolean => given.split(/\s+/).includes(one);
  if (!fits(expected)) {
    // Copying often adds a line's end, or takes it away.
    const trimmed = await signed(secret, id, at, body.trim());
    return trimmed && fits(trimmed) ? "wrong_but_trimmed" : "wrong";
  }
  const age = now / 1000 - Number(at);
  return age > TOLERANCE_S ? "too_old" : age < -TOLERANCE_S ? "too_new" : "valid";
}
