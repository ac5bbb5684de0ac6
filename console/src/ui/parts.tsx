import type { ComponentChildren, JSX } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { useHeld, useSettling } from "./settling";
import type { Problem } from "../api/client";
import { utc, when } from "../format";
import { t } from "../i18n";
import type { Said } from "../i18n/told";
import { problemOf, Refused, wordsOf } from "./problems";
import { say } from "./toasts";
import { Told } from "./told";
import { Icon } from "./icons";

export type Tone = "red" | "green" | "amber" | "blue" | "grey";

interface ButtonProps {
  children: ComponentChildren;
  /** While it runs the button is busy; what it throws is said. */
  press: () => void | Promise<unknown>;
  kind?: "primary" | "plain" | "quiet" | "danger";
  disabled?: boolean;
  label?: string;
}

export function Button({ children, press, kind = "plain", disabled = false, label }: ButtonProps): JSX.Element {
  const [busy, setBusy] = useState(false);
  // Kept at once: a second press may come before the button is drawn as one that can't be pressed.
  const runs = useRef(false);
  const run = async (): Promise<void> => {
    if (disabled || runs.current) return;
    setBusy((runs.current = true));
    try {
      await press();
    } catch (error) {
      say(wordsOf(error), "bad");
    } finally {
      setBusy((runs.current = false));
    }
  };
  return (
    // Not `disabled`: the browser would take the focus away from whoever pressed it by keyboard.
    <button type="button" class={`button ${kind}`} aria-disabled={disabled || busy} aria-busy={busy} aria-label={label} onClick={() => void run()}>
      {children}
    </button>
  );
}

/** A state: a dot of its colour and its words, never the colour alone. */
export const State = ({ tone, children }: { tone: Tone; children: ComponentChildren }): JSX.Element => (
  <span class={`state ${tone}`}>
    <span class="dot" aria-hidden="true" />
    {children}
  </span>
);

export const Time = ({ at }: { at: string | null }): JSX.Element =>
  at ? (
    <time dateTime={at} title={utc(at)}>
      {when(at)}
    </time>
  ) : (
    <span>–</span>
  );

/** The page that everyone makes: a title, one action, what filters, and content. */
export const Page = (p: { title: string; note?: string; action?: ComponentChildren; filter?: ComponentChildren; children: ComponentChildren }): JSX.Element => {
  useEffect(() => {
    document.title = `${p.title} · Sluice`;
  }, [p.title]);
  const settling = useSettling();
  return (
    <div class={settling ? "page settling" : "page"}>
      <header class="page-head">
        <h1>
          {p.title} {p.note && <span class="note">{p.note}</span>}
        </h1>
        <div class="actions">
          {p.filter}
          {p.action}
        </div>
      </header>
      {p.children}
    </div>
  );
};

export const Empty = ({ words, action }: { words: string; action?: ComponentChildren }): JSX.Element => (
  <div class="empty">
    <p>{words}</p>
    {action}
  </div>
);

/** What waits for its first answer, or was told no: its place is held meanwhile. `tiles`: by as many cards as come. */
export function Waiting({ error, again, tiles }: { error: Problem | null; again: () => void; tiles?: boolean }): JSX.Element {
  const failed = error !== null && !error.unheard;
  useHeld(!failed);
  if (failed)
    return (
      <div class="empty" role="alert">
        <p>
          <Told of={problemOf(error)} />
        </p>
        <Button press={again}>{t().common.tryNow}</Button>
      </div>
    );
  return (
    <div class={tiles ? "waiting tiles" : "waiting"} role="status" aria-busy="true">
      <span class="offscreen">{t().common.loading}</span>
      <i aria-hidden="true" />
      <i aria-hidden="true" />
      <i aria-hidden="true" />
    </div>
  );
}

interface FieldProps {
  label: string;
  value: string;
  change: (value: string) => void;
  hint?: ComponentChildren;
  type?: "text" | "password" | "search" | "number" | "date" | "datetime-local";
  required?: boolean;
  options?: readonly { value: string; label: string }[];
  placeholder?: string;
  autocomplete?: string;
  error?: string;
}

export function Field(p: FieldProps): JSX.Element {
  const id = useId();
  const notes = p.hint || p.error ? `${id}-hint` : undefined;
  const common = { id, "aria-describedby": notes, "aria-invalid": p.error ? true : undefined } as const;
  return (
    <div class="field">
      <label for={id}>{p.label}</label>
      {p.options ? (
        <select {...common} value={p.value} onChange={(e) => p.change(e.currentTarget.value)}>
          {p.options.map((o) => (
            <option key={o.value} value={o.value}>
              {o.label}
            </option>
          ))}
        </select>
      ) : (
        <input
          {...common}
          // The types of the attributes tell each type of input apart; what is ours has all in common.
          {...({ type: p.type ?? "text" } as { type: "text" })}
          value={p.value}
          placeholder={p.placeholder}
          required={p.required}
          autocomplete={p.autocomplete ?? "off"}
          spellcheck={false}
          onInput={(e) => p.change(e.currentTarget.value)}
        />
      )}
      {notes && (
        <p id={notes} class={p.error ? "hint bad" : "hint"}>
          {p.error ?? p.hint}
        </p>
      )}
    </div>
  );
}

/** A check box with its words. While what it sets off runs, it shows what is wanted and can't be pressed; what that throws is said. */
export function Check(p: { label: string; value: boolean; change: (value: boolean) => void | Promise<unknown> }): JSX.Element {
  const [wanted, setWanted] = useState<boolean | null>(null);
  const run = async (value: boolean): Promise<void> => {
    const acted = p.change(value);
    if (!acted) return;
    setWanted(value);
    try {
      await acted;
    } catch (error) {
      say(wordsOf(error), "bad");
    } finally {
      setWanted(null);
    }
  };
  return (
    <label class="check">
      <input type="checkbox" checked={wanted ?? p.value} aria-disabled={wanted !== null} aria-busy={wanted !== null} onClick={(e) => wanted !== null && e.preventDefault()} onChange={(e) => void run(e.currentTarget.checked)} />
      {p.label}
    </label>
  );
}

/** Puts a text into the clipboard; over plain HTTP browsers have none, so that a field is copied from. */
async function copy(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "offscreen";
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (!done) throw new Refused(t().common.notCopied);
}

/** A text to be taken elsewhere. `secret`: shown as dots until it is asked for; what is copied is whole. */
export function Copyable({ label, text, secret }: { label: string; text: string; secret?: string | undefined }): JSX.Element {
  const [open, setOpen] = useState(false);
  const shown = secret && !open ? text.split(secret).join("••••••") : text;
  return (
    <div class="copyable">
      <span class="label">{label}</span>
      <code>{shown}</code>
      <span class="tools">
        {secret && (
          <Button kind="quiet" press={() => setOpen(!open)}>
            {open ? t().common.hide : t().common.show}
          </Button>
        )}
        <Button
          kind="quiet"
          label={`${t().common.copy}: ${label}`}
          press={async () => {
            await copy(text);
            say(t().common.copied, "good");
          }}
        >
          <Icon name="copy" /> {t().common.copy}
        </Button>
      </span>
    </div>
  );
}

/** A dialog over the page; Escape and its close button end it. */
export function Dialog(p: { title: string; close: () => void; children: ComponentChildren; wide?: boolean }): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    ref.current?.showModal();
  }, []);
  return (
    <dialog ref={ref} class={p.wide ? "wide" : ""} aria-labelledby={id} onClose={p.close}>
      <header>
        <h2 id={id}>{p.title}</h2>
        <button type="button" class="button quiet" aria-label={t().common.close} onClick={p.close}>
          <Icon name="close" />
        </button>
      </header>
      {p.children}
    </dialog>
  );
}

/** Asks before what can't be undone. */
export function Confirm(p: { title: string; words: ComponentChildren; yes: string; act: () => Promise<unknown>; close: () => void }): JSX.Element {
  return (
    <Dialog title={p.title} close={p.close}>
      <div class="body">{p.words}</div>
      <footer>
        <Button press={p.close}>{t().common.cancel}</Button>
        <Button
          kind="danger"
          press={async () => {
            await p.act();
            p.close();
          }}
        >
          {p.yes}
        </Button>
      </footer>
    </Dialog>
  );
}

/** A form in a dialog: what its act refuses is said beside it. */
export function Form(p: { send: string; act: () => Promise<unknown>; cancel?: () => void; danger?: boolean; disabled?: boolean; children: ComponentChildren }): JSX.Element {
  const [problem, setProblem] = useState<Said | null>(null);
  const [busy, setBusy] = useState(false);
  const runs = useRef(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (p.disabled || runs.current) return;
    setBusy((runs.current = true));
    setProblem(null);
    try {
      await p.act();
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy((runs.current = false));
    }
  };
  return (
    <form onSubmit={(e) => void submit(e)}>
      <div class="body">{p.children}</div>
      {problem && (
        <p class="problem" role="alert">
          <Told of={problem} />
        </p>
      )}
      <footer>
        {p.cancel && <Button press={p.cancel}>{t().common.cancel}</Button>}
        <button type="submit" class={`button ${p.danger ? "danger" : "primary"}`} aria-disabled={busy || p.disabled === true} aria-busy={busy}>
          {p.send}
        </button>
      </footer>
    </form>
  );
}
