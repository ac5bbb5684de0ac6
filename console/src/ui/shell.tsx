import type { ComponentChildren, JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";
import { api, ok, Problem } from "../api/client";
import { queries } from "../api/query";
import { duration } from "../format";
import { language, speak, t, type Language } from "../i18n";
import { icon, to } from "../root";
import { shownTheme, wear, type Theme } from "../theme";
import { HealthDot } from "./health";
import { Icon } from "./icons";
import { PaletteButton } from "./palette";
import { Field } from "./parts";
import { flush } from "./toasts";

type PageName = "live" | "golive" | "restream" | "recordings" | "sources" | "rooms" | "callbacks" | "api" | "edges" | "activity" | "health" | "settings";

const GROUPS: readonly { group: "onAir" | "library" | "connect" | "operate"; pages: readonly PageName[] }[] = [
  { group: "onAir", pages: ["live", "golive", "restream"] },
  { group: "library", pages: ["recordings", "sources", "rooms"] },
  { group: "connect", pages: ["callbacks", "api"] },
  { group: "operate", pages: ["edges", "activity", "health", "settings"] },
];
const FIRST: readonly PageName[] = ["live", "golive", "restream", "recordings"];

const Item = ({ name, current }: { name: PageName; current: boolean }): JSX.Element => (
  <a href={to(name)} aria-current={current ? "page" : undefined}>
    <Icon name={name} /> {t().nav[name]}
  </a>
);

/** Says that the API is away: since when, how old is what is shown, and 'Try now'. The pages stay as they were. */
function Away(): JSX.Element | null {
  const [since, setSince] = useState(0);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const look = (): void => {
      const failing = queries
        .getQueryCache()
        .getAll()
        .filter((q) => q.isActive() && q.state.error instanceof Problem && q.state.error.passing);
      setNow(Date.now());
      setSince(failing.length ? Math.min(...failing.map((q) => q.state.dataUpdatedAt || q.state.errorUpdatedAt)) : 0);
    };
    const stop = queries.getQueryCache().subscribe(look);
    const timer = setInterval(look, 1000);
    return () => {
      stop();
      clearInterval(timer);
    };
  }, []);
  if (!since) return null;
  return (
    <div class="banner" role="alert">
      <span>{t().shell.away(duration((now - since) / 1000))}</span>
      <button type="button" class="button" onClick={() => void queries.refetchQueries({ type: "active" })}>
        {t().common.tryNow}
      </button>
    </div>
  );
}

const Choices = (): JSX.Element => (
  <div class="choices">
    <Field
      label={t().shell.theme}
      value={shownTheme.value}
      change={(value) => wear(value as Theme)}
      options={(["system", "light", "dark"] as const).map((value) => ({ value, label: t().shell.themes[value] }))}
    />
    <Field
      label={t().shell.language}
      value={language.value}
      change={(value) => void speak(value as Language)}
      options={[
        { value: "en", label: "English" },
        { value: "zh", label: "简体中文" },
      ]}
    />
    <button
      type="button"
      class="button quiet"
      onClick={() =>
        void flush()
          .then(() => ok(api.POST("/v1/logout")))
          .finally(() => {
            location.href = to("sign-in");
          })
      }
    >
      {t().shell.signOut}
    </button>
  </div>
);

/** The frame of every page: the rail, or the bar below where it is narrow, and the page itself. */
export function Shell({ page, children }: { page: string; children: ComponentChildren }): JSX.Element {
  const { path } = useLocation();
  const [more, setMore] = useState(false);
  useEffect(() => setMore(false), [path]);
  return (
    <div class="shell">
      <a class="skip" href="#main">
        {t().shell.skip}
      </a>
      <nav class={more ? "rail open" : "rail"} aria-label={t().shell.pages}>
        <a class="brand" href={to("live")}>
          <img src={icon} alt="" width="24" height="24" /> Sluice
        </a>
        {GROUPS.map(({ group, pages }) => (
          <div key={group} class="group">
            <h2>{t().nav[group]}</h2>
            {pages.map((name) => (
              <Item key={name} name={name} current={page === name} />
            ))}
          </div>
        ))}
        <Choices />
      </nav>
      <nav class="bar" aria-label={t().shell.pages}>
        {FIRST.map((name) => (
          <Item key={name} name={name} current={!more && page === name} />
        ))}
        <button type="button" aria-expanded={more} onClick={() => setMore(!more)}>
          <Icon name="more" /> {t().nav.more}
        </button>
      </nav>
      <main id="main" tabIndex={-1}>
        <div class="top">
          <PaletteButton />
          <HealthDot />
        </div>
        <Away />
        {children}
      </main>
    </div>
  );
}
