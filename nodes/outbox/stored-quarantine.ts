// The quarantine in the database of an outbox: an entry under a key of its own, so that they can be counted and paged
// without being read.
//
// `quarantine/<number>-<bytes>-<code>`; the numbers grow, and none is used twice while a younger one is there.
import type { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import {
  entryBytes,
  isSelected,
  type NumberedEntry,
  type QuarantineEntry,
  type Selection,
} from "./quarantine-entry";
import { seal, unseal } from "./seal";

const PREFIX = "quarantine/";
/** After the digits of every number. */
const END = `${PREFIX}:`;
/** `Number.MAX_SAFE_INTEGER` has 16 digits; padded, the order of texts is that of numbers. */
const DIGITS = 16;
/** Bytes: a broker that refuses everything must not fill the disk. */
const MOST_BYTES = 20_000_000;
const REMOVED_AT_ONCE = 1_000;

interface Place {
  readonly key: string;
  readonly id: number;
  readonly bytes: number;
  readonly code: NumberedEntry["code"];
}

type Put = { readonly type: "put"; readonly key: string; readonly value: string };

export class StoredQuarantine {
  #db: ClassicLevel | undefined;
  #isClosed = false;
  #bytes = 0;
  #latest = 0;
  #reasons = new Map<string, number>();

  /** Rejects with what LevelDB says. */
  async open(db: ClassicLevel): Promise<void> {
    this.#db = db;
    this.#bytes = 0;
    this.#reasons.clear();
    for await (const key of db.keys({ gte: PREFIX, lt: END })) this.#count(placeOf(key), 1);
  }

  close(): void {
    this.#db = undefined;
    this.#isClosed = true;
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
  additions(entries: readonly QuarantineEntry[]): { puts: Put[]; written: () => Promise<void> } {
    const puts = entries.map((entry) => {
      this.#latest += 1;
      const key = `${PREFIX}${padded(this.#latest)}-${entryBytes(entry)}-${entry.code}`;
      return { type: "put" as const, key, value: seal(key, JSON.stringify(entry)) };
    });
    const written = async () => {
      for (const { key } of puts) this.#count(placeOf(key), 1);
      if (this.#bytes > MOST_BYTES) await this.#removeOldest();
    };
    return { puts, written };
  }

  /** As `Quarantine.read`; what a bad disk has changed is passed over. */
  async read(before: number, limit: number, selection: Selection): Promise<NumberedEntry[]> {
    const found: NumberedEntry[] = [];
    for (const range of rangesOf(selection, before)) {
      for await (const [key, value] of this.#open()?.iterator({ ...range, reverse: true }) ?? []) {
        const place = placeOf(key);
        const entry = isSelected(place, selection) ? parsed(key, value) : undefined;
        if (entry) found.push({ ...entry, id: place.id });
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  /** As `Quarantine.remove`. */
  async remove(selection: Selection): Promise<number> {
    let count = 0;
    for await (const places of this.#selected(selection)) {
      await this.#delete(places);
      count += places.length;
    }
    return count;
  }

  async *#selected(selection: Selection): AsyncGenerator<Place[]> {
    let places: Place[] = [];
    for (const range of rangesOf(selection)) {
      for await (const key of this.#open()?.keys(range) ?? []) {
        const place = placeOf(key);
        if (isSelected(place, selection)) places.push(place);
        if (places.length < REMOVED_AT_ONCE) continue;
        yield places;
        places = [];
      }
    }
    if (places.length > 0) yield places;
  }

  /** The oldest leave until there is room again. */
  async #removeOldest(): Promise<void> {
    const places: Place[] = [];
    let excess = this.#bytes - MOST_BYTES;
    for await (const key of this.#db?.keys({ gte: PREFIX, lt: END }) ?? []) {
      const place = placeOf(key);
      places.push(place);
      excess -= place.bytes;
      if (excess <= 0) break;
    }
    await this.#delete(places);
  }

  /** Undefined while nothing has been put on disk. */
  #open(): ClassicLevel | undefined {
    if (this.#isClosed) throw new M1Error("OUTBOX_CLOSED");
    return this.#db;
  }

  async #delete(places: readonly Place[]): Promise<void> {
    await this.#open()?.batch(places.map(({ key }) => ({ type: "del" as const, key })));
    for (const place of places) this.#count(place, -1);
  }

  #count({ id, bytes, code }: Place, change: 1 | -1): void {
    this.#latest = Math.max(this.#latest, id);
    this.#bytes += change * bytes;
    const count = (this.#reasons.get(code) ?? 0) + change;
    if (count > 0) this.#reasons.set(code, count);
    else this.#reasons.delete(code);
  }
}

/** Where the entries are, the youngest first. */
function rangesOf(
  { ids }: Selection,
  before = Number.POSITIVE_INFINITY,
): { gte: string; lt: string }[] {
  const lt = before < Number.MAX_SAFE_INTEGER ? PREFIX + padded(before) : END;
  if (!ids) return [{ gte: PREFIX, lt }];
  const wanted = ids.filter((id) => id < before).sort((one, other) => other - one);
  return wanted.map((id) => ({ gte: PREFIX + padded(id), lt: PREFIX + padded(id + 1) }));
}

function placeOf(key: string): Place {
  const [number, bytes, code = ""] = key.slice(PREFIX.length).split("-");
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
