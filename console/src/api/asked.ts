/** What several pages ask for, each under one key. */
import { api, ok, type Schemas } from "./client";
import { pages } from "./pages";
import { useAsked, type Asked } from "./query";

export type Stream = Schemas["StreamShown"];
export type Target = Schemas["TargetShown"];
export type Recording = Schemas["RecordingShown"];
export type Node = Schemas["NodeShown"];
export type LedgerEvent = Schemas["EventShown"];

const FRESH_MS = 2000;
const MOST = 100;
/** So many pages of those at most, where all are needed. */
const MOST_PAGES = 10;

export const useMe = (): Asked<Schemas["MeShown"]> => useAsked(["me"], (signal) => ok(api.GET("/v1/me", { signal })));

export const useStreams = (): Asked<Schemas["Counted_StreamShown_"]> =>
  useAsked(["streams"], (signal) => ok(api.GET("/v1/streams", { params: { query: { limit: MOST } }, signal })), { every: FRESH_MS });

/** The live stream of a name, or none. `fresh`: with numbers of the last second or two, which its node tells while somebody looks. */
export const useStream = (stream: string, fresh = false): Asked<Schemas["Counted_StreamShown_"]> =>
  useAsked(["streams", "one", stream, fresh], (signal) => ok(api.GET("/v1/streams", { params: { query: { limit: 1, stream, fresh } }, signal })), { every: FRESH_MS, enabled: stream !== "" });

export const useTargets = (): Asked<Schemas["Counted_TargetShown_"]> =>
  useAsked(["destinations"], (signal) => ok(api.GET("/v1/destinations", { params: { query: { limit: MOST } }, signal })), { every: FRESH_MS });

/** Those that serve a stream now. */
export const usePushes = (): Asked<{ items: Target[] }> =>
  useAsked(
    ["destinations", "pushing"],
    (signal) => pages(MOST_PAGES, (cursor) => ok(api.GET("/v1/destinations", { params: { query: { limit: MOST, pushing: true, ...(cursor ? { cursor } : {}) } }, signal }))),
    { every: FRESH_MS },
  );

/** Those that are for one stream alone. */
export const useTargetsOf = (stream: string): Asked<Schemas["Counted_TargetShown_"]> =>
  useAsked(["destinations", "of", stream], (signal) => ok(api.GET("/v1/destinations", { params: { query: { limit: MOST, stream } }, signal })), { every: FRESH_MS });

/** All of them, for their names. */
export const useAllTargets = (): Asked<{ items: Target[] }> =>
  useAsked(["destinations", "all"], (signal) => pages(MOST_PAGES, (cursor) => ok(api.GET("/v1/destinations", { params: { query: { limit: MOST, ...(cursor ? { cursor } : {}) } }, signal }))));

export const useNodes = (): Asked<Schemas["Page_NodeShown_"]> =>
  useAsked(["nodes"], (signal) => ok(api.GET("/v1/nodes", { params: { query: { limit: MOST } }, signal })), { every: 5000 });

export const usePlatforms = (): Asked<Schemas["Items_PlatformShown_"]> =>
  useAsked(["platforms"], (signal) => ok(api.GET("/v1/platforms", { signal })));

export const useAddresses = (stream: string): Asked<Schemas["Items_AddressShown_"]> =>
  useAsked(["addresses", stream], (signal) => ok(api.GET("/v1/addresses", { params: { query: { stream } }, signal })), { every: 10_000 });

export const useRefusals = (stream: string, since: number): Asked<Schemas["Page_EventShown_"]> =>
  useAsked(
    ["events", "refused", stream, since],
    (signal) => ok(api.GET("/v1/events", { params: { query: { kind: "publish.refused", stream, limit: 1, since: new Date(since).toISOString() } }, signal })),
    { every: FRESH_MS },
  );

/** What would become of a publish. */
export const explain = (stream: string, secret: string): Promise<Schemas["ExplanationShown"]> =>
  ok(api.POST("/v1/explain", { body: { stream, param: secret ? `?secret=${encodeURIComponent(secret)}` : "" } }));
