import type { JSX } from "preact";
import type { Paged } from "../api/paged";
import { t } from "../i18n";
import { Button } from "./parts";
import { problemOf } from "./problems";
import { Told } from "./told";

/** Turns the pages of a list; nothing where there is one page alone. A page, or a filter, that was refused is said here: what is shown
 * is still what was there before. */
export function Pager({ of }: { of: Paged<unknown> }): JSX.Element | null {
  const words = t().pages;
  const shown = of.items?.length ?? 0;
  // What may work a little later is told of by the banner of all pages.
  const refused = of.items && of.asked.error && !of.asked.error.passing ? of.asked.error : null;
  if (!of.part && !refused) return null;
  return (
    <nav class="pager" aria-label={words.title}>
      {refused && (
        <p class="why" role="alert">
          <Told of={problemOf(refused)} />
        </p>
      )}
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
