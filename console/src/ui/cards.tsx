import type { ComponentChildren, JSX } from "preact";
import type { Asked } from "../api/query";
import { Button, Empty, Page, Waiting } from "./parts";
import { leaving } from "./toasts";

interface CardsProps<T> {
  title: string;
  /** What there would be, when there is nothing. */
  none: string;
  add: string;
  adding: () => void;
  asked: Asked<{ items: T[] }>;
  /** What filters; `filtered` says instead of `none` that nothing fits. */
  filter?: ComponentChildren;
  filtered?: string | undefined;
  /** Above the cards. */
  above?: ComponentChildren;
  /** What is shown, in its order, when that is not the order of the API. */
  order?: (items: T[]) => T[];
  card: (item: T) => ComponentChildren;
  /** Below them: what turns their pages. */
  below?: ComponentChildren;
  /** Dialogs. */
  children?: ComponentChildren;
}

/** A page of cards, of what can be added and removed. What is being removed is not among them. */
export function Cards<T extends { id: string }>(p: CardsProps<T>): JSX.Element {
  const there = p.asked.data?.items.filter((item) => !leaving.value.has(item.id)) ?? [];
  const shown = p.order ? p.order(there) : there;
  const add = (
    <Button kind="primary" press={p.adding}>
      {p.add}
    </Button>
  );
  return (
    <Page title={p.title} filter={(shown.length > 0 || p.filtered) && p.filter} action={(shown.length > 0 || p.filtered) && add}>
      {!p.asked.data && <Waiting error={p.asked.error} again={p.asked.again} tiles />}
      {p.asked.data && shown.length === 0 && (p.filtered ? <Empty words={p.filtered} /> : <Empty words={p.none} action={add} />)}
      {p.above}
      <div class="tiles">{shown.map(p.card)}</div>
      {p.below}
      {p.children}
    </Page>
  );
}
