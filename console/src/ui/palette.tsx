import { signal } from "@preact/signals";
import type { JSX } from "preact";
import { ErrorBoundary, lazy } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Icon } from "./icons";

const open = signal(false);
const Palette = lazy(() => import("./palette-dialog").then((m) => m.Palette));

/** Takes a key that came before there is a field for it; false when it is none that writes. */
function keep(early: { current: string }, event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return false;
  if (event.key === "Backspace") early.current = early.current.slice(0, -1);
  else if (event.key.length === 1) early.current += event.key;
  else return false;
  return true;
}

/** Opens the palette; so does Ctrl-K, or ⌘K. What is in it is loaded then; what is typed meanwhile is kept for it. */
export function PaletteButton(): JSX.Element {
  const early = useRef("");
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (open.value && !document.querySelector("dialog[open]") && keep(early, event)) event.preventDefault();
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
      event.preventDefault();
      open.value = !document.querySelector("dialog[open]:not(.palette)") && !open.value;
      early.current = "";
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const show = (): void => {
    early.current = "";
    open.value = true;
  };
  return (
    <>
      <button type="button" class="button find" aria-keyshortcuts="Control+K" onClick={show}>
        <Icon name="search" />
        <span>{t().health.palette.open}</span>
        <kbd aria-hidden="true">Ctrl K</kbd>
      </button>
      <ErrorBoundary onError={() => (open.value = false)}>{open.value && <Palette early={early} close={() => (open.value = false)} />}</ErrorBoundary>
    </>
  );
}
