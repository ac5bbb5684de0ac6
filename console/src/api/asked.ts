/** What several pages ask for, each under one key. */
import { api, ok, type Schemas } from "./client";
import { useAsked, type Asked } from "./query";

export type Stream = Schemas["StreamShown"];
export type Target = Schemas["TargetShown"];
export type Recording = Schemas["RecordingShown"];
export type Node = Schemas["NodeShown"];
export type LedgerEvent = Schemas["EventShown"];

const FRESH_MS = 2000;
const MOST = 100;

export const useMe = (): Asked<Schemas["MeShown"]> => useAsked(["me"], (signal) => ok(api.GET("/v1/me", { signal })));

export const useStreams = (): Asked<Schemas["Page_StreamShown_"]> =>
  useAsked(["streams"], (signal) => ok(api.GET("/v1/streams", { params: { query: { limit: MOST } }, signal })), { every: FRESH_MS });

/** The same with numbers of the last second or two: the nodes tell them so often while somebody looks. */
export const useFreshStreams = (): Asked<Schemas["Page_StreamShown_"]> =>
  useAsked(["streams", "fresh"], (signal) => ok(api.GET("/v1/streams", { params: { query: { limit: MOST, fresh: true } }, signal })), { every: FRESH_MS });

export const useTargets = (): Asked<Schemas["Page_TargetShown_"]> =>
  useAsked(["destinations"], (signal) => ok(api.GET("/v1/destinations", { params: { query: { limit: MOST } }, signal })), { every: FRESH_MS });

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
