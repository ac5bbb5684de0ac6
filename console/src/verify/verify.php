<?php
/** Throws unless the callback is genuine and fresh. Give the body as it came: file_get_contents('php://input'). */
function verify_callback(string $secret, array $headers, string $body, int $tolerance_s = 300): void
{
    $id = $headers['webhook-id'];
    $at = $headers['webhook-timestamp'];
    if (!ctype_digit($at) || abs(time() - (int) $at) > $tolerance_s) {
        throw new RuntimeException('too old, or from the future');
    }
    $key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
    $expected = 'v1,' . base64_encode(hash_hmac('sha256', "$id.$at.$body", $key, true));
    // Two signatures while the secret is being changed; one that fits is enough.
    foreach (explode(' ', $headers['webhook-signature']) as $each) {
        if (hash_equals($expected, $each)) {
            return;
        }
    }
    throw new RuntimeException('the signature is wrong');
}
