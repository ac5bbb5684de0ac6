import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { PageProps } from "../app";
import { explain, useAddresses, useRefusals, useStream } from "../api/asked";
import { api, ok, type Schemas } from "../api/client";
import { useAsked } from "../api/query";
import { streamPath } from "../format";
import { inWords, t, toldOf } from "../i18n";
import { root, secretIn, streamOf, to } from "../root";
import { AsCurl } from "../ui/curl";
import { Button, Copyable, Dialog, Empty, Field, Page, State, Time, Waiting } from "../ui/parts";
import { ObsSetUp } from "../ui/obs";
import { TestCard } from "../live/card";
import { Outlook } from "../ui/outlook";
import { Qr } from "../ui/qr";
import { useHeld } from "../ui/settling";
import { Told } from "../ui/told";

type Address = Schemas["AddressShown"];
const TOOLS = ["obs", "phone", "browser", "ffmpeg", "vmix", "srt", "device"] as const;
type Tool = (typeof TOOLS)[number];
const NEEDS: Record<Tool, Address["protocol"]> = {
  obs: "rtmp",
  phone: "rtmp",
  browser: "whip",
  ffmpeg: "rtmp",
  vmix: "rtmp",
  srt: "srt",
  device: "rtmp",
};
/** A refusal that is older than the page by more than this is of another try. */
const REFUSAL_MS = 60_000;

/** What OBS keeps as `service.json` in the folder of a profile. */
function serviceFile(address: Address): void {
  const service = { type: "rtmp_custom", settings: { server: address.server, key: address.key, use_auth: false } };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(service, null, 2)], { type: "application/json" }));
  link.download = "service.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** The link that Larix Broadcaster, an encoder for phones, takes its settings from. */
function larix(address: Address, stream: string): string {
  const query = new URLSearchParams({ "conn[][url]": address.url, "conn[][name]": stream, "conn[][overwrite]": "on" });
  return `larix://set/v1?${query.toString()}`;
}

function Steps({ tool, address, stream, secret }: { tool: Tool; address: Address; stream: string; secret: string }): JSX.Element {
  const words = t().goLive;
  const name = stream.split("/").pop() ?? "";
  const app = stream.split("/").slice(0, -1).join("/");
  const [qr, setQr] = useState(false);
  switch (tool) {
    case "obs":
    case "vmix":
      return (
        <>
          <p>{tool === "obs" ? words.obsSteps : words.vmixSteps}</p>
          <Copyable label={words.server} text={address.server} />
          <Copyable label={words.key} text={address.key} secret={secret} />
          {tool === "obs" && (
            <p>
              <Button press={() => serviceFile(address)}>{words.serviceFile}</Button> <span class="muted">{words.serviceHint}</span>
            </p>
          )}
          {tool === "obs" && <ObsSetUp server={address.server} streamKey={address.key} />}
        </>
      );
    case "phone":
      return (
        <>
          <p>{words.phoneSteps}</p>
          <Copyable label={words.address} text={address.url} secret={secret} />
          <p>
            <Button press={() => setQr(true)}>{words.qr}</Button> <a class="button" href={larix(address, stream)}>{words.openLarix}</a>
          </p>
          {qr && (
            <Dialog title={words.qr} close={() => setQr(false)}>
              <div class="body">
                <Qr text={larix(address, stream)} />
                <p>{words.qrWords}</p>
              </div>
            </Dialog>
          )}
        </>
      );
    case "browser": {
      const page = new URL("players/whip.html", root);
      page.search = new URLSearchParams({ app, stream: name }).toString();
      return (
        <>
          <p>{words.browserSteps}</p>
          <p>
            <a class="button primary" href={page.href} target="_blank" rel="noopener noreferrer">{words.openCamera}</a>
          </p>
          <Copyable label="WHIP" text={address.url} secret={secret} />
        </>
      );
    }
    case "ffmpeg":
      return (
        <>
          <p>{words.ffmpegSteps}</p>
          <Copyable label="FFmpeg" text={`ffmpeg -re -i video.mp4 -c:v libx264 -g 50 -c:a aac -f flv '${address.url}'`} secret={secret} />
        </>
      );
    case "srt":
      return (
        <>
          <p>{words.srtSteps}</p>
          <Copyable label={words.address} text={address.url} secret={secret} />
        </>
      );
    case "device":
      return (
        <>
          <p>{words.deviceSteps}</p>
          <Copyable label={words.address} text={`${address.server}/${name}${secret}`} secret={secret} />
        </>
      );
  }
}

/** Waits for the encoder: turns green, or says why the last try was refused and what to do. */
function Light({ stream }: { stream: string }): JSX.Element {
  const words = t().goLive;
  const [begun] = useState(() => Date.now());
  const streams = useStream(stream);
  const refusals = useRefusals(stream, begun - REFUSAL_MS);
  const [live, fresh] = [streams.data?.items[0], refusals.data?.items[0]];
  const asking = [streams, refusals].some((asked) => !asked.data && !asked.error);
  useHeld(asking);
  if (live) {
    return (
      <div class="light green" role="status">
        <State tone="green">{words.isLive(stream)}</State> <a class="button primary" href={to(`live/${streamPath(stream)}`)}>{words.watch}</a>
      </div>
    );
  }
  if (fresh) {
    return (
      <div class="light red" role="status">
        <State tone="red">{words.wasRefused}</State> <Time at={fresh.at} />
        <p>
          <Told of={toldOf(String(fresh.data["code"]), String(fresh.data["reason"] ?? ""))} />
        </p>
        <p class="muted">
          {words.from} {String(fresh.data["client_ip"] ?? "–")} · {words.tryAgain}
        </p>
      </div>
    );
  }
  return (
    <div class={asking ? "light held" : "light"} role="status">
      <State tone="blue">{words.waiting}</State>
      <p class="muted">{words.waitingHint}</p>
    </div>
  );
}

function Simulator({ stream }: { stream: string }): JSX.Element {
  const words = t().goLive;
  const [name, setName] = useState(stream);
  const [secret, setSecret] = useState("");
  const [seen, setSeen] = useState<Schemas["ExplanationShown"] | null>(null);
  return (
    <section class="card pad">
      <h2>{words.simulator}</h2>
      <p class="muted">{words.simulatorWords}</p>
      <div class="row">
        <Field label={words.stream} value={name} change={setName} />
        <Field label={words.secret} value={secret} change={setSecret} />
        <Button press={async () => setSeen(await explain(streamOf(name), secret))}>{words.simulate}</Button>
      </div>
      {seen && <Outlook of={seen} />}
      <AsCurl act={() => explain(streamOf(name), secret)} secret={secret} />
    </section>
  );
}

export function GoLive({ id }: PageProps): JSX.Element {
  const words = t().goLive;
  const [typed, setTyped] = useState(id || "live/livestream");
  const [tool, setTool] = useState<Tool>("obs");
  const [stream, setStream] = useState(streamOf(typed));
  const addresses = useAddresses(stream);
  const publish = useAsked(["settings", "publish"], (signal) => ok(api.GET("/v1/settings/publish", { signal })));
  const found = addresses.data?.items.filter((a) => a.direction === "publish" && a.protocol === NEEDS[tool]) ?? [];
  const usable = found.find((a) => a.available);
  const secret = usable ? secretIn(usable) : "";
  // A room's stream with a secret at its end would be another stream, which the room's secret does not open.
  const isRoom = secret !== "" && publish.data !== undefined && secret !== publish.data.secret;
  return (
    <Page title={words.title}>
      <Light key={stream} stream={stream} />
      <section class="card pad">
        <Field label={words.stream} value={typed} change={(value) => { setTyped(value); if (/^[^\s?#]+$/.test(value) && !value.endsWith("/")) setStream(streamOf(value)); }} hint={words.streamHint} />
        <div class="tabs" role="tablist" aria-label={words.tool}>
          {TOOLS.map((name) => (
            <button key={name} type="button" role="tab" aria-selected={tool === name} onClick={() => setTool(name)}>
              {words.tools[name]}
            </button>
          ))}
        </div>
        <div role="tabpanel" aria-label={words.tools[tool]}>
          {!addresses.data && <Waiting error={addresses.error} again={addresses.again} />}
          {addresses.data && !usable && <Empty words={inWords(found[0]?.code || undefined, found[0]?.why || words.noNode)} />}
          {usable && tool === "device" && isRoom && <Empty words={words.notForRooms} />}
          {usable && !(tool === "device" && isRoom) && <Steps tool={tool} address={usable} stream={stream} secret={secret} />}
        </div>
      </section>
      <TestCard stream={stream} />
      <section class="card pad">
        <h2>{words.play}</h2>
        {addresses.data?.items
          .filter((a) => a.direction === "play")
          .map((a) =>
            a.available ? (
              <Copyable key={`${a.node}${a.protocol}`} label={a.protocol.toUpperCase()} text={a.url} />
            ) : (
              <p key={`${a.node}${a.protocol}`} class="muted">
                {a.protocol.toUpperCase()}: <Told of={toldOf(a.code, a.why)} />
              </p>
            ),
          )}
      </section>
      <Simulator stream={stream} />
      <details class="card pad">
        <summary>{words.latency}</summary>
        <ul>{words.latencyTips.map((tip) => <li key={tip}>{tip}</li>)}</ul>
      </details>
    </Page>
  );
}
