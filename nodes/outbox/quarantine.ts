// What the broker would not have, or nobody can read, kept for a person to look at and decide about: on disk where
// there is one, and else in memory.
import {
  entryBytes,
  isSelected,
  type NumberedEntry,
  type QuarantineEntry,
  type Selection,
} from "./quarantine-entry";
import { MOST_BYTES_READ, type StoredQuarantine } from "./stored-quarantine";

/** What a quarantine in memory keeps at the most, in entries and in bytes. */
const MOST_IN_MEMORY = 1_000;
const MOST_BYTES_IN_MEMORY = 5_000_000;
/** The ids of entries in memory are larger by that: they are younger than any on disk. */
const FIRST_IN_MEMORY = 1_000_000_000_000_000;

export class Quarantine {
  readonly #stored: StoredQuarantine | undefined;
  #inMemory: NumberedEntry[] = [];
  #bytes = 0;
  /** After a restart the numbers go on, as those on disk do. */
  #latest = FIRST_IN_MEMORY + Date.now();
  readonly #opening: () => Promise<void> | undefined;
  readonly #left: (sequence: number) => void;

  /**
   * What a predecessor had in memory comes first. `opening` is waited for before anything is read or removed. `left`
   * is called for an entry that leaves memory, and whose event is on disk still in the queue.
   */
  constructor(
    stored?: StoredQuarantine,
    inherited: readonly NumberedEntry[] = [],
    opening: () => Promise<void> | undefined = () => undefined,
    left: (sequence: number) => void = () => undefined,
  ) {
    this.#stored = stored;
    this.#opening = opening;
    this.#left = left;
    for (const entry of inherited) this.#keep(entry);
  }

  /** How many entries there are. */
  get count(): number {
    return this.#inMemory.length + (this.#stored?.count ?? 0);
  }

  /** How many there are of each code. */
  get reasons(): Readonly<Record<string, number>> {
    const counts = { ...this.#stored?.reasons };
    for (const { code } of this.#inMemory) counts[code] = (counts[code] ?? 0) + 1;
    return counts;
  }

  /** Those that are lost on a restart, oldest first. */
  get inMemory(): readonly NumberedEntry[] {
    return this.#inMemory;
  }

  /** The sequence numbers of the events among those that are on disk still in the queue. */
  get setAside(): readonly number[] {
    return this.#inMemory.map(({ sequence }) => sequence).filter((each) => each !== undefined);
  }

  /**
   * Keeps an entry in memory; where there is no more room, the oldest there leave. `sequence`: its event is on disk
   * still in the queue.
   */
  keep(entry: QuarantineEntry, sequence?: number): void {
    this.#keep({ ...entry, id: this.#latest + 1, ...(sequence !== undefined && { sequence }) });
  }

  #keep(entry: NumberedEntry): void {
    this.#latest = Math.max(this.#latest, entry.id);
    this.#inMemory.push(entry);
    this.#bytes += entryBytes(entry);
    while (this.#inMemory.length > MOST_IN_MEMORY || this.#bytes > MOST_BYTES_IN_MEMORY) {
      const oldest = this.#inMemory.shift();
      if (!oldest) break;
      this.#bytes -= entryBytes(oldest);
      if (oldest.sequence !== undefined) this.#left(oldest.sequence);
    }
  }

  /** About so many of those with a lower id, the youngest first; none only if there are none. Rejects if the disk does. */
  async read(before: number, limit: number, selection: Selection = {}): Promise<NumberedEntry[]> {
    await this.#opening();
    const younger = this.#younger(before, limit, selection);
    if (younger.length > 0) return younger;
    return (await this.#stored?.read(before, limit, selection)) ?? [];
  }

  #younger(before: number, limit: number, selection: Selection): NumberedEntry[] {
    const found: NumberedEntry[] = [];
    let bytes = 0;
    for (const entry of [...this.#inMemory].reverse()) {
      if (found.length >= limit || bytes >= MOST_BYTES_READ) break;
      if (entry.id >= before || !isSelected(entry, selection)) continue;
      found.push(entry);
      bytes += entryBytes(entry);
    }
    return found;
  }

  /** Resolves with how many have left. Rejects if the disk does. */
  async remove(selection: Selection): Promise<number> {
    await this.#opening();
    const removed = this.#forget((entry) => isSelected(entry, selection));
    return removed + ((await this.#stored?.remove(selection)) ?? 0);
  }

  /** What was in memory is on disk by now, but for what has left meanwhile. Rejects if the disk does not let that go. */
  async stored(entries: readonly NumberedEntry[]): Promise<void> {
    const ids = new Set(entries.map(({ id }) => id));
    const present = new Set(this.#inMemory.map(({ id }) => id));
    const left = [...ids].filter((id) => !present.has(id));
    this.#forget(({ id }) => ids.has(id));
    if (left.length > 0) await this.#stored?.remove({ ids: left });
  }

  #forget(isGone: (entry: NumberedEntry) => boolean): number {
    const { length } = this.#inMemory;
    const gone = this.#inMemory.filter(isGone);
    this.#inMemory = this.#inMemory.filter((entry) => !isGone(entry));
    for (const { sequence } of gone) if (sequence !== undefined) this.#left(sequence);
    this.#bytes = this.#inMemory.reduce((sum, entry) => sum + entryBytes(entry), 0);
    return length - this.#inMemory.length;
  }
}
