// Times as Medium One wants them over MQTT: ISO 8601 in UTC with six decimals
// (wire-contract: Time vectors). A JavaScript Date keeps only three, so ISO text goes through Temporal.

import { excerpt, M1Error, quoted } from "./errors";
import { fromString } from "./temporal";

/** `2001-01-01T00:10:10.000000Z` */
export type Timestamp = string;

/** Year 0 to 9999, in milliseconds: what ISO 8601 writes with four digits. */
const FIRST_MS = -62_167_219_200_000;
const LAST_MS = 253_402_300_799_999;

const HAS_TIME = /^[+-]?\d[\d-]*[T ]\d/i;
const HAS_ZONE = /(Z|[+-]\d\d(:?\d\d)?)(\[|$)/i;
/** Temporal reads nine decimals at the most; what follows them cannot change the microsecond. */
const EXCESS_DECIMALS = /([.,]\d{9})\d+/;

/**
 * The time that a value states, cut (never rounded up) to the microsecond.
 * Takes ISO 8601 text with a zone, a number of milliseconds since 1970 (decimals are
 * microseconds) and a Date. Throws TIME_TYPE, TIME_NO_ZONE, TIME_INVALID or TIME_RANGE.
 */
export function timestamp(value: unknown): Timestamp {
  if (typeof value === "number") return fromMilliseconds(value);
  if (typeof value === "string") return fromIso(value);
  return fromMilliseconds(timeOfDate(value));
}

/** Works on a Date of any realm: Function nodes make theirs in a context of their own. */
function timeOfDate(value: unknown): number {
  try {
    return Date.prototype.getTime.call(value);
  } catch (cause) {
    throw new M1Error("TIME_TYPE", quoted(value), { cause });
  }
}

function fromIso(text: string): Timestamp {
  const trimmed = text.trim();
  if (HAS_TIME.test(trimmed) && !HAS_ZONE.test(trimmed)) {
    throw new M1Error("TIME_NO_ZONE", { value: excerpt(text) });
  }
  let instant: ReturnType<typeof fromString>;
  try {
    instant = fromString(trimmed.replace(EXCESS_DECIMALS, "$1"));
  } catch (cause) {
    throw new M1Error("TIME_INVALID", { value: excerpt(text) }, { cause });
  }
  // Temporal's own toString takes longer than reading the text did.
  const { epochMilliseconds, epochNanoseconds } = instant;
  if (!isInRange(epochMilliseconds)) throw new M1Error("TIME_RANGE", { value: excerpt(text) });
  const nanoseconds = Number(epochNanoseconds - BigInt(epochMilliseconds) * 1_000_000n);
  return formatTimestamp(epochMilliseconds, Math.floor(nanoseconds / 1000));
}

function fromMilliseconds(milliseconds: number): Timestamp {
  if (!Number.isFinite(milliseconds)) {
    throw new M1Error("TIME_INVALID", { value: String(milliseconds) });
  }
  if (!isInRange(milliseconds)) {
    throw new M1Error("TIME_RANGE", { value: String(milliseconds) });
  }
  const whole = Math.floor(milliseconds);
  // A double near 1.7e12 is spaced a quarter of a microsecond: half that spacing is added before
  // cutting, so that the nearest double to n µs reads as n and not as n - 1. Centuries away from now
  // it is spaced by more than a microsecond, which must not become one.
  const halfSpacing = 2 ** (Math.floor(Math.log2(Math.max(1, Math.abs(milliseconds)))) - 53);
  const nudge = Math.min(halfSpacing, 0.0005);
  const micros = Math.min(999, Math.floor((milliseconds - whole + nudge) * 1000));
  return formatTimestamp(whole, micros);
}

/** Whether ISO 8601 writes its year with four digits. */
export function isInRange(milliseconds: number): boolean {
  return milliseconds >= FIRST_MS && milliseconds < LAST_MS + 1;
}

let formattedSecond = Number.NaN;
let formattedPrefix = "";

/**
 * A time in whole milliseconds since 1970 plus 0 to 999 microseconds as text. The part up to the
 * second is kept from call to call: events arrive many to the second.
 */
export function formatTimestamp(milliseconds: number, microseconds: number): Timestamp {
  const second = Math.floor(milliseconds / 1000);
  if (second !== formattedSecond) {
    formattedSecond = second;
    formattedPrefix = new Date(second * 1000).toISOString().slice(0, 20);
  }
  const fraction = (milliseconds - second * 1000) * 1000 + microseconds;
  return `${formattedPrefix}${String(fraction).padStart(6, "0")}Z`;
}
