import type { JSX } from "preact";
import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";
import { to } from "../root";
import { Field } from "./parts";

const TYPING_MS = 300;

/** A search field that says what was typed when the typing pauses. */
export function Search({ label, value, change }: { label: string; value: string; change: (value: string) => void }): JSX.Element {
  const [typed, setTyped] = useState(value);
  const said = useRef(value);
  useEffect(() => {
    if (value !== said.current) setTyped((said.current = value));
  }, [value]);
  useEffect(() => {
    if (typed === said.current) return undefined;
    const timer = setTimeout(() => change((said.current = typed)), TYPING_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return <Field label={label} value={typed} change={setTyped} type="search" />;
}

/** What the address of a page says beside its path, and how to change it: a link shows what its sender saw. */
export function useAddress(page: string): [Readonly<Record<string, string>>, (changed: Record<string, string>) => void, string] {
  const { query, route } = useLocation();
  const search = (set: Record<string, string>): string => {
    const kept = Object.entries(set).filter(([, value]) => value);
    return kept.length ? `?${kept.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join("&")}` : "";
  };
  return [query, (changed) => route(`${to(page)}${search({ ...query, ...changed })}`, true), search({ ...query })];
}
