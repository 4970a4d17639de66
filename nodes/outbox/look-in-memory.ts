// A part of the events that are in memory, taken without a copy of all: there may be a million.
import type { QueuedEvent } from "./event";
import type { Look, Place } from "./event-queue";

/** Bytes that are looked at at once: what becomes of them must not keep the process busy. */
export const MOST_BYTES_LOOKED_AT = 1_000_000;

/** Calls `visit` with one event after the other, until it returns true. */
export type Walk = (visit: (event: QueuedEvent) => boolean) => void;

/** About so many of those that the walk comes by, behind the first that `after` counts. */
export function lookInMemory({ sequence, inMemory }: Place, limit: number, walk: Walk): Look {
  const found: Look["found"][number][] = [];
  let skipped = 0;
  let bytes = 0;
  let isMore = false;
  walk((event) => {
    if (skipped < inMemory) {
      skipped += 1;
      return false;
    }
    isMore = found.length >= limit || bytes >= MOST_BYTES_LOOKED_AT;
    if (isMore) return true;
    bytes += event.size;
    found.push({ event, place: { sequence, inMemory: inMemory + found.length + 1 } });
    return false;
  });
  const next = found.at(-1)?.place;
  return isMore && next ? { found, next } : { found };
}
