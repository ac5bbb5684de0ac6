import type { ComponentChildren, JSX } from "preact";
import type { Asked } from "../api/query";
import { t } from "../i18n";
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
  /** Over the cards: what narrows them. */
  filter?: ComponentChildren;
  /** Whether the filter narrows: then nothing found does not mean that there is nothing. */
  narrowed?: boolean;
  /** Below them: more of them. */
  more?: (() => void) | undefined;
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
    <Page title={p.title} action={(shown.length > 0 || p.narrowed) && add}>
      {(shown.length > 0 || p.narrowed) && p.filter}
      {!p.asked.data && <Waiting error={p.asked.error} again={p.asked.again} />}
      {p.asked.data && shown.length === 0 && <Empty words={p.narrowed ? t().common.noneFits : p.none} action={!p.narrowed && add} />}
      <div class="tiles">{shown.map(p.card)}</div>
      {p.more && <Button press={p.more}>{t().common.more}</Button>}
      {p.children}
    </Page>
  );
}
