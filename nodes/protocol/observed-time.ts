// The time that a flow states for an event: as `timestamp` reads it, but no number that plainly means something else.
import { M1Error } from "./errors";
import { formatTimestamp, isInRange, type Timestamp, timestamp } from "./timestamp";

const YEAR_2000 = Date.UTC(2000);
const DAY = 86_400_000;

/**
 * Seconds since 1970 are no milliseconds, though both are numbers: throws TIME_SECONDS where a number or a Date is
 * before the year 2000 or more than a day ahead and would be neither as seconds, TIME_UNLIKELY where it is neither
 * way. ISO text states any time. Otherwise as `timestamp`.
 */
export function observedTime(value: unknown, now = Date.now()): Timestamp {
  const time = timestamp(value);
  if (typeof value === "string") return time;
  const milliseconds = typeof value === "number" ? value : Date.parse(time);
  if (isLikely(milliseconds, now)) return time;
  const details = { value: String(value), time };
  const seconds = milliseconds * 1_000;
  if (!isInRange(seconds) || !isLikely(seconds, now)) throw new M1Error("TIME_UNLIKELY", details);
  const meant = formatTimestamp(Math.floor(seconds), 0);
  throw new M1Error("TIME_SECONDS", { ...details, meant });
}

/** Also what lies near the clock of a machine that has not heard the time yet; and such a clock says nothing of the future. */
function isLikely(milliseconds: number, now: number): boolean {
  if (Math.abs(milliseconds - now) <= DAY) return true;
  return milliseconds >= YEAR_2000 && (milliseconds <= now + DAY || now < YEAR_2000);
}
