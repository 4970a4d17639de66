// Keeps in a folder what a sandbox has. Memory is what counts, with its bounds: the folder follows it twice a
// second, with all that has changed meanwhile in one step, and so always has what there was at one moment.
import { Turns } from "../broker/turns";
import type { StoredEvent } from "../cloud/stored-event";
import { SandboxError } from "../sandbox-error";
import { DataFolder, type Entry } from "./data-folder";
import { Mirror, ordered, type Room } from "./mirror";

/** Milliseconds between two writes. */
const PAUSE = 500;

/** No room, as they are too many to be looked through each time. */
export interface KeptEvents {
  /** Oldest first. */
  readonly events: readonly StoredEvent[];
  readonly totals: { readonly events: number };
  /** The last of so many in all. */
  restoreEvents(events: readonly StoredEvent[], total: number): void;
}

export interface KeepingOptions {
  readonly folder: string;
  /** Events that are read again at the most. */
  readonly keep: number;
  readonly events: KeptEvents;
  /** Each with the name that its keys begin with, in the order in which they are restored. */
  readonly rooms: Readonly<Record<string, Room>>;
  /** Nothing is kept any more. */
  readonly failed: (error: Error) => void;
}

/** Written with all else, so that it tells if something is missing. The events are numbered from 1. */
interface Summary {
  readonly first: number;
  readonly last: number;
  /** Of all rooms. */
  readonly items: number;
}

const SUMMARY = "summary";
const EMPTY: Summary = { first: 1, last: 0, items: 0 };

export class Keeping {
  readonly #options: KeepingOptions;
  readonly #mirrors: readonly Mirror[];
  readonly #turns = new Turns();
  #data: DataFolder | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isRestored = false;
  /** No older event is on disk. */
  #first = EMPTY.first;
  /** No newer one is. */
  #last = EMPTY.last;

  constructor(options: KeepingOptions) {
    this.#options = options;
    this.#mirrors = Object.entries(options.rooms).map(([name, room]) => new Mirror(name, room));
  }

  /**
   * The first time it restores what the folder has; later the folder gets what is in memory instead.
   * Rejects with a SandboxError whose code begins with DATA_.
   */
  async open(): Promise<void> {
    const data = await DataFolder.open(this.#options.folder);
    try {
      await this.#read(data);
    } catch (error) {
      await data.close();
      throw error;
    }
    this.#isRestored = true;
    this.#data = data;
    this.#schedule();
  }

  /** Once all is written. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#turns.take(() => this.#write());
    await this.#data?.close();
    this.#data = undefined;
  }

  async #read(data: DataFolder): Promise<void> {
    const [summary] = await data.read({ gte: SUMMARY, lte: SUMMARY });
    const { first, last, items } = (summary?.[1] as Summary | undefined) ?? EMPTY;
    const found: [Room, unknown[]][] = [];
    for (const mirror of this.#mirrors) found.push([mirror.room, await mirror.read(data)]);
    this.#checkCount(found.flatMap(([, values]) => values).length, items);
    this.#first = EMPTY.first;
    this.#last = EMPTY.last;
    if (this.#isRestored) return;
    const oldest = Math.max(first, last - this.#options.keep + 1);
    const events = await data.read({ gte: eventKey(oldest), lte: eventKey(last) });
    this.#checkCount(events.length, last - oldest + 1);
    // A kill may have come before what was forgotten was cleared.
    this.#first = EMPTY.first;
    this.#last = last;
    const values = events.map(([, event]) => event as StoredEvent);
    this.#options.events.restoreEvents(values, last);
    for (const [room, values] of found) for (const value of values) await room.restore(value);
  }

  #checkCount(found: number, expected: number): void {
    if (found === expected) return;
    const reason = `${found} entries where there were ${expected}`;
    throw SandboxError.dataDamaged(this.#options.folder, reason);
  }

  #schedule(): void {
    this.#timer = setTimeout(async () => {
      await this.#turns.take(() => this.#write());
      if (this.#timer && this.#data) this.#schedule();
    }, PAUSE);
  }

  async #write(): Promise<void> {
    const data = this.#data;
    if (!data) return;
    try {
      await this.#follow(data);
    } catch (error) {
      this.#data = undefined;
      // A database that cannot write may not be able to end either; that is no news.
      await data.close().catch(() => undefined);
      this.#options.failed(error as Error);
    }
  }

  async #follow(data: DataFolder): Promise<void> {
    const { events, totals } = this.#options.events;
    const { events: last } = totals;
    const first = last - events.length + 1;
    const unwritten = events.slice(Math.max(this.#last + 1 - first, 0));
    const put: Entry[] = unwritten.map((event, index) => [
      eventKey(last - unwritten.length + 1 + index),
      event,
    ]);
    const changes = await Promise.all(this.#mirrors.map((mirror) => mirror.changes()));
    put.push(...changes.flatMap((each) => each.put));
    const deleted = changes.flatMap((each) => each.deleted);
    if (put.length + deleted.length === 0) return;
    const items = this.#mirrors.reduce((sum, { size }) => sum + size, 0);
    await data.write([...put, [SUMMARY, { first, last, items } satisfies Summary]], deleted);
    this.#last = last;
    // Those that were forgotten count no more, and can go when there is time.
    if (first > this.#first)
      await data.clear({ gte: eventKey(this.#first), lte: eventKey(first - 1) });
    this.#first = first;
  }
}

function eventKey(number: number): string {
  return `event/${ordered(number)}`;
}
