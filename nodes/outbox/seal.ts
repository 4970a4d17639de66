// A checksum before each text that the store writes, so that no reading is ever sent that a bad disk has changed.
import { crc32 } from "node:zlib";

const MARK = "crc32:";
/** Of a checksum in hexadecimal. */
const DIGITS = 8;
const HEAD = MARK.length + DIGITS + 1;
/** What version 0.1.0 wrote has none, and begins with a number. */
const UNSEALED = /^\d+( |$)/;

/** The text with its checksum, which holds under this key only. */
export function seal(key: string, text: string): string {
  const checksum = crc32(text, crc32(key)).toString(16).padStart(DIGITS, "0");
  return `${MARK}${checksum} ${text}`;
}

export function isSealed(text: string): boolean {
  return text.startsWith(MARK);
}

/** The text that was sealed under this key, or by version 0.1.0 under none. Throws a SyntaxError where that or the text is another one by now. */
export function unseal(key: string, sealed: string): string {
  if (UNSEALED.test(sealed)) return sealed;
  const text = sealed.slice(HEAD);
  if (sealed !== seal(key, text)) throw new SyntaxError(`the checksum of ${key} is wrong`);
  return text;
}
