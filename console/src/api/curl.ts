/** A call shown instead of sent. What a button does is run as far as its first request, which is taken here and never leaves; so what
 * is shown is what a click would send, by the same code. */

/** Why a call that was only to be shown went no further. */
export class NotSent extends Error {}

let shown: Request[] | null = null;

/** Whether a request is only to be shown; then it is kept for that. */
export function shownOnly(request: Request): boolean {
  shown?.push(request);
  return shown !== null;
}

/** The first request of an act, which has to make it before it waits for anything; null when it makes none. */
export function firstRequest(act: () => unknown): Request | null {
  const taken: Request[] = [];
  shown = taken;
  try {
    void Promise.resolve(act()).catch(() => undefined);
  } catch {
    /* an act that fails by itself made no request */
  } finally {
    shown = null;
  }
  return taken[0] ?? null;
}

const FOR_CONSOLE = new Set(["x-sluice-console", "content-type", "accept"]);

/** A text as one word of a POSIX shell. */
export const quoted = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** A request as a line for a shell, with a token of the user's instead of the browser's cookie. */
export async function asCurl(request: Request): Promise<string> {
  const body = request.method === "GET" ? "" : await request.clone().text();
  const headers = [...request.headers].filter(([name]) => !FOR_CONSOLE.has(name)).map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`);
  const parts = [
    "curl --fail-with-body",
    request.method === "GET" ? "" : `-X ${request.method}`,
    `-H "Authorization: Bearer $SLUICE_TOKEN"`,
    ...headers,
    body ? `-H 'Content-Type: application/json' -d ${quoted(body)}` : "",
    quoted(request.url),
  ];
  return parts.filter(Boolean).join(" \\\n  ");
}
