import { QueryClient, QueryObserver, type QueryKey } from "@tanstack/query-core";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Problem } from "./client";
import { FED } from "./subjects";

/** One cache for all pages: what two pages ask for is asked once. A page shows what it last knew, and how old it is. */
export const queries = new QueryClient({
  defaultOptions: {
    queries: { networkMode: "always", retry: false, staleTime: 1000, refetchOnWindowFocus: true },
    mutations: { networkMode: "always" },
  },
});
queries.mount();

/** Whether the server tells of changes: then what it tells of is asked for by itself only now and then. */
export const fed = { working: false };

export const FED_EVERY_MS = 10_000;

const pace = (key: QueryKey, every: number): number => (fed.working && FED.has(String(key[0])) ? Math.max(every, FED_EVERY_MS) : every);

export interface Asked<T> {
  data: T | undefined;
  error: Problem | null;
  /** When the data came, in ms since 1970; 0: never. */
  at: number;
  again: () => void;
  /** The same, to be waited for. */
  refetched: () => Promise<unknown>;
}

interface How {
  /** Asked again so often, in ms, while the page is looked at. */
  every?: number;
  enabled?: boolean;
}

/** Asks the API, and again and again. `load` is called with a signal that ends when nobody wants the answer. */
export function useAsked<T>(key: QueryKey, load: (signal: AbortSignal) => Promise<T>, how: How = {}): Asked<T> {
  const options = {
    queryKey: key,
    queryFn: ({ signal }: { signal: AbortSignal }) => load(signal),
    // After a failure slower, so that a server in trouble is not asked harder than one that is well.
    refetchInterval: (query: { state: { status: string } }) =>
      how.every ? (query.state.status === "error" ? Math.max(how.every, 5000) : pace(key, how.every)) : (false as const),
    enabled: how.enabled ?? true,
  };
  const observer = useMemo(() => new QueryObserver<T, Problem>(queries, options), []);
  observer.setOptions(options);
  // What comes draws anew; what is shown is always that of the key that is asked for now, never of one before.
  const [, draw] = useState<unknown>(null);
  useEffect(() => observer.subscribe(draw), [observer]);
  const { data, error, dataUpdatedAt } = observer.getOptimisticResult(queries.defaultQueryOptions(options));
  return { data, error, at: dataUpdatedAt, again: () => void observer.refetch(), refetched: () => observer.refetch() };
}

/** What begins with this key is asked again, where somebody looks at it. */
export const renew = (...key: unknown[]): void => void queries.invalidateQueries({ queryKey: key });
