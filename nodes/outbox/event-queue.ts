// Where the events of an outbox lie: what a queue in memory and a queue on disk have in common.
import type { M1Error } from "../protocol/errors";
import type { Done, Handover, QueuedEvent } from "./event";
import type { Quarantine } from "./quarantine";
import type { SendQueue } from "./send-queue";

/** Where a look at the queue goes on: behind the event with that number on disk, and from that position in memory on. */
export interface Place {
  readonly sequence: number;
  readonly inMemory: number;
}

export const BEGINNING: Place = { sequence: 0, inMemory: 0 };

export interface Look {
  /** Oldest first, each with the place behind it; what cannot be read counts as removed. */
  readonly found: readonly { readonly event: QueuedEvent; readonly place: Place }[];
  /** Absent if those were the last. */
  readonly next?: Place;
}

export interface EventQueue {
  /** The events that can be sent, as they are in memory and safe: the oldest of all. */
  readonly head: SendQueue<QueuedEvent>;
  /** How many events there are, in memory and on disk, those in flight included. */
  readonly length: number;
  /** The size of their topics and payloads. */
  readonly bytes: number;
  /** Whether what is pushed now is written to disk. */
  readonly isOnDisk: boolean;
  push(event: QueuedEvent): void;
  /** The first event of the head that waits, which counts as sent from now on. */
  next(): QueuedEvent | undefined;
  /** Undoes the last `next`, before anything else happens. */
  putBack(): void;
  /** Takes an event of the head out. */
  remove(event: QueuedEvent): void;
  /** Takes the oldest event out that waits, wherever it lies, and returns its callback; undefined if none does. */
  dropOldest(): Done | undefined;
  /** As `remove`; the event is kept in quarantine, for a person to look at. */
  setAside(event: QueuedEvent, error: M1Error): void;
  readonly quarantine: Quarantine;
  /** Resolves when it is known what an earlier process has left. */
  opened(): Promise<void>;
  /** Copies of about so many events, for somebody who only looks. Rejects with OUTBOX_UNUSABLE if the disk does, with OUTBOX_CLOSED if that comes first. */
  look(after: Place, limit: number): Promise<Look>;
  /** Resolves when all that is on disk would outlast a power cut, if it ever will. Never rejects. */
  settle(): Promise<void>;
  /** Ends it; what is left is for the successor. Never rejects. */
  close(): Promise<Handover>;
}
