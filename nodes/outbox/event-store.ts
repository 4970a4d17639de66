// The events of one connection in a LevelDB folder, in the order of their acceptance: blocks of events,
// and one entry that tells which of them have left the queue (event-keys.ts). What is in quarantine is
// in a file beside the folder.
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import type { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import type { Identity } from "../protocol/topics";
import type { FoundEvent, StoredEvent } from "./event";
import { blocksOf, type EventBlock, eventsOf } from "./event-block";
import { EventKeys } from "./event-keys";
import { Quarantine } from "./quarantine";
import { RemovedSequences } from "./removed-sequences";
import { isDamage, reasonOf, unusable } from "./store-errors";

export interface Changes {
  /** Each the successor of the one before. */
  readonly add: readonly StoredEvent[];
  /** Sequence numbers. */
  readonly remove: readonly number[];
}

/** What there is to say of an event that cannot be read. */
const UNKNOWN = { acceptedAt: 0, topic: "", payload: "", qos: 0 } as const;
/** So many events that have left may remain on disk: deleting has a cost of its own. */
const SWEPT_AT_ONCE = 2_000;

export class EventStore {
  readonly folder: string;
  /** One for each user in each folder. */
  readonly name: string;
  readonly #keys: EventKeys;
  readonly #quarantine: Quarantine;
  #removed = new RemovedSequences();
  /** The watermark of `#removed` as it stands on disk: it lags behind when writing fails. */
  #watermarkOnDisk = 1;
  /** Blocks that end before this event are deleted. */
  #swept = 0;
  #db: ClassicLevel | undefined;
  /** Writes go one after the other: no older state of `#removed` may overwrite a newer one. */
  #earlier: Promise<void> = Promise.resolve();

  /** Does not touch the disk. */
  constructor(folder: string, identity: Identity) {
    this.folder = folder;
    this.#keys = new EventKeys(identity);
    this.name = `${folder} ${this.#keys.clock}`;
    this.#quarantine = new Quarantine(`${folder}.quarantine.jsonl`);
  }

  /** Whether there may be events from an earlier process. */
  exists(): boolean {
    return existsSync(this.folder);
  }

  /**
   * Opens the folder, made if it is not there. If it is damaged it is kept under another name, and
   * an empty one takes its place: then the OUTBOX_DAMAGED to tell the user is returned. With
   * OUTBOX_UNREADABLE all events are there, and some that had left come again.
   * Throws OUTBOX_UNUSABLE.
   */
  async open(): Promise<M1Error | undefined> {
    try {
      await mkdir(this.folder, { recursive: true });
      return await this.#openDatabase();
    } catch (error) {
      if (!isDamage(error)) throw unusable(error);
      return this.#replaceFolder(error);
    }
  }

  /** Rejects with what LevelDB says; then none of the changes is on disk. */
  write(changes: Changes): Promise<void> {
    const written = this.#earlier.then(() => this.#write(changes));
    this.#earlier = written.catch(() => undefined);
    return written;
  }

  async #write({ add, remove }: Changes): Promise<void> {
    for (const sequence of remove) this.#removed.add(sequence);
    const operations = [];
    for (const block of blocksOf(add)) {
      operations.push({ type: "put" as const, key: this.#keys.ofBlock(block), value: block.text });
    }
    if (remove.length > 0) {
      const value = this.#removed.toString();
      operations.push({ type: "put" as const, key: this.#keys.removed, value });
    }
    await this.#open().batch(operations);
    if (remove.length > 0) this.#watermarkOnDisk = this.#removed.watermark;
    // The changes are on disk whether this fails or not; the next write tries again.
    if (this.#watermarkOnDisk - this.#swept >= SWEPT_AT_ONCE)
      await this.#sweep().catch(() => undefined);
  }

  /**
   * About `limit` events that come after that sequence number, or less if they have so many
   * characters, oldest first; none only if there are none.
   */
  async read(after: number, limit: number, characters: number): Promise<FoundEvent[]> {
    const isWanted = (sequence: number) => sequence > after && !this.#removed.has(sequence);
    const events: FoundEvent[] = [];
    let length = 0;
    const iterator = this.#open().iterator(this.#keys.from(after + 1));
    for await (const [key, text] of iterator) {
      events.push(...(await this.#eventsOf({ ...this.#keys.extent(key), text }, isWanted)));
      length += text.length;
      if (events.length >= limit || (length >= characters && events.length > 0)) break;
    }
    return events;
  }

  /** The newest event's sequence number; 0 if there has been none. */
  async last(): Promise<number> {
    const range = { ...this.#keys.from(1), reverse: true, limit: 1 };
    const [key] = await this.#open().keys(range).all();
    const newest = key === undefined ? 0 : this.#keys.extent(key).last;
    return Math.max(newest, this.#removed.watermark - 1);
  }

  /** How many events there are. */
  async count(): Promise<number> {
    let count = 0;
    for await (const key of this.#open().keys(this.#keys.from(1))) {
      const { first, last } = this.#keys.extent(key);
      count += this.#removed.present(first, last);
    }
    return count;
  }

  /** The first sequence number after that one whose event has not left, whether it is written yet or not. */
  firstPresentAfter(sequence: number): number {
    return this.#removed.firstPresentAfter(sequence);
  }

  /** What `writeClock` wrote last; undefined if there is nothing. */
  readClock(): Promise<string | undefined> {
    return this.#open().get(this.#keys.clock);
  }

  /** Comes after what was to be written before. Rejects with what LevelDB says. */
  writeClock(text: string): Promise<void> {
    const written = this.#earlier.then(() => this.#open().put(this.#keys.clock, text));
    this.#earlier = written.catch(() => undefined);
    return written;
  }

  /** Moves an event out of the queue. A crash in between leaves it in both: better than in neither. */
  async quarantine(event: StoredEvent, reason: string): Promise<void> {
    await this.#quarantine.add(event, reason);
    await this.write({ add: [], remove: [event.sequence] });
  }

  async close(): Promise<void> {
    await this.#earlier;
    // If this fails, the next process does it.
    if (this.#db) await this.#sweep().catch(() => undefined);
    await this.#db?.close();
    this.#db = undefined;
  }

  /** Where the text makes no sense it goes into quarantine, and the events from there on have a fault. */
  async #eventsOf(
    block: EventBlock,
    isWanted: (sequence: number) => boolean,
  ): Promise<FoundEvent[]> {
    const events: FoundEvent[] = [];
    let next = block.first;
    try {
      for (const event of eventsOf(block)) {
        next = event.sequence + 1;
        if (isWanted(event.sequence)) events.push(event);
      }
    } catch (error) {
      const lost = Array.from({ length: block.last - next + 1 }, (_, index) => next + index);
      const wanted = lost.filter(isWanted);
      if (wanted.length === 0) return events;
      const fault = await this.#quarantineText(block.text, error);
      for (const sequence of wanted) events.push({ ...UNKNOWN, sequence, fault });
    }
    return events;
  }

  async #openDatabase(): Promise<M1Error | undefined> {
    // Not loaded where no outbox is on disk.
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(this.folder);
    await db.open();
    this.#db = db;
    const warning = await this.#readRemoved(db);
    this.#watermarkOnDisk = this.#removed.watermark;
    this.#swept = 0;
    // Looks at every block: damage is to show now, and not when its turn comes.
    await this.count();
    return warning;
  }

  /** If that makes no sense, no event that is there counts as removed: twice is better than never. */
  async #readRemoved(db: ClassicLevel): Promise<M1Error | undefined> {
    const text = (await db.get(this.#keys.removed)) ?? "1";
    try {
      this.#removed = RemovedSequences.parse(text);
      return undefined;
    } catch (error) {
      const [oldest] = await db.keys({ ...this.#keys.from(1), limit: 1 }).all();
      this.#removed = new RemovedSequences(
        oldest === undefined ? 1 : this.#keys.extent(oldest).first,
      );
      return this.#quarantineText(text, error);
    }
  }

  async #quarantineText(text: string, cause: unknown): Promise<M1Error> {
    await this.#quarantine.addText(text, reasonOf(cause));
    return new M1Error("OUTBOX_UNREADABLE", { file: this.#quarantine.file }, { cause });
  }

  async #replaceFolder(cause: unknown): Promise<M1Error> {
    const folder = `${this.folder}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    try {
      await this.#db?.close();
      await rename(this.folder, folder);
      await mkdir(this.folder, { recursive: true });
      await this.#openDatabase();
    } catch (error) {
      throw unusable(error);
    }
    return new M1Error("OUTBOX_DAMAGED", { folder, reason: reasonOf(cause) }, { cause });
  }

  #open(): ClassicLevel {
    if (!this.#db) throw new TypeError("the event store is not open");
    return this.#db;
  }

  /** No further than the disk knows: else the next process would give the numbers out again, some as removed. */
  async #sweep(): Promise<void> {
    const watermark = this.#watermarkOnDisk;
    await this.#open().clear(this.#keys.before(watermark));
    this.#swept = watermark;
  }
}
