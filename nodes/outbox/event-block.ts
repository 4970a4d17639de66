// Events as the store writes them: many to a block, which costs the disk hardly more than one event.
import type { QoS } from "../protocol/settings";
import { type StoredEvent, sizeOf } from "./event";

export interface EventBlock {
  /** Sequence numbers; those in between are all there. */
  readonly first: number;
  readonly last: number;
  /** The size of the events' topics and payloads. */
  readonly bytes: number;
  readonly text: string;
}

/** Enough that the key costs nothing beside it, and few enough to read one into memory for one event. */
export const MOST_EVENTS = 500;
/** In UTF-16 units; an event that is longer has a block of its own. */
const LONGEST_BLOCK = 200_000;

/** The events must follow on each other. */
export function* blocksOf(events: readonly StoredEvent[]): Generator<EventBlock> {
  let text = "";
  let bytes = 0;
  let count = 0;
  for (const [index, event] of events.entries()) {
    text += encode(event);
    bytes += sizeOf(event);
    count += 1;
    const isLast = index === events.length - 1;
    if (!isLast && count < MOST_EVENTS && text.length < LONGEST_BLOCK) continue;
    yield { first: event.sequence - count + 1, last: event.sequence, bytes, text };
    text = "";
    bytes = 0;
    count = 0;
  }
}

/** Throws a SyntaxError where the text is not as `blocksOf` makes it, after what comes before. */
export function* eventsOf({
  first,
  last,
  text,
}: Omit<EventBlock, "bytes">): Generator<StoredEvent> {
  let start = 0;
  for (let sequence = first; sequence <= last; sequence += 1) {
    const end = text.indexOf("\n", start);
    const parts = /^(\d+)(a?) ([012]) (\d+) (.*)$/.exec(text.slice(start, end));
    const [, acceptedAt, stamped, qos, length, topic = ""] = parts ?? [];
    start = end + 1 + Number(length);
    if (!parts || end < 0 || start > text.length) {
      throw new SyntaxError(`entry ${sequence} is not an event`);
    }
    yield {
      sequence,
      acceptedAt: Number(acceptedAt),
      topic,
      payload: text.slice(end + 1, start),
      qos: Number(qos) as QoS,
      ...(stamped && { isStamped: true }),
    };
  }
}

/**
 * A topic has no line break; the payload may have any character, so its length stands before it. The `a` of an
 * event that was stamped on arrival is unknown to version 0.1.0.
 */
function encode({ acceptedAt, isStamped, qos, topic, payload }: StoredEvent): string {
  return `${acceptedAt}${isStamped ? "a" : ""} ${qos} ${payload.length} ${topic}\n${payload}`;
}
