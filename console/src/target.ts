/** Where a stream is pushed, as people paste it. */

/** Server and key of a whole address: what stands before its last slash, and behind it. Undefined: it is none, or has no key. */
export function divided(pasted: string): { server: string; key: string } | undefined {
  const found = /^\s*(rtmps?:\/\/[^/\s]+\/[^\s?]+)\/([^/\s][^\s]*)\s*$/i.exec(pasted);
  return found?.[1] && found[2] ? { server: found[1], key: found[2] } : undefined;
}
