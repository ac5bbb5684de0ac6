import type { JSX } from "preact";
import type { Said } from "../i18n/told";

const CHINESE = /[㐀-鿿]/;

/** A reason: our sentence, and what somebody else said himself as a quotation in his own language. */
export const Told = ({ of: { words, said } }: { of: Said }): JSX.Element => (
  <>
    {words}
    {said && (
      <>
        {" "}
        <q lang={CHINESE.test(said) ? "zh-CN" : "en"}>{said}</q>
      </>
    )}
  </>
);
