// What is kept of an event that the broker would not have, or of what nobody can read.
import type { ErrorCode, ErrorDetails, M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";

export interface QuarantineEntry {
  /** Milliseconds since 1970. */
  readonly quarantinedAt: number;
  /** Why; blank for what version 0.1.0 put there, and for what could not be read. */
  readonly code: ErrorCode | "";
  readonly details: ErrorDetails;
  /** The same as an English sentence. */
  readonly reason: string;
  readonly event?: Refused;
  /** What should have been events. */
  readonly text?: string;
}

export interface Refused {
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly topic: string;
  /** JSON. */
  readonly payload: string;
  readonly qos: QoS;
}

export interface NumberedEntry extends QuarantineEntry {
  /** Grows with every entry. */
  readonly id: number;
  /** Only in memory: the event is on disk still in the queue, with that sequence number. */
  readonly sequence?: number;
}

/** Which entries: with these ids, with this code, or all if neither is stated. */
export interface Selection {
  readonly ids?: readonly number[] | undefined;
  readonly code?: string | undefined;
}

export function refusedEntry(
  { acceptedAt, topic, payload, qos }: Refused,
  { code, details, message }: M1Error,
): QuarantineEntry {
  const event = { acceptedAt, topic, payload, qos };
  return { quarantinedAt: Date.now(), code, details, reason: message, event };
}

export function unreadableEntry(text: string, reason: string): QuarantineEntry {
  return { quarantinedAt: Date.now(), code: "", details: {}, reason, text };
}

/** How much room an entry takes, nearly. */
export function entryBytes({ reason, event, text = "" }: QuarantineEntry): number {
  return reason.length + (event ? event.topic.length + event.payload.length : 0) + text.length;
}

export function isSelected(
  { id, code }: Pick<NumberedEntry, "id" | "code">,
  { ids, code: wanted }: Selection,
): boolean {
  return (ids?.includes(id) ?? true) && (wanted === undefined || wanted === code);
}
