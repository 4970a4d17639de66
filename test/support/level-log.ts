// When an event was written to LevelDB's logs, as a trace of the disk shows: what the package says of it is not asked.
import type { Operation } from "./disk-trace";

/** LevelDB's log format: blocks of this size, of records with a head each, none across two blocks. */
const BLOCK = 32_768;
const HEAD = 7;

export interface Written {
  readonly number: number;
  /** Seconds since 1970 when its last byte was being written. */
  readonly at: number;
  /** The first sync of that log after that: when it ended. Infinity if there was none. */
  readonly syncedAt: number;
}

/** By the number that stands in each event, as it was written first. */
export function writtenEvents(operations: readonly Operation[]): Map<number, Written> {
  const events = new Map<number, Written>();
  for (const name of new Set(operations.map((operation) => operation.path))) {
    if (!name.endsWith(".log")) continue;
    const own = operations.filter((operation) => operation.path === name);
    const writes = own.filter((operation) => operation.kind === "write");
    const syncs = own.filter((operation) => operation.kind === "sync");
    const content = Buffer.concat(writes.map(({ data }) => data));
    for (const { text, end } of recordsOf(content)) {
      const write = writes.find(({ offset, data }) => offset + data.length >= end);
      if (!write) continue;
      const sync = syncs.find(({ start }) => start >= write.end);
      const times = { at: write.start, syncedAt: sync?.end ?? Number.POSITIVE_INFINITY };
      for (const [, digits] of text.matchAll(/"number":(\d+)/g)) {
        const number = Number(digits);
        if (!events.has(number)) events.set(number, { number, ...times });
      }
    }
  }
  return events;
}

/** What LevelDB wrote at once, put together again. */
function* recordsOf(log: Buffer): Generator<{ text: string; end: number }> {
  let parts: Buffer[] = [];
  let at = 0;
  while (at + HEAD <= log.length) {
    const left = BLOCK - (at % BLOCK);
    if (left < HEAD) {
      at += left;
      continue;
    }
    const end = at + HEAD + log.readUInt16LE(at + 4);
    const kind = log.readUInt8(at + 6);
    parts.push(log.subarray(at + HEAD, end));
    at = end;
    // FULL or LAST
    if (kind !== 1 && kind !== 4) continue;
    yield { text: Buffer.concat(parts).toString("latin1"), end };
    parts = [];
  }
}
