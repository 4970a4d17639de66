// Where the events of an outbox lie: what a queue in memory and a queue on disk have in common.
import type { Done, Handover, QueuedEvent } from "./event";
import type { SendQueue } from "./send-queue";

export interface EventQueue {
  /** The events that can be sent, as they are in memory and safe: the oldest of all. */
  readonly head: SendQueue<QueuedEvent>;
  /** How many events there are, in memory and on disk, those in flight included. */
  readonly length: number;
  /** The size of their topics and payloads. */
  readonly bytes: number;
  push(event: QueuedEvent): void;
  /** The first event of the head that waits, which counts as sent from now on. */
  next(): QueuedEvent | undefined;
  /** Undoes the last `next`, before anything else happens. */
  putBack(): void;
  /** Takes an event of the head out. */
  remove(event: QueuedEvent): void;
  /** Takes the oldest event out that waits, wherever it lies, and returns its callback; undefined if none does. */
  dropOldest(): Done | undefined;
  /** As `remove`; a queue on disk keeps the event in quarantine, for a person to look at. */
  quarantine(event: QueuedEvent, reason: string): void;
  /** Ends it; what is left is for the successor. Never rejects. */
  close(): Promise<Handover>;
}
