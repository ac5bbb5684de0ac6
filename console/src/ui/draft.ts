import { useEffect, useState } from "preact/hooks";

/** What somebody writes over what the API last told: it stays as written until it is saved, whatever comes meanwhile. */
export function useDraft<T>(told: T | undefined): { draft: T | null; write: (changed: T) => void; saved: () => void } {
  const [draft, setDraft] = useState<T | null>(null);
  const [touched, setTouched] = useState(false);
  useEffect(() => {
    if (told !== undefined && !touched) setDraft(told);
  }, [told, touched]);
  return {
    draft,
    write: (changed) => {
      setTouched(true);
      setDraft(changed);
    },
    saved: () => setTouched(false),
  };
}
