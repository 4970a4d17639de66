// The quarantine in the database of an outbox: an entry under a key of its own, so that they can be counted and paged
// without being read.
//
// `quarantine/<number>-<bytes>-<code>`; the numbers grow, and none is used twice: a page that is open in a browser must
// never name another entry than the one that it shows.
import type { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import {
  isSelected,
  type NumberedEntry,
  type QuarantineEntry,
  type Selection,
} from "./quarantine-entry";
import { seal, unseal } from "./seal";
import { unusable } from "./store-errors";
import { Turns } from "./turns";

const PREFIX = "quarantine/";
/** After the digits of every number. */
const END = `${PREFIX}:`;
/** `Number.MAX_SAFE_INTEGER` has 16 digits; padded, the order of texts is that of numbers. */
const DIGITS = 16;
/** Bytes: a broker that refuses everything must not fill the disk. */
const MOST_BYTES = 20_000_000;
const REMOVED_AT_ONCE = 1_000;
/** Bytes that are read at once. */
export const MOST_BYTES_READ = 1_000_000;
/** Of `quarantine/<number>-<bytes>-<code>`: a damaged number would spoil all later ones. */
const KEY = /^quarantine\/(0\d{15})-(\d+)-([A-Z0-9_]*)$/;

interface Place {
  readonly key: string;
  readonly id: number;
  readonly bytes: number;
  readonly code: NumberedEntry["code"];
}

interface Range {
  readonly gte: string;
  readonly lt: string;
}

/** With the id that it had in memory, if it was there. */
type Addition = QuarantineEntry & Partial<Pick<NumberedEntry, "id" | "sequence">>;

type Put = { readonly type: "put"; readonly key: string; readonly value: string };

export class StoredQuarantine {
  /** Called when the disk has failed to let entries go. */
  onFailed: (error: unknown) => void = () => undefined;
  #db: ClassicLevel | undefined;
  #isClosed = false;
  #bytes = 0;
  #latest = 0;
  #reasons = new Map<string, number>();
  /** The keys of entries that have left and are still on disk, as that has failed. */
  readonly #gone = new Set<string>();
  /** Entries that were in memory before keep the ids they had there, until the process ends. */
  readonly #idsInMemory = new TwoWayMap();
  /** Entries leave one lot after the other: else two would count the same entry. */
  readonly #turns = new Turns();

  /** Rejects with what LevelDB says. */
  open(db: ClassicLevel): Promise<void> {
    return this.#turns.next(async () => {
      this.#db = db;
      this.#bytes = 0;
      this.#reasons.clear();
      for await (const place of this.#places(db, [{ gte: PREFIX, lt: END }])) this.#count(place, 1);
      // Entries come one by one: their numbers stay behind the milliseconds that pass.
      this.#latest = Math.max(this.#latest, Date.now());
      if (this.#gone.size > 0) await this.#deleteGone(db);
    });
  }

  /** Resolves when nothing is under way. */
  close(): Promise<void> {
    return this.#turns.next(async () => {
      // If this fails, they come back with the next process.
      if (this.#db && this.#gone.size > 0) await this.#deleteGone(this.#db).catch(() => undefined);
      this.#db = undefined;
      this.#isClosed = true;
    });
  }

  get count(): number {
    let count = 0;
    for (const of of this.#reasons.values()) count += of;
    return count;
  }

  get reasons(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#reasons);
  }

  /** What is to be written to have the entries in it, and what to call when it is. */
  additions(entries: readonly Addition[]): { puts: Put[]; written: () => Promise<void> } {
    const puts = entries.map(({ id: _id, sequence: _sequence, ...entry }) => {
      this.#latest += 1;
      const text = JSON.stringify(entry);
      const key = `${PREFIX}${padded(this.#latest)}-${Buffer.byteLength(text)}-${entry.code}`;
      return { type: "put" as const, key, value: seal(key, text) };
    });
    const written = async () => {
      for (const [index, { key }] of puts.entries()) {
        const place = placeOf(key);
        if (!place) continue;
        this.#count(place, 1);
        const id = entries[index]?.id;
        if (id !== undefined) this.#idsInMemory.set(id, place.id);
      }
      if (this.#bytes > MOST_BYTES) await this.#turns.next(() => this.#removeOldest());
    };
    return { puts, written };
  }

  /** As `Quarantine.read`; what a bad disk has changed is passed over. */
  async read(before: number, limit: number, selection: Selection): Promise<NumberedEntry[]> {
    const found: NumberedEntry[] = [];
    let bytes = 0;
    const named = this.#onDisk(selection);
    try {
      for (const range of rangesOf(named, this.#idsInMemory.right(before))) {
        const all = this.#open()?.iterator({ ...range, reverse: true }) ?? [];
        for await (const [key, value] of all) {
          const place = this.#placeOf(key);
          const entry = place && isSelected(place, named) ? parsed(key, value) : undefined;
          if (!place || !entry) continue;
          found.push({ ...entry, id: this.#idsInMemory.left(place.id) });
          bytes += place.bytes;
          if (found.length >= limit || bytes >= MOST_BYTES_READ) return found;
        }
      }
    } catch (error) {
      throw this.#failure(error);
    }
    return found;
  }

  /**
   * As `Quarantine.remove`. What the disk does not let go has left all the same, and is tried again when it is opened
   * again: an event that was sent again must not be sent once more.
   */
  async remove(selection: Selection): Promise<number> {
    let count = 0;
    const named = this.#onDisk(selection);
    for (let ranges = rangesOf(named); ; ) {
      const places = await this.#turns.next(() => this.#removeSome(ranges, named));
      count += places.length;
      const last = places.at(-1);
      if (!last || places.length < REMOVED_AT_ONCE) return count;
      // LevelDB takes time to pass over what has left.
      if (!named.ids) ranges = [{ gte: last.key, lt: END }];
    }
  }

  #onDisk({ ids, code }: Selection): Selection {
    return { ids: ids?.map((id) => this.#idsInMemory.right(id)), code };
  }

  async #removeSome(ranges: readonly Range[], selection: Selection): Promise<Place[]> {
    const places: Place[] = [];
    try {
      const db = this.#open();
      if (!db) return places;
      for await (const place of this.#places(db, ranges)) {
        if (isSelected(place, selection)) places.push(place);
        if (places.length === REMOVED_AT_ONCE) break;
      }
      await this.#delete(db, places);
    } catch (error) {
      throw this.#failure(error);
    }
    return places;
  }

  /** The oldest leave until there is room again. */
  async #removeOldest(): Promise<void> {
    if (!this.#db) return;
    const places: Place[] = [];
    let excess = this.#bytes - MOST_BYTES;
    for await (const place of this.#places(this.#db, [{ gte: PREFIX, lt: END }])) {
      if (excess <= 0) break;
      places.push(place);
      excess -= place.bytes;
    }
    await this.#delete(this.#db, places);
  }

  async *#places(db: ClassicLevel, ranges: readonly Range[]): AsyncGenerator<Place> {
    for (const range of ranges) {
      for await (const key of db.keys(range)) {
        const place = this.#placeOf(key);
        if (place) yield place;
      }
    }
  }

  /** Undefined for what has left, and for a key that a bad disk has changed. */
  #placeOf(key: string): Place | undefined {
    return this.#gone.has(key) ? undefined : placeOf(key);
  }

  /** Undefined while nothing has been put on disk. */
  #open(): ClassicLevel | undefined {
    if (this.#isClosed) throw new M1Error("OUTBOX_CLOSED");
    return this.#db;
  }

  /** What LevelDB said, for a person; a database that is closed meanwhile says so in its own way. */
  #failure(error: unknown): M1Error {
    return this.#isClosed ? new M1Error("OUTBOX_CLOSED") : unusable(error);
  }

  async #delete(db: ClassicLevel, places: readonly Place[]): Promise<void> {
    if (places.length === 0) return;
    for (const place of places) {
      this.#count(place, -1);
      this.#idsInMemory.delete(place.id);
      this.#gone.add(place.key);
    }
    try {
      await this.#deleteGone(db);
    } catch (error) {
      this.onFailed(error);
      throw error;
    }
  }

  async #deleteGone(db: ClassicLevel): Promise<void> {
    const keys = [...this.#gone];
    await db.batch(keys.map((key) => ({ type: "del" as const, key })));
    for (const key of keys) this.#gone.delete(key);
  }

  #count({ id, bytes, code }: Place, change: 1 | -1): void {
    this.#latest = Math.max(this.#latest, id);
    this.#bytes += change * bytes;
    const count = (this.#reasons.get(code) ?? 0) + change;
    // For a moment it is negative if an entry leaves before its writing is told.
    if (count === 0) this.#reasons.delete(code);
    else this.#reasons.set(code, count);
  }
}

/** Numbers on the left, each with one on the right; a number that is not there stands for itself. */
class TwoWayMap {
  readonly #rights = new Map<number, number>();
  readonly #lefts = new Map<number, number>();

  set(left: number, right: number): void {
    this.#rights.set(left, right);
    this.#lefts.set(right, left);
  }

  right(left: number): number {
    return this.#rights.get(left) ?? left;
  }

  left(right: number): number {
    return this.#lefts.get(right) ?? right;
  }

  delete(right: number): void {
    this.#rights.delete(this.left(right));
    this.#lefts.delete(right);
  }
}

/** Where the entries are, the youngest first. */
function rangesOf({ ids }: Selection, before = Number.POSITIVE_INFINITY): Range[] {
  const lt = before < Number.MAX_SAFE_INTEGER ? PREFIX + padded(before) : END;
  if (!ids) return [{ gte: PREFIX, lt }];
  const wanted = [...new Set(ids)].filter((id) => id < before).sort((one, other) => other - one);
  return wanted.map((id) => ({ gte: PREFIX + padded(id), lt: PREFIX + padded(id + 1) }));
}

/** Undefined for a key that `additions` did not make. */
function placeOf(key: string): Place | undefined {
  const [, number, bytes, code = ""] = KEY.exec(key) ?? [];
  if (number === undefined) return undefined;
  return { key, id: Number(number), bytes: Number(bytes), code: code as Place["code"] };
}

function padded(id: number): string {
  return String(id).padStart(DIGITS, "0");
}

function parsed(key: string, value: string): QuarantineEntry | undefined {
  try {
    return JSON.parse(unseal(key, value));
  } catch {
    // A person has nothing to decide about it.
    return undefined;
  }
}
