import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEPT = "sluice.theme";
export const shownTheme = signal<Theme>("system");

/** Shows this theme from now on, and keeps it for the next time. */
export function wear(theme: Theme): void {
  shownTheme.value = theme;
  document.documentElement.dataset["theme"] = theme;
  try {
    localStorage.setItem(KEPT, theme);
  } catch {
    /* a browser that keeps nothing shows it until the page is left */
  }
}

/** The theme that was chosen, or the system's. */
export function usualTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEPT);
    return kept === "light" || kept === "dark" ? kept : "system";
  } catch {
    return "system";
  }
}
