// The time in an event's JSON: read, and put right after the clock was set.
import { formatTimestamp, isInRange, type Timestamp } from "./timestamp";

const KEY = '"observed_at":"';
/** `2001-01-01T00:10:10.000` and the three digits behind it. */
const MILLISECONDS = 23;
const MICROSECONDS = 26;

/** The `observed_at` in JSON that `encodeEvent` made with one. */
export function observedAtOf(json: string): Timestamp {
  const start = startOf(json);
  return json.slice(start, json.indexOf('"', start));
}

/**
 * The JSON that `encodeEvent` made, with its `observed_at` so many milliseconds later; as long as before.
 * It stays as it is where the result would have no year of four digits.
 */
export function shiftObservedAt(json: string, milliseconds: number): string {
  const start = startOf(json);
  const stamp = observedAtOf(json);
  const shifted = Date.parse(`${stamp.slice(0, MILLISECONDS)}Z`) + milliseconds;
  if (!isInRange(shifted)) return json;
  const micros = Number(stamp.slice(MILLISECONDS, MICROSECONDS));
  return json.slice(0, start) + formatTimestamp(shifted, micros) + json.slice(start + stamp.length);
}

/** It comes after the event data; in a stream's name the quotes would be escaped. */
function startOf(json: string): number {
  return json.lastIndexOf(KEY) + KEY.length;
}
