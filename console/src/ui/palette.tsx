import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { ErrorBoundary, lazy } from "preact-iso";
import { useEffect } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./icons";

const open = signal(false);
const Palette = lazy(() => import("./palette-dialog").then((m) => m.Palette));

/** Opens the palette; so does Ctrl-K, or ⌘K. What is in it is loaded then. */
export function PaletteButton(): JSX.Element {
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      open.value = !document.querySelector("dialog[open]:not(.palette)") && !open.value;
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  return (
    <>
      <button type="button" class="button find" aria-keyshortcuts="Control+K" onClick={() => (open.value = true)}>
        <Icon name="search" />
        <span>{t().health.palette.open}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <ErrorBoundary>{open.value && <Palette close={() => (open.value = false)} />}</ErrorBoundary>
    </>
  );
}
