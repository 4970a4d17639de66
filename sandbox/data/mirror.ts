// What of one room is on disk, and what must be written there so that it is as the room.
import type { DataFolder, Entry } from "./data-folder";

/** One thing that a room has. */
export interface Item {
  /** The same for the same thing, and no other's. */
  readonly name: unknown;
  /** Another one whenever `value` gives something else. */
  readonly version: unknown;
  /** As JSON has it. */
  readonly value: () => unknown;
}

/** A part of the sandbox that has something to keep. */
export interface Room {
  items(): Iterable<Item>;
  /** Called with each value that was kept, in the order of the items, before the sandbox listens. */
  restore(value: unknown): void | Promise<void>;
}

export interface Changes {
  readonly put: readonly Entry[];
  readonly deleted: readonly string[];
}

export class Mirror {
  readonly room: Room;
  readonly #prefix: string;
  #known = new Map<unknown, { readonly key: string; readonly version: unknown }>();
  #next = 0;

  /** Its keys begin with the name. */
  constructor(name: string, room: Room) {
    this.room = room;
    this.#prefix = `${name}/`;
  }

  /** How many items are on disk. */
  get size(): number {
    return this.#known.size;
  }

  /** The values on disk, in order. As nobody knows of which item each is, the next changes replace them. */
  async read(data: DataFolder): Promise<unknown[]> {
    const found = await data.read({ gte: this.#prefix, lte: `${this.#prefix}~` });
    this.#known = new Map(found.map((entry) => [entry, { key: entry[0], version: undefined }]));
    return found.map(([, value]) => value);
  }

  /** Since it was called last; it is taken for granted that they are written. */
  async changes(): Promise<Changes> {
    const gone = this.#known;
    this.#known = new Map();
    const put: Promise<Entry>[] = [];
    for (const { name, version, value } of this.room.items()) {
      const before = gone.get(name);
      const key = before?.key ?? `${this.#prefix}${ordered(this.#next++)}`;
      this.#known.set(name, { key, version });
      gone.delete(name);
      if (before?.version !== version) put.push(entryOf(key, value()));
    }
    const deleted = [...gone.values()].map(({ key }) => key);
    return { put: await Promise.all(put), deleted };
  }
}

async function entryOf(key: string, value: unknown): Promise<Entry> {
  return [key, await value];
}

/** So that the order of keys is that of numbers. */
export function ordered(number: number): string {
  return String(number).padStart(16, "0");
}
