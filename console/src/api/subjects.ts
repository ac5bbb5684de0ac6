import type { Schemas } from "./client";

export type Subject = Schemas["ChangesShown"]["subjects"][number];

/** What the feed of changes tells of: the first parts of keys. */
export const FED: ReadonlySet<string> = new Set<Subject | "test-cards">(["test-cards", "streams", "destinations", "sources", "recordings", "rooms", "nodes", "settings", "tokens", "logins", "events", "deliveries", "callbacks", "audit"]);

/** Keys that a subject concerns besides its own. */
const ALSO: Partial<Record<Subject, string[]>> = { settings: ["addresses"], rooms: ["addresses"], sources: ["test-cards"] };

export const keysOf = (subjects: readonly Subject[]): string[] => [...new Set(subjects.flatMap((s) => [s, ...(ALSO[s] ?? [])]))];
