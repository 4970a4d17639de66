// Times and how long ago they were, as the editor's language says it.
import { inUnit } from "./amounts";

/** Seconds of each unit; the largest that fits is shown. */
const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Milliseconds; what is less may be the answer's way here, and that it states whole seconds. */
const SURELY_DIFFERENT = 5_000;

/** By how many milliseconds the runtime's clock is ahead of the browser's. */
let difference = 0;

/** `now` is milliseconds since 1970, at the moment, by the runtime's clock. */
export function setRuntimeClock(now: number): void {
  const ahead = now - Date.now();
  difference = Math.abs(ahead) < SURELY_DIFFERENT ? 0 : ahead;
}

/** For how long it has been so, such as 3 min. */
export function durationSince(time: number): string {
  const [count, unit] = inLargestUnit(time);
  return inUnit(count, unit);
}

/** How long ago it was, such as 3 min. ago. */
export function ago(time: number): string {
  const [count, unit] = inLargestUnit(time);
  const options = { style: "short", numeric: "always" } as const;
  return new Intl.RelativeTimeFormat(RED.i18n.lang(), options).format(-count, unit);
}

/** With the date, unless it is today's. */
export function clockTime(time: number): string {
  const isToday = new Date(time).toDateString() === new Date().toDateString();
  const date = isToday ? {} : ({ dateStyle: "short" } as const);
  return formatted(time, { ...date, timeStyle: "medium" });
}

export function fullTime(time: number): string {
  return formatted(time, { dateStyle: "long", timeStyle: "long" });
}

/** Damage makes numbers that are no times. */
function formatted(time: number, options: Intl.DateTimeFormatOptions): string {
  const isTime = !Number.isNaN(new Date(time).getTime());
  return isTime ? new Intl.DateTimeFormat(RED.i18n.lang(), options).format(time) : String(time);
}

function inLargestUnit(time: number): [count: number, unit: (typeof UNITS)[number][0]] {
  const seconds = Math.max(0, Math.floor((Date.now() + difference - time) / 1_000));
  const [unit, length] = UNITS.find(([, fits]) => seconds >= fits) ?? ["second", 1];
  return [Math.floor(seconds / length), unit];
}
