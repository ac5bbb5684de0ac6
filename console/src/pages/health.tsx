import type { JSX } from "preact";
import type { PageProps } from "../app";
import { api, ok, type Schemas } from "../api/client";
import { useAsked } from "../api/query";
import { duration } from "../format";
import { t } from "../i18n";
import { to } from "../root";
import { Page, State, Time, Waiting } from "../ui/parts";
import { findingWords, LEVELS, useReadiness } from "../ui/health";
import { Table } from "../ui/table";
import { Told } from "../ui/told";

type Finding = Schemas["FindingShown"];

/** The page on which something can be done about it. */
const WHERE: Record<string, string> = { node: "edges", destination: "restream", callbacks: "callbacks" };

const OF_CODE: Record<string, string> = { no_nodes: "edges", recordings_unremoved: "recordings?unremoved=true" };

function Row({ finding }: { finding: Finding }): JSX.Element {
  const words = t().health;
  const [said, hint] = findingWords(finding);
  const subject = [words.subjects[finding.of] ?? finding.of, finding.name].filter(Boolean).join(" ");
  const place = OF_CODE[finding.code] ?? WHERE[finding.of];
  return (
    <li class="card pad finding">
      <State tone={LEVELS[finding.level]}>{words.levels[finding.level]}</State>
      <h2>{place ? <a href={to(place)}>{subject}</a> : subject}</h2>
      <p>
        <Told of={said} />
      </p>
      {hint.words && (
        <p class={finding.level === "good" ? "muted" : ""}>
          <strong>{words.doThis}:</strong> <Told of={hint} />
        </p>
      )}
    </li>
  );
}

function About(): JSX.Element {
  const words = t().health;
  const asked = useAsked(["about"], (signal) => ok(api.GET("/v1/about", { signal })), { every: 30_000 });
  const about = asked.data;
  if (!about) return <Waiting error={asked.error} again={asked.again} />;
  return (
    <section class="stack">
      <h2>{words.about}</h2>
      <dl class="facts card pad">
        <dt>{words.version}</dt>
        <dd>
          {about.product} {about.version}
        </dd>
        <dt>{words.installation}</dt>
        <dd>{words.installations[about.installation]}</dd>
        <dt>{words.uptime}</dt>
        <dd>{about.uptime_s === null ? "–" : duration(about.uptime_s)}</dd>
        <dt>Python</dt>
        <dd>{about.python}</dd>
        <dt>{words.licence}</dt>
        <dd>
          <a href={about.licence} target="_blank" rel="noopener noreferrer">
            MIT
          </a>
        </dd>
      </dl>
      {about.nodes.length > 0 && (
        <Table
          label={words.about}
          rows={about.nodes.map((node) => ({ ...node, id: node.node }))}
          columns={[
            { head: words.subjects["node"] ?? "", cell: (n) => n.name || n.node },
            { head: words.mediaServer, cell: (n) => [n.media_server, n.media_server_version].filter(Boolean).join(" ") || "–" },
            { head: "FFmpeg", cell: (n) => n.ffmpeg_version || "–" },
            { head: words.agent, cell: (n) => n.agent_version || "–" },
          ]}
        />
      )}
    </section>
  );
}

/** What is not ready, why, and what to do; and what runs here. */
export function HealthPage(_: PageProps): JSX.Element {
  const words = t().health;
  const asked = useReadiness(5000);
  const found = asked.data;
  return (
    <Page title={words.title} note={found ? words.dot[found.level] : ""}>
      {!found && <Waiting error={asked.error} again={asked.again} />}
      {found && (
        <>
          <p class="muted">
            {found.level === "good" ? `${words.allWell} ` : ""}
            {words.asOf} <Time at={found.at} />
          </p>
          <ul class="findings" aria-label={words.what}>
            {found.findings.map((finding) => (
              <Row key={`${finding.code}/${finding.of}/${finding.id}/${String(finding.params["domain"] ?? "")}`} finding={finding} />
            ))}
          </ul>
        </>
      )}
      <About />
    </Page>
  );
}
