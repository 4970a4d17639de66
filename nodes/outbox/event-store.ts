// The events of one connection in a LevelDB folder, in the order of their acceptance: blocks of events,
// one entry that tells which of them have left the queue (event-keys.ts), and what is in quarantine.
import { existsSync } from "node:fs";
import { mkdir, rm, statfs, writeFile } from "node:fs/promises";
import path from "node:path";
import type { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import type { OutboxSync } from "../protocol/settings";
import type { Identity } from "../protocol/topics";
import { BlockReading, type BlockReadingOwner, type Wanted } from "./block-reading";
import type { FoundEvent, StoredEvent } from "./event";
import { blocksOf } from "./event-block";
import { EventKeys } from "./event-keys";
import { takeFolder } from "./folder-use";
import { type CommitOwner, GroupCommit } from "./group-commit";
import { Ledger } from "./ledger";
import { LogSync } from "./log-sync";
import { type QuarantineEntry, refusedEntry, unreadableEntry } from "./quarantine-entry";
import { hasQuarantineFile, takeOverFiles } from "./quarantine-file";
import { RemovedSequences } from "./removed-sequences";
import { seal, unseal } from "./seal";
import { contentsOf } from "./store-contents";
import { reasonOf, unusable } from "./store-errors";
import { openDatabase, openStore } from "./store-opening";
import { StoredQuarantine } from "./stored-quarantine";
import { Turns } from "./turns";

export interface Changes {
  /** Each the successor of the one before. */
  readonly add?: readonly StoredEvent[];
  readonly quarantine?: readonly QuarantineEntry[];
  /** Sequence numbers of the events among those entries, which leave the queue in the same write or not at all. */
  readonly setAside?: readonly number[];
}

/** So many events that have left may remain on disk: deleting has a cost of its own. */
const SWEPT_AT_ONCE = 2_000;
/** Bytes that there must be room for before a disk counts as one that has some again. */
const PROBE = 1_000_000;

/** What there is to say when a store has been opened. */
export interface Opening {
  /** So many events are missing. */
  readonly lost: number;
  /**
   * OUTBOX_DAMAGED: the database was repaired, or an empty one has taken its place. OUTBOX_UNREADABLE: some
   * events that had left come again.
   */
  readonly warning?: M1Error | undefined;
}

export class EventStore implements CommitOwner {
  readonly folder: string;
  /** One for each user in each folder. */
  readonly name: string;
  readonly #keys: EventKeys;
  readonly #ledger: Ledger;
  readonly #sync: OutboxSync;
  readonly #logs: LogSync;
  /** Of all users whose events have been in the folder. */
  readonly quarantine = new StoredQuarantine();
  readonly #commits = new GroupCommit(this);
  /** Called when the disk does not make sure of what is written, or the folder is gone. */
  onSyncFailed: (error: unknown) => void = () => undefined;
  #removed = new RemovedSequences();
  /** `#removed` has changed since it was written. */
  #isRemovedChanged = false;
  /** The watermark of `#removed` as it stands on disk: it lags behind when writing fails. */
  #watermarkOnDisk = 1;
  /** The sequence number of the newest event on disk. */
  #newest = 0;
  /** The size of the events that were found. */
  #bytes = 0;
  /** Something went into quarantine that a power cut might take: its event is not there any more. */
  #isQuarantineUnsafe = false;
  /** Blocks that end before this event are deleted. */
  #swept = 0;
  #db: ClassicLevel | undefined;
  #release: () => void = () => undefined;
  /** Writes go one after the other: no older state of `#removed` may overwrite a newer one. */
  readonly #turns = new Turns();

  /** Does not touch the disk. */
  constructor(folder: string, identity: Identity, sync: OutboxSync = "second") {
    this.folder = folder;
    this.#sync = sync;
    this.#logs = new LogSync(folder);
    this.#keys = new EventKeys(identity);
    this.#ledger = new Ledger(folder, identity);
    this.name = `${folder} ${this.#keys.clock}`;
  }

  /** Whether there may be events from an earlier process. */
  exists(): boolean {
    return existsSync(this.folder) || hasQuarantineFile(this.folder);
  }

  /**
   * Opens the folder, made if it is not there, and repaired if it is damaged; waits while another has it. Throws
   * OUTBOX_UNUSABLE or OUTBOX_NOT_LOADED.
   */
  async open(): Promise<Opening> {
    this.#release = await takeFolder(this.folder);
    try {
      // The ledger is in the folder, and so may come back by a repair, too.
      const inspect = async (db: ClassicLevel) => {
        await this.quarantine.open(db);
        return contentsOf(db, this.#keys, await this.#ledger.read());
      };
      const opened = await openStore(this.folder, inspect);
      const { removed, watermark, newest, bytes, lost, fault } = opened.contents;
      this.#db = opened.db;
      this.#removed = removed;
      this.#newest = newest;
      this.#bytes = bytes;
      this.#isRemovedChanged = lost > 0 || removed.watermark > watermark;
      this.#watermarkOnDisk = watermark;
      this.#swept = 0;
      this.#commits.opened();
      // If this fails, the next write does it.
      if (lost > 0) await this.write().catch(() => undefined);
      const unreadable = fault && (await this.unreadable(fault.text, fault.error));
      // If this fails, the next process does it.
      await this.#takeOverFiles().catch(() => undefined);
      return { lost, warning: opened.warning ?? unreadable };
    } catch (error) {
      if (!this.#db) this.#release();
      throw unusable(error);
    }
  }

  #takeOverFiles(): Promise<void> {
    const commit = () => (this.#sync === "never" ? Promise.resolve() : this.#logs.sync());
    return takeOverFiles(this.folder, (entries) => this.#keep(entries), commit);
  }

  /** The event has left. The disk is told with the next write. */
  remove(sequence: number): void {
    this.#removed.add(sequence);
    this.#isRemovedChanged = true;
  }

  /** Rejects with what LevelDB says; then none of the changes is on disk. */
  write(changes: Changes = {}): Promise<void> {
    return this.#turns.next(() => this.#write(changes));
  }

  /**
   * To be called when writing has failed, and no reading is under way: after a write that was cut off, LevelDB
   * would put the next one where it cannot be read. Resolves with whether the disk takes what is written again, and
   * then has the changes.
   */
  reopen(changes: Changes = {}): Promise<boolean> {
    return this.#turns
      .next(() => this.#reopen(changes))
      .then(
        () => true,
        () => false,
      );
  }

  async #reopen(changes: Changes): Promise<void> {
    await probe(this.folder);
    await this.#db?.close();
    this.#db = await openDatabase(this.folder);
    await this.quarantine.open(this.#db);
    this.#isRemovedChanged = true;
    await this.#write(changes);
  }

  async #write({ add = [], quarantine = [], setAside = [] }: Changes): Promise<void> {
    const operations = [];
    for (const block of blocksOf(add)) {
      operations.push(this.#put(this.#keys.ofBlock(block), block.text));
    }
    const removed = this.#removed.and(setAside);
    const { watermark } = removed;
    const isRemovedChanged = this.#isRemovedChanged;
    if (isRemovedChanged || setAside.length > 0) {
      operations.push(this.#put(this.#keys.removed, removed.toString()));
    }
    const kept = quarantine.length > 0 ? this.quarantine.additions(quarantine) : undefined;
    // What leaves meanwhile is for the next write.
    this.#isRemovedChanged = false;
    try {
      await this.#open().batch(kept ? [...operations, ...kept.puts] : operations);
    } catch (error) {
      this.#isRemovedChanged ||= isRemovedChanged;
      throw error;
    }
    for (const sequence of setAside) this.#removed.add(sequence);
    this.#newest = add.at(-1)?.sequence ?? this.#newest;
    this.#watermarkOnDisk = watermark;
    if (kept) this.#isQuarantineUnsafe = true;
    if (this.#sync === "always" && add.length > 0) await this.#commits.now();
    else this.#commits.written();
    // The changes are on disk whether these fail or not; a later write tries again.
    if (kept) await kept.written().catch(() => undefined);
    if (this.#watermarkOnDisk - this.#swept >= SWEPT_AT_ONCE)
      await this.#sweep().catch(() => undefined);
  }

  #put(key: string, text: string) {
    return { type: "put" as const, key, value: seal(key, text) };
  }

  /** None only if all of them have left; what is not there has a fault. */
  read(wanted: Wanted): Promise<FoundEvent[]> {
    return this.#read(wanted, this);
  }

  /** As `read`, for somebody who only looks: what makes no sense is left for the queue to find. */
  look(wanted: Wanted): Promise<FoundEvent[]> {
    return this.#read(wanted, {
      firstPresentAfter: (sequence) => this.firstPresentAfter(sequence),
      unreadable: async (_text, cause) => new M1Error("OUTBOX_UNREADABLE", {}, { cause }),
    });
  }

  async #read(wanted: Wanted, owner: BlockReadingOwner): Promise<FoundEvent[]> {
    const reading = new BlockReading(wanted, owner);
    for await (const [key, text] of this.#open().iterator(this.#keys.from(wanted.after + 1))) {
      await reading.add(key, { ...this.#keys.extent(key), text });
      if (reading.isComplete) return reading.events;
    }
    reading.end();
    return reading.events;
  }

  /** The newest event's sequence number; 0 if there has been none. */
  get newest(): number {
    return this.#newest;
  }

  /** The size of the events that were there when it was opened, nearly. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Bytes that the disk has room for; Infinity if it does not say. */
  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.folder);
      return bavail * bsize;
    } catch {
      // Not every file system knows.
      return Number.POSITIVE_INFINITY;
    }
  }

  /** How many events there are. */
  get count(): number {
    return this.#removed.present(1, this.#newest);
  }

  /** The first sequence number after that one whose event has not left, whether it is written yet or not. */
  firstPresentAfter(sequence: number): number {
    return this.#removed.firstPresentAfter(sequence);
  }

  /** What `writeClock` wrote last; undefined if there is nothing, or nothing that can be trusted. */
  async readClock(): Promise<string | undefined> {
    const { clock } = this.#keys;
    const text = await this.#open().get(clock);
    try {
      return text && unseal(clock, text);
    } catch {
      // Then events keep the times that they have.
      return undefined;
    }
  }

  /** Comes after what was to be written before. Rejects with what LevelDB says. */
  writeClock(text: string): Promise<void> {
    const { clock } = this.#keys;
    return this.#turns.next(() => this.#open().put(clock, seal(clock, text)));
  }

  /** Moves an event out of the queue. Rejects with what LevelDB says; then the event is where it was. */
  setAside(event: StoredEvent, error: M1Error): Promise<void> {
    return this.write({ quarantine: [refusedEntry(event, error)], setAside: [event.sequence] });
  }

  #keep(quarantine: readonly QuarantineEntry[]): Promise<void> {
    return this.write({ quarantine });
  }

  /** The sequence number before which all have left, as the disk knows. */
  get watermark(): number {
    return this.#watermarkOnDisk;
  }

  get isQuarantineUnsafe(): boolean {
    return this.#isQuarantineUnsafe;
  }

  hasPresent(first: number, last: number): boolean {
    return this.#removed.present(first, last) > 0;
  }

  /** Resolves when all that is written is as safe as it will be. Never rejects. */
  async settle(): Promise<void> {
    if (this.#db) await this.#commits.now();
  }

  /** Makes sure of what is written, as far as a power cut is to leave it. Never rejects. */
  async commit(): Promise<void> {
    const { newest, watermark } = this;
    try {
      const hasEvents = watermark <= newest || this.#commits.wouldRepeat;
      const isNeeded = hasEvents || this.#isQuarantineUnsafe;
      this.#isQuarantineUnsafe = false;
      if (this.#sync !== "never" && isNeeded) await this.#logs.sync();
      // Not before: after a power cut it would tell of events that the disk never had.
      await this.#ledger.write({ newest, watermark });
    } catch (error) {
      this.onSyncFailed(error);
    }
  }

  async close(): Promise<void> {
    await this.#turns.ended;
    const db = this.#db;
    if (!db) return;
    // If these fail, the next process does it.
    if (this.#isRemovedChanged) await this.#write({}).catch(() => undefined);
    await this.#sweep().catch(() => undefined);
    await this.#commits.stop();
    await this.commit();
    this.#db = undefined;
    await this.quarantine.close();
    await db.close().finally(() => this.#release());
  }

  /** Keeps a text that makes no sense; resolves with the OUTBOX_UNREADABLE for the events that it should have held. */
  async unreadable(text: string, cause: unknown): Promise<M1Error> {
    await this.#keep([unreadableEntry(text, reasonOf(cause))]);
    return new M1Error("OUTBOX_UNREADABLE", {}, { cause });
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

/** Makes the folder. Rejects where a full disk has no room yet for what opening writes. */
async function probe(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, "probe");
  try {
    await writeFile(file, Buffer.alloc(PROBE));
  } finally {
    await rm(file, { force: true });
  }
}
