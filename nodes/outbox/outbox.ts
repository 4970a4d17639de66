// The outbox: every event that was accepted and is not yet acknowledged, oldest first.
//
// Without a store it is a queue in memory. With one, an event is written before it may be sent, many
// to a batch, and deleted when it is settled; memory then holds only the front of the queue, and the
// rest is read back as the front gets short. What the disk cannot take stays in memory instead, with
// a warning that says why.
import { setTimeout as pause } from "node:timers/promises";
import { M1Error } from "../protocol/errors";
import type { OutboxFull, QoS } from "../protocol/settings";
import { type EventStore, type FoundEvent, type StoredEvent, unusable } from "./event-store";
import { type QueueEntry, SendQueue } from "./send-queue";

export interface OutboxPolicy {
  /** How many events may wait. */
  readonly limit: number;
  readonly full: OutboxFull;
  /** Milliseconds that an unsent event is worth keeping; Infinity is for ever. */
  readonly maxAge: number;
}

export interface OutgoingEvent {
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
  /** Called once: without an error when the event has been delivered. */
  readonly done: Done;
}

export type Done = (error?: M1Error) => void;

/** How a `done` is called: whoever made it may have the error in other words, and bear one that throws. */
export type Finish = (done: Done, error?: M1Error) => void;

/** An event on its way to the broker; hand it back to `settle` once its fate is known. */
export interface Delivery extends OutgoingEvent {
  /** Its fate is known, whatever it was. */
  readonly removed: boolean;
}

/** What was given out and is not settled. */
export interface Unacknowledged {
  readonly oldest: Delivery;
  readonly newest: Delivery;
}

/** What left the outbox unsent. */
export interface Losses {
  dropped: number;
  expired: number;
}

/** What a predecessor left: events that were in its memory, and who waits for those on disk. */
export interface Handover {
  readonly events: readonly (OutgoingEvent & { readonly acceptedAt: number })[];
  readonly callbacks: ReadonlyMap<number, Done>;
}

export interface OutboxOptions {
  readonly store?: EventStore | undefined;
  /** False: the store is only emptied, as after a change from disk to memory. */
  readonly storesNew?: boolean;
  readonly handover?: Handover | undefined;
  readonly finish?: Finish;
  readonly now?: () => number;
}

/** One object for all that there is to know of an event: many wait, and each is one more to collect. */
interface Item extends QueueEntry, OutgoingEvent {
  payload: string;
  done: Done;
  readonly acceptedAt: number;
  /** 0 as long as it is not on disk. */
  sequence: number;
}

/** Events in one write: so many mean that more are coming, and so many are worth one. */
const MANY = 10;
const ENOUGH = 500;
/** Milliseconds. */
const MOMENT = 2;
/** What is written at once, events and characters: no batch may block for long, or be one huge copy. */
const LARGEST_BATCH = 4_000;
const LARGEST_BATCH_TEXT = 4_000_000;
/** How much of the queue's front is kept in memory when the rest is on disk: events, characters. */
const FRONT = 4_000;
const FRONT_TEXT = 16_000_000;

export class Outbox {
  /** Called when events can be sent that could not before. */
  onReady: () => void = () => undefined;
  /** Called once for each trouble with the disk. */
  onWarning: (warning: M1Error) => void = () => undefined;
  /** Called when events have left it that could not be read back, or had no room beside those on disk. */
  onLost: () => void = () => undefined;
  /** Called with the number of events found on disk for which nobody waits, if there are any. */
  onRestored: (count: number) => void = () => undefined;
  readonly losses: Losses = { dropped: 0, expired: 0 };
  readonly #policy: OutboxPolicy;
  readonly #now: () => number;
  readonly #finish: Finish;
  #size = 0;
  /** The oldest; without a store, all. */
  readonly #front = new SendQueue<Item>();
  /** Characters of the payloads in front. */
  #frontText = 0;
  /** Newer than whatever is in front and on disk: about to be written, or waiting for its turn. */
  #newest: Item[] = [];
  /** Older than those: being written. */
  #batch: readonly Item[] = [];
  /** So many of its first are dropped meanwhile. */
  #droppedOfBatch = 0;

  readonly #store: EventStore | undefined;
  /** New events are written; false once that has failed. */
  #storing: boolean;
  #opening: Promise<void> | undefined;
  #opened = false;
  #writing: Promise<void> | undefined;
  #reading: Promise<void> | undefined;
  #settingAside: Promise<void> = Promise.resolve();
  #closed = false;
  /**
   * Sequence numbers: the newest on disk, and the newest that has been in front or was dropped; if
   * there are newer ones on disk, the next is not settled.
   */
  #lastWritten = 0;
  #lastRead = 0;
  /** Settled, and still on disk. */
  #settledOnDisk: number[] = [];
  /** Who waits for events that are on disk only. */
  readonly #awaited: Map<number, Done>;
  #toldLost = false;
  /** How many came from a predecessor's memory: they had been accepted. */
  readonly #handedOver: number;

  constructor(policy: OutboxPolicy, options: OutboxOptions = {}) {
    const { store, storesNew = true, handover, finish = callDone, now = Date.now } = options;
    this.#policy = policy;
    this.#now = now;
    this.#finish = finish;
    this.#store = store;
    this.#storing = store !== undefined && storesNew;
    this.#awaited = new Map(handover?.callbacks);
    this.#handedOver = handover?.events.length ?? 0;
    // What is on disk is older than what was in a predecessor's memory.
    if (store?.exists()) void this.#open();
    for (const event of handover?.events ?? []) this.#take(event, event.acceptedAt);
  }

  /** Events accepted and not yet settled, those in flight included. */
  get size(): number {
    return this.#size;
  }

  get isFull(): boolean {
    return this.#size >= this.#policy.limit;
  }

  /**
   * Throws OUTBOX_FULL; under "drop-oldest" the oldest waiting event makes room, its `done` told. An
   * event that comes before it is known how many are on disk may end with OUTBOX_FULL instead.
   */
  add(event: OutgoingEvent): void {
    if (this.#closed) throw new M1Error("OUTBOX_CLOSED");
    const { limit, full } = this.#policy;
    if (this.isFull) {
      this.#expire();
      // What is on disk only may have expired as well.
      this.#refill();
    }
    if (this.isFull && !(full === "drop-oldest" && this.#dropOldest())) {
      throw new M1Error("OUTBOX_FULL", { limit });
    }
    this.#take(event, this.#now());
  }

  /** The next event to send; undefined if none is ready. Expired ones are told and passed over. */
  next(): Delivery | undefined {
    this.#expire();
    const item = this.#front.next();
    this.#refill();
    return item;
  }

  /** Undoes the last `next`, before anything else happens. */
  putBack(): void {
    this.#front.putBack();
  }

  /** Ends a delivery, with the error if it failed for good. Ending one twice has no effect. */
  acknowledge(delivery: Delivery, error?: M1Error): void {
    const item = delivery as Item;
    if (item.removed) return;
    this.#leave(item);
    if (item.sequence > 0) {
      this.#settledOnDisk.push(item.sequence);
      this.#writeSoon();
    }
    this.#end(item, error);
  }

  /** As `settle` with an error; a store keeps the event aside, for a person to look at. */
  quarantine(delivery: Delivery, error: M1Error): void {
    const item = delivery as Item;
    if (item.removed) return;
    this.#leave(item);
    const store = this.#store;
    if (item.sequence > 0 && store) {
      const event = stored(item);
      this.#settingAside = this.#settingAside
        .then(() => store.quarantine(event, error.message))
        .catch((cause: unknown) => this.#fail(cause));
    }
    this.#end(item, error);
  }

  isOldest(delivery: Delivery): boolean {
    return delivery === this.#front.oldest;
  }

  /** What a lost connection puts in doubt, if anything. */
  get unacknowledged(): Unacknowledged | undefined {
    return this.#front.sent;
  }

  /** After a lost connection: all that is not settled waits again, in its old order. */
  rewind(): void {
    this.#front.rewind();
  }

  /** Writes what is still to write and closes the store. What is unsettled is for the successor. */
  async close(): Promise<Handover> {
    this.#closed = true;
    while (this.#writing || this.#reading || (this.#opening && !this.#opened)) {
      await Promise.all([this.#writing, this.#reading, this.#opening]);
    }
    await this.#settingAside;
    // What is written is written, and what is not has to be handed over all the same.
    await this.#store?.close().catch((error: unknown) => this.#fail(error));
    const items = [...this.#front.remaining(), ...this.#newest];
    const awaited = new Map(this.#awaited);
    for (const { sequence, done } of items) if (sequence > 0) awaited.set(sequence, done);
    return { events: items.filter(({ sequence }) => sequence === 0), callbacks: awaited };
  }

  // --- the queue ------------------------------------------------------------------------------

  #take(event: OutgoingEvent, acceptedAt: number): void {
    this.#size += 1;
    const { topic, payload, qos, done } = event;
    const item: Item = { topic, payload, qos, done, acceptedAt, sequence: 0, removed: false };
    if (this.#newest.length === 0 && this.#mayFollow) {
      this.#toFront(item);
      this.onReady();
      return;
    }
    this.#newest.push(item);
    if (this.#storing) this.#writeSoon();
    else this.#advance();
  }

  #toFront(item: Item): void {
    this.#frontText += item.payload.length;
    this.#front.push(item);
  }

  #leave(item: Item): void {
    this.#size -= 1;
    this.#frontText -= item.payload.length;
    this.#front.remove(item);
  }

  /** What is dead and old keeps alive what it refers to until the collector looks at old objects. */
  #end(item: Item, error?: M1Error): void {
    const { done } = item;
    item.done = nobody;
    item.payload = "";
    this.#finish(done, error);
  }

  #advance(): void {
    if (!this.#mayFollow) return;
    for (const item of this.#newest) this.#toFront(item);
    this.#newest = [];
    this.onReady();
  }

  /** Without a working store the newest follow the front directly, once what is on disk has. */
  get #mayFollow(): boolean {
    return !this.#storing && this.#batch.length === 0 && this.#caughtUp;
  }

  /** All that is on disk has been in front. */
  get #caughtUp(): boolean {
    const unopened = this.#opening !== undefined && !this.#opened;
    return !unopened && this.#lastRead >= this.#lastWritten;
  }

  /** Ends what has waited too long, up to the first that has not. */
  #expire(): void {
    const { maxAge } = this.#policy;
    if (maxAge === Number.POSITIVE_INFINITY) return;
    for (let item = this.#front.peek(); item; item = this.#front.peek()) {
      if (this.#now() - item.acceptedAt <= maxAge) return;
      this.losses.expired += 1;
      this.acknowledge(item, new M1Error("OUTBOX_EXPIRED", { hours: maxAge / 3_600_000 }));
    }
  }

  #dropOldest(): boolean {
    const oldest = this.#front.next();
    if (oldest) {
      this.losses.dropped += 1;
      this.acknowledge(oldest, this.#dropped());
      return true;
    }
    if (this.#opened && !this.#caughtUp) {
      this.#dropUnread(this.#lastRead + 1);
      return true;
    }
    const item = this.#batch[this.#droppedOfBatch] ?? this.#newest.shift();
    if (!item) return false;
    if (this.#droppedOfBatch < this.#batch.length) this.#droppedOfBatch += 1;
    item.removed = true;
    this.losses.dropped += 1;
    this.#size -= 1;
    this.#end(item, this.#dropped());
    return true;
  }

  /** What is on disk only need not be read to be told. */
  #dropUnread(sequence: number): void {
    const done = this.#awaited.get(sequence) ?? nobody;
    this.#awaited.delete(sequence);
    this.#passOver(sequence);
    this.losses.dropped += 1;
    this.#size -= 1;
    this.#settledOnDisk.push(sequence);
    this.#writeSoon();
    this.#finish(done, this.#dropped());
  }

  #dropped(): M1Error {
    return new M1Error("OUTBOX_DROPPED", { limit: this.#policy.limit });
  }

  // --- the disk -------------------------------------------------------------------------------

  #open(): Promise<void> {
    this.#opening ??= this.#openStore().then(() => {
      this.#opened = true;
      this.#keepToLimit();
      this.#readMore();
      this.#advance();
    });
    return this.#opening;
  }

  async #openStore(): Promise<void> {
    const store = this.#store;
    if (!store) return;
    try {
      const warning = await store.open();
      if (warning) {
        this.onWarning(warning);
        if (warning.code === "OUTBOX_DAMAGED") this.#tellAwaited(warning);
      }
      const last = await store.last();
      const found = await store.count();
      this.#size += found;
      this.#lastWritten = last;
      this.#passOver(0);
      if (found > this.#awaited.size) this.onRestored(found - this.#awaited.size);
    } catch (error) {
      this.#giveUpReading(error);
    }
  }

  /** What came before it was known how many are on disk is weighed against them now. */
  #keepToLimit(): void {
    const { limit, full } = this.#policy;
    const excess = this.#size - limit;
    if (excess <= 0) return;
    if (full === "drop-oldest") {
      while (this.#size > limit) if (!this.#dropOldest()) break;
    } else {
      const accepted = Math.max(this.#handedOver, this.#newest.length - excess);
      const refused = this.#newest.splice(accepted);
      this.#size -= refused.length;
      for (const item of refused) this.#end(item, new M1Error("OUTBOX_FULL", { limit }));
    }
    this.onLost();
  }

  #writeSoon(): void {
    this.#writing ??= this.#write();
  }

  async #write(): Promise<void> {
    // What comes in the same turn of the event loop makes one batch.
    await new Promise(setImmediate);
    await this.#open();
    while (this.#settledOnDisk.length > 0 || (this.#storing && this.#newest.length > 0)) {
      this.#batch = this.#storing ? this.#newest.splice(0, batchLength(this.#newest)) : [];
      const { length } = this.#batch;
      if (!(await this.#writeBatch(this.#settledOnDisk.splice(0)))) break;
      // Where much comes, one write of what comes in a moment costs less than many.
      if (length >= MANY && this.#newest.length < ENOUGH) await pause(MOMENT);
    }
    this.#writing = undefined;
    this.#advance();
  }

  async #writeBatch(remove: number[]): Promise<boolean> {
    const first = this.#lastWritten + 1;
    const add = this.#batch.map((item, index) => stored(item, first + index));
    try {
      await this.#store?.write({ add, remove });
    } catch (error) {
      this.#newest = [
        ...this.#endBatch().filter(({ removed: settled }) => !settled),
        ...this.#newest,
      ];
      this.#fail(error);
      return false;
    }
    for (const item of this.#endBatch()) this.#written(item);
    this.onReady();
    return true;
  }

  #endBatch(): readonly Item[] {
    const batch = this.#batch;
    this.#batch = [];
    this.#droppedOfBatch = 0;
    return batch;
  }

  /** Now it is safe, and may be sent: from memory if the front has room for it and its turn has come. */
  #written(item: Item): void {
    const hasRoom = this.#front.length < FRONT && this.#frontText < FRONT_TEXT;
    const isNext = this.#caughtUp && (hasRoom || item.removed);
    this.#lastWritten += 1;
    item.sequence = this.#lastWritten;
    if (isNext) this.#lastRead = item.sequence;
    if (item.removed) {
      // Dropped while it was written.
      this.#settledOnDisk.push(item.sequence);
    } else if (isNext) {
      this.#toFront(item);
    } else {
      this.#awaited.set(item.sequence, item.done);
    }
  }

  #refill(): void {
    if (this.#front.waiting < FRONT / 2 && this.#frontText < FRONT_TEXT / 2) this.#readMore();
  }

  #readMore(): void {
    if (this.#reading || !this.#opened || this.#caughtUp || this.#closed) return;
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    // What is written during the reading may or may not be in what is read.
    const there = this.#lastWritten;
    try {
      const found = (await this.#store?.read(this.#lastRead, FRONT / 2, FRONT_TEXT / 2)) ?? [];
      const events = found.filter(({ sequence }) => sequence <= there);
      if (events.length === 0) this.#passOver(there);
      for (const event of events) {
        // The others were dropped meanwhile.
        if (event.sequence > this.#lastRead) this.#returned(event);
      }
      const unreadable = events.find(({ fault }) => fault)?.fault;
      if (unreadable) this.#tellLost(unreadable);
    } catch (error) {
      this.#giveUpReading(error);
    }
    this.#reading = undefined;
    this.#advance();
    this.onReady();
  }

  #returned({ sequence, acceptedAt, fault, ...event }: FoundEvent): void {
    const done = this.#awaited.get(sequence) ?? nobody;
    this.#awaited.delete(sequence);
    this.#passOver(sequence);
    const item: Item = { ...event, done, acceptedAt, sequence, removed: false };
    this.#toFront(item);
    if (fault) this.acknowledge(item, fault);
  }

  /** What is on disk up to that one, and what is settled next to it, need not be read. */
  #passOver(sequence: number): void {
    const next = this.#store?.firstPresentAfter(Math.max(sequence, this.#lastRead)) ?? 0;
    this.#lastRead = Math.max(this.#lastRead, Math.min(next - 1, this.#lastWritten));
  }

  /** Once for all: a disk that holds another version's blocks has many. */
  #tellLost(fault: M1Error): void {
    if (!this.#toldLost) this.onWarning(fault);
    this.#toldLost = true;
    this.onLost();
  }

  /**
   * What cannot be read now stays on disk for the next start; who waits for it is told. What counts
   * is what is still in memory.
   */
  #giveUpReading(error: unknown): void {
    this.#fail(error);
    this.#lastRead = this.#lastWritten;
    const inBatch = this.#batch.length - this.#droppedOfBatch;
    this.#size = this.#front.length + inBatch + this.#newest.length;
    this.#tellAwaited(unusable(error));
    this.onLost();
  }

  #tellAwaited(error: M1Error): void {
    const awaited = [...this.#awaited.values()];
    this.#awaited.clear();
    for (const done of awaited) this.#finish(done, error);
  }

  #fail(error: unknown): void {
    const first = this.#storing;
    this.#storing = false;
    if (first) this.onWarning(unusable(error));
  }
}

/** How many of the first of them are written at once. */
function batchLength(items: readonly Item[]): number {
  let text = 0;
  for (const [index, { payload }] of items.entries()) {
    if (index === LARGEST_BATCH || text >= LARGEST_BATCH_TEXT) return index;
    text += payload.length;
  }
  return items.length;
}

function stored(item: Item, sequence = item.sequence): StoredEvent {
  const { acceptedAt, topic, payload, qos } = item;
  return { sequence, acceptedAt, topic, payload, qos };
}

export const callDone: Finish = (done, error) => done(error);

/** An event of an earlier process has nobody waiting for it. */
function nobody(): void {
  // Its delivery shows in the status and the log only.
}
