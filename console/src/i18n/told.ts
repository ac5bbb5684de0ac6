/** A reason of the API with what it names, by its code. */
export type Told = Record<string, (named: Record<string, unknown>) => string>;
