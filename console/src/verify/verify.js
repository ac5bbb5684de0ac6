import { createHmac, timingSafeEqual } from "node:crypto";

/** Throws unless the callback is genuine and fresh. Give the body as it came, byte for byte (a Buffer or a string). */
export function verify(secret, headers, body, toleranceS = 300) {
  const id = headers["webhook-id"];
  const at = headers["webhook-timestamp"];
  if (!(Math.abs(Date.now() / 1000 - Number(at)) <= toleranceS)) throw new Error("too old, or from the future");
  const key = Buffer.from(secret.replace(/^whsec_/, ""), "base64");
  const expected = Buffer.from(`v1,${createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest("base64")}`);
  // Two signatures while the secret is being changed; one that fits is enough.
  const fits = String(headers["webhook-signature"]).split(" ").some((each) => {
    const given = Buffer.from(each);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!fits) throw new Error("the signature is wrong");
}
