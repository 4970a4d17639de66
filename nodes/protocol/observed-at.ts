// The moment of arrival in an event's JSON, put right after the clock was set.
import { formatTimestamp, isInRange } from "./timestamp";

const KEY = '"observed_at":"';
/** `2001-01-01T00:10:10.000` and the three digits behind it. */
const MILLISECONDS = 23;
const MICROSECONDS = 26;

/**
 * The JSON that `encodeEvent` made, with its `observed_at` so many milliseconds later; as long as before.
 * It stays as it is where the result would have no year of four digits.
 */
export function shiftObservedAt(json: string, milliseconds: number): string {
  // It comes after the event data; in a stream's name the quotes would be escaped.
  const start = json.lastIndexOf(KEY) + KEY.length;
  const stamp = json.slice(start, json.indexOf('"', start));
  const shifted = Date.parse(`${stamp.slice(0, MILLISECONDS)}Z`) + milliseconds;
  if (!isInRange(shifted)) return json;
  const micros = Number(stamp.slice(MILLISECONDS, MICROSECONDS));
  return json.slice(0, start) + formatTimestamp(shifted, micros) + json.slice(start + stamp.length);
}
