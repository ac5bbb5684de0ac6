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
  card: (item: T) => ComponentChildren;
  /** Dialogs. */
  children?: ComponentChildren;
}

/** A page of cards, of what can be added and removed. What is being removed is not among them. */
export function Cards<T extends { id: string }>(p: CardsProps<T>): JSX.Element {
  const shown = p.asked.data?.items.filter((item) => !leaving.value.has(item.id)) ?? [];
  const add = (
    <Button kind="primary" press={p.adding}>
      {p.add}
    </Button>
  );
  return (
    <Page title={p.title} action={shown.length > 0 && add}>
      {!p.asked.data && <Waiting error={p.asked.error} again={p.asked.again} />}
      {p.asked.data && shown.length === 0 && <Empty words={p.none} action={add} />}
      <div class="tiles">{shown.map(p.card)}</div>
      {p.children}
    </Page>
  );
}
