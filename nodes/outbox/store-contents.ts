// What a database holds of one user's events, found by looking at all its keys, and what is missing there.
import type { ClassicLevel } from "classic-level";
import { MOST_EVENTS } from "./event-block";
import type { EventKeys, Extent } from "./event-keys";
import type { Position } from "./ledger";
import { RemovedSequences } from "./removed-sequences";
import { unseal } from "./seal";

export interface StoreContents {
  /** Those that have left, and those that are missing. */
  readonly removed: RemovedSequences;
  /** All before it have left, as the database itself knows. */
  readonly watermark: number;
  /** The sequence number of the newest event that there has been; 0 if none. */
  readonly newest: number;
  /** The size of the events that have not left; where some of a block have, nearly. */
  readonly bytes: number;
  /** So many events are missing. */
  readonly lost: number;
  /** Of the entry that tells which have left, if it makes no sense. */
  readonly fault?: { readonly text: string; readonly error: unknown };
}

/** `position` is what the ledger says. Rejects with what LevelDB says. */
export async function contentsOf(
  db: ClassicLevel,
  keys: EventKeys,
  position: Position,
): Promise<StoreContents> {
  const extents = await extentsOf(db, keys);
  // Where nothing tells, no event that is there counts as removed: twice is better than never.
  const oldest = extents[0]?.first ?? position.newest + 1;
  const { removed, fault } = await readRemoved(db, keys.removed, position.watermark || oldest);
  const { watermark } = removed;
  removed.addRange(1, position.watermark - 1);
  let lost = 0;
  let size = 0;
  let next = removed.watermark;
  for (const { first, last, bytes = 0 } of [...extents, end(position.newest + 1)]) {
    size += (bytes * removed.present(Math.max(first, next), last)) / (last - first + 1 || 1);
    lost += removed.present(next, first - 1);
    removed.addRange(next, first - 1);
    next = Math.max(next, last + 1);
  }
  return {
    removed,
    watermark,
    newest: next - 1,
    bytes: Math.round(size),
    lost,
    ...(fault && { fault }),
  };
}

/** Where the events end. */
function end(next: number): Extent {
  return { first: next, last: next - 1 };
}

/** In order. */
async function extentsOf(db: ClassicLevel, keys: EventKeys): Promise<Extent[]> {
  const extents: Extent[] = [];
  for await (const key of db.keys(keys.from(1))) {
    const extent = keys.extent(key);
    // A damaged key says nothing.
    if (!isBlock(extent) || key !== keys.ofBlock(extent)) continue;
    const bytes = extent.bytes ?? (await db.get(key))?.length;
    extents.push({ ...extent, bytes });
  }
  return extents;
}

function isBlock({ first, last }: Extent): boolean {
  return first >= 1 && first <= last && last < first + MOST_EVENTS;
}

async function readRemoved(db: ClassicLevel, key: string, watermark: number) {
  const text = await db.get(key);
  if (text === undefined) return { removed: new RemovedSequences(watermark) };
  try {
    return { removed: RemovedSequences.parse(unseal(key, text)) };
  } catch (error) {
    return { removed: new RemovedSequences(watermark), fault: { text, error } };
  }
}
