import { signal } from "@preact/signals";
import createClient, { type Middleware } from "openapi-fetch";
import type { components, paths } from "./schema";
import { root } from "../root";
import { setClock } from "./clock";
import { NotSent, shownOnly } from "./curl";

export type Schemas = components["schemas"];

/** A field that is wrong, and why. */
interface WrongField {
  field: string;
  reason: string;
  code: string;
  params: Record<string, unknown>;
}

/** What the API said no with, or that it did not answer (`status` 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly params: Record<string, unknown>,
    detail: string,
    readonly fields: readonly WrongField[] = [],
  ) {
    super(detail);
  }

  /** Whether nobody was there to say no: the page's one banner says so, and nothing else needs to. */
  get unheard(): boolean {
    return this.status === 0 || (this.status >= 502 && !this.code);
  }

  /** Whether the same call may work a little later: nobody answered, or nobody could. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

/** Whether the login that the page was opened with is over. */
export const loginEnded = signal(false);

const console_: Middleware = {
  onRequest: ({ request }) => {
    request.headers.set("X-Sluice-Console", "1");
    if (shownOnly(request)) throw new NotSent();
    return request;
  },
  onResponse: ({ response, schemaPath }) => {
    setClock(response.headers.get("date"), Date.now());
    if (response.status === 401 && schemaPath !== "/v1/login" && schemaPath !== "/v1/sign-in") loginEnded.value = true;
    return undefined;
  },
};

const client = createClient<paths>({ baseUrl: root.href.replace(/\/$/, ""), credentials: "same-origin" });
client.use(console_);

export const api = client;

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

const asRecord = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** What an answer holds, or a `Problem`. */
export async function ok<T>(asked: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await asked;
  } catch (error) {
    if (error instanceof NotSent || (error instanceof DOMException && error.name === "AbortError")) throw error;
    throw new Problem(0, "no_answer", {}, "The server does not answer.");
  }
  if (answer.response.ok) return answer.data as T;
  const told = asRecord(answer.error);
  const detail = String(told["detail"] ?? answer.response.statusText);
  const wrong = Array.isArray(told["errors"]) ? told["errors"].map(asRecord) : [];
  const fields = wrong.map((each) => ({ field: String(each["field"]), reason: String(each["reason"]), code: String(each["code"]), params: asRecord(each["params"]) }));
  throw new Problem(answer.response.status, String(told["code"] ?? ""), asRecord(told["params"]), detail, fields);
}
