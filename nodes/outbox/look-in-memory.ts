// A part of the events that are in memory, taken without a copy of all: there may be a million.
import type { QueuedEvent } from "./event";
import type { Look, Place } from "./event-queue";

/** Bytes that are looked at at once: what becomes of them must not keep the process busy. */
export const MOST_BYTES_LOOKED_AT = 1_000_000;

/**
 * Calls `visit` with one event after the other and the position of each, from a position on, until it returns true.
 * Positions count what has left, too: they stay what they are while others leave.
 */
export type Walk = (visit: (event: QueuedEvent, position: number) => boolean, from: number) => void;

/** Where nothing is read from disk, whoever looks at one part after the other would keep the process from all else. */
export function turnOfOthers(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** About so many of those that the walk comes by. */
export function lookInMemory({ sequence, inMemory }: Place, limit: number, walk: Walk): Look {
  const found: Look["found"][number][] = [];
  let bytes = 0;
  let isMore = false;
  walk((event, position) => {
    isMore = found.length >= limit || bytes >= MOST_BYTES_LOOKED_AT;
    if (isMore) return true;
    bytes += event.size;
    found.push({ event, place: { sequence, inMemory: position + 1 } });
    return false;
  }, inMemory);
  const next = found.at(-1)?.place;
  return isMore && next ? { found, next } : { found };
}
