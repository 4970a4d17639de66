// An event on its way through the outbox, in the shapes that its parts share.
import type { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import type { NumberedEntry } from "./quarantine-entry";

/**
 * Called once: with an error, or with the payload as it was delivered, since its time may have been put right after
 * it was accepted. Does not throw.
 */
export type Done = (error?: M1Error, payload?: string) => void;

/** What an event consists of, wherever it waits. */
interface Content {
  readonly topic: string;
  /** JSON. */
  readonly payload: string;
  readonly qos: QoS;
}

export interface OutgoingEvent extends Content {
  readonly done: Done;
  /** `done` is called when the event is accepted, and not when it is delivered. */
  readonly isDoneWhenStored?: boolean;
  /** Only where `observed_at` is the moment of arrival: the era of the clock (clock.ts) in which it was stamped. */
  readonly stampedIn?: number | undefined;
}

/** An event that was given out to be sent. */
export interface Delivery extends OutgoingEvent {
  /** It has left the outbox: acknowledged, refused, expired or dropped. */
  readonly removed: boolean;
}

/** An event that waits or is in flight: one object for all that there is to know of it, as there may be many. */
export interface QueuedEvent extends Delivery {
  payload: string;
  done: Done;
  /** Milliseconds since 1970, by the clock of `era`. */
  acceptedAt: number;
  era: number;
  /** Its `observed_at` is the moment of arrival by the clock of `era`, and it has not been sent: then it may be put right. */
  isStamped: boolean;
  /** Bytes of topic and payload. */
  readonly size: number;
  /** Its number on disk; 0 while it is not there. */
  sequence: number;
  removed: boolean;
}

/** An event as it lies on disk. */
export interface StoredEvent extends Content {
  /** Grows with every event; 0 is before the first. */
  readonly sequence: number;
  /** Milliseconds since 1970, by the clock as it was set then. */
  readonly acceptedAt: number;
  /** Its `observed_at` is the moment of arrival by that clock. */
  readonly isStamped?: boolean;
}

/** An event as it was read from disk. */
export interface FoundEvent extends StoredEvent {
  /** OUTBOX_UNREADABLE: then nothing is known of the event but its number. */
  readonly fault?: M1Error;
}

/** What a predecessor in this process left: the events that were only in its memory, and the callbacks of those on disk. */
export interface Handover {
  readonly events: readonly QueuedEvent[];
  /** By sequence number. */
  readonly callbacks: ReadonlyMap<number, Done>;
  /** What it had in quarantine in memory. */
  readonly quarantined?: readonly NumberedEntry[];
}

/** `acceptedAt` is a time of the era in which it was stamped, or of `era`. */
export function queuedEvent(
  event: OutgoingEvent,
  acceptedAt: number,
  sequence = 0,
  era = 0,
): QueuedEvent {
  const { topic, payload, qos, done, stampedIn, isDoneWhenStored = false } = event;
  // One literal: V8 makes dictionaries of objects that are spread, a hundred times as slow.
  return {
    topic,
    payload,
    qos,
    done,
    isDoneWhenStored,
    size: sizeOf(event),
    acceptedAt,
    era: stampedIn ?? era,
    isStamped: stampedIn !== undefined,
    sequence,
    removed: false,
  };
}

/** An event as it was read back. */
export function readEvent(
  { topic, payload, qos, acceptedAt, sequence, isStamped }: StoredEvent,
  done: Done,
): QueuedEvent {
  const stampedIn = isStamped ? 0 : undefined;
  return queuedEvent({ topic, payload, qos, done, stampedIn }, acceptedAt, sequence);
}

/** Bytes on the wire, as a topic is ASCII. */
export function sizeOf({ topic, payload }: Pick<Content, "topic" | "payload">): number {
  return topic.length + Buffer.byteLength(payload);
}

export function storedEvent(event: QueuedEvent, sequence = event.sequence): StoredEvent {
  const { acceptedAt, topic, payload, qos, isStamped } = event;
  return { sequence, acceptedAt, topic, payload, qos, ...(isStamped && { isStamped }) };
}

/**
 * The callback of an event that leaves, whose content is let go: an object that has survived a few
 * collections keeps all it refers to in memory until the next full one, and that may be far away.
 */
export function release(event: QueuedEvent): Done {
  const { done } = event;
  event.done = noCallback;
  event.payload = "";
  return done;
}

/** Of an event of an earlier process: nobody waits for it, only the status and the log show it. */
export function noCallback(): void {
  // Nothing to call.
}
