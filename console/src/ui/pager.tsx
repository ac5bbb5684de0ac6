import type { JSX } from "preact";
import type { Paged } from "../api/paged";
import { t } from "../i18n";
import { Button } from "./parts";

/** Turns the pages of a list; nothing where there is one page alone. */
export function Pager({ of }: { of: Pick<Paged<unknown>, "items" | "at" | "total" | "next" | "back"> }): JSX.Element | null {
  const words = t().pages;
  const shown = of.items?.length ?? 0;
  if (!of.next && !of.back) return null;
  return (
    <nav class="pager" aria-label={words.title}>
      <Button disabled={!of.back} press={() => of.back?.()}>
        {words.back}
      </Button>
      <span role="status">{shown ? words.range(of.at + 1, of.at + shown, of.total) : words.beyond}</span>
      <Button disabled={!of.next} press={() => of.next?.()}>
        {words.next}
      </Button>
    </nav>
  );
}
