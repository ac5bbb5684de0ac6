/** A sentence of ours, and behind it what somebody else (FFmpeg, a platform, the system) said himself; '' where there is nothing of that. */
export interface Said {
  words: string;
  said: string;
}

/** A reason of the API with what it names, by its code. */
export type Told = Record<string, (named: Record<string, unknown>) => string | Said>;

/** A sentence of ours with what somebody else said: that is shown as his, and never in place of it. */
export const says = (words: string, said: unknown): Said => ({ words, said: said === undefined || said === null ? "" : String(said) });
