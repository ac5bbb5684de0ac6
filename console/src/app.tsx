import type { ComponentType, JSX } from "preact";
import { ErrorBoundary, lazy, LocationProvider, useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";
import { useMe } from "./api/asked";
import { follow } from "./api/feed";
import { GoLive } from "./pages/golive";
import { Live } from "./pages/live";
import { SignIn } from "./pages/signin";
import { base, to } from "./root";
import { SignInAgain } from "./ui/again";
import { Empty, Waiting } from "./ui/parts";
import { Shell } from "./ui/shell";
import { Toasts } from "./ui/toasts";
import { t } from "./i18n";

export interface PageProps {
  /** What the address names below the page: '' for the page itself. */
  id: string;
}

const PAGES: Record<string, ComponentType<PageProps>> = {
  live: Live,
  golive: GoLive,
  restream: lazy(() => import("./pages/restream").then((m) => m.Restream)),
  recordings: lazy(() => import("./pages/recordings").then((m) => m.Recordings)),
  sources: lazy(() => import("./pages/sources").then((m) => m.Sources)),
  rooms: lazy(() => import("./pages/rooms").then((m) => m.Rooms)),
  callbacks: lazy(() => import("./pages/callbacks").then((m) => m.Callbacks)),
  api: lazy(() => import("./pages/api").then((m) => m.ApiPage)),
  edges: lazy(() => import("./pages/edges").then((m) => m.Edges)),
  health: lazy(() => import("./pages/health").then((m) => m.HealthPage)),
  activity: lazy(() => import("./pages/activity").then((m) => m.Activity)),
  settings: lazy(() => import("./pages/settings").then((m) => m.Settings)),
};

const Missing = (): JSX.Element => <Empty words={t().shell.noPage} action={<a href={to("live")}>{t().nav.live}</a>} />;

/** Shows pages to who is signed in; everybody else is led to the sign-in page, and back afterwards. */
function Inside({ page, id }: { page: string; id: string }): JSX.Element | null {
  const me = useMe();
  const { route, url } = useLocation();
  // Whoever was in already keeps the page, and is asked for the password over it.
  const stranger = me.error?.status === 401 && !me.data;
  useEffect(() => {
    if (stranger) route(`${to("sign-in")}?then=${encodeURIComponent(url)}`, true);
  }, [stranger]);
  useEffect(() => (me.data ? follow() : undefined), [!!me.data]);
  if (stranger) return null;
  const Shown = PAGES[page] ?? Missing;
  return <Shell page={page}><ErrorBoundary>{me.data ? <Shown id={id} /> : <Waiting error={me.error} again={me.again} />}</ErrorBoundary>{me.data && <SignInAgain />}</Shell>;
}

function Routes(): JSX.Element | null {
  const { path, route } = useLocation();
  const [page = "", ...rest] = path.slice(base.length + 1).split("/").map(decodeURIComponent);
  useEffect(() => {
    if (!page) route(to("live"), true);
  }, [page]);
  if (page === "sign-in") return <SignIn />;
  return page ? <Inside page={page} id={rest.join("/")} /> : null;
}

export const App = (): JSX.Element => (
  <LocationProvider scope={base}>
    <Routes />
    <Toasts />
  </LocationProvider>
);
