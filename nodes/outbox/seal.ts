// A checksum before each text that the store writes, so that no reading is ever sent that a bad disk has changed.
import { createHash } from "node:crypto";

const MARK = "sha1:";
/** What version 0.1.0 wrote has none, and begins with a number. */
const UNSEALED = /^\d+( |$)/;
/** Of forty: enough that no accident passes for the right one. */
const DIGITS = 16;
const HEAD = MARK.length + DIGITS + 1;

/** The text with its checksum, which holds under this key only. */
export function seal(key: string, text: string): string {
  return `${MARK}${checksum(key, text)} ${text}`;
}

/** The text that was sealed under this key. Throws a SyntaxError where that or the text is another one by now. */
export function unseal(key: string, sealed: string): string {
  if (UNSEALED.test(sealed)) return sealed;
  const text = sealed.slice(HEAD);
  if (sealed !== seal(key, text)) throw new SyntaxError(`the checksum of ${key} is wrong`);
  return text;
}

function checksum(key: string, text: string): string {
  return createHash("sha1").update(`${key}\n`).update(text).digest("hex").slice(0, DIGITS);
}
