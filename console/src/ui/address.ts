/** The filters of a page stand in its address, so that a page can be kept, sent and gone back to. */
import { useLocation } from "preact-iso";

/** What the address names behind its `?`. */
export function useQuery(): Record<string, string> {
  const { query } = useLocation();
  return query as Record<string, string>;
}

/** The address of this page with other filters; what is empty is left out. */
export function queried(filters: Record<string, string>): string {
  const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value !== ""));
  return location.pathname + (query.size ? `?${query.toString()}` : "");
}
