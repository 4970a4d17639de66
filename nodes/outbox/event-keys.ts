// The keys of one user's events in the store.
//
// `events/<project>/<user>/<last sequence>-<first sequence>-<bytes>` holds a block of events, so that no
// user's events can be read as another's; `settled/<project>/<user>` tells which of them have left the
// queue, and `clock/<project>/<user>` how the clock was set. No level of an identity holds a slash.
// Version 0.1.0 wrote no number of bytes, and nothing of the clock.
import type { ClassicLevel } from "classic-level";
import type { Identity } from "../protocol/topics";
import type { EventBlock } from "./event-block";

/** The sequence numbers of the first and the last event of a block, and its size if that is known. */
export type Extent = Pick<EventBlock, "first" | "last"> & { readonly bytes?: number | undefined };

const EVENTS = "events/";
/** The character after a slash. */
const AFTER_SLASH = "0";
const AFTER_EVENTS = `events${AFTER_SLASH}`;

/** `Number.MAX_SAFE_INTEGER` has 16 digits; padded, the order of texts is that of numbers. */
const SEQUENCE_DIGITS = 16;

export class EventKeys {
  /** Of the entry that lists the events which have left; version 0.1.0 called them settled. */
  readonly removed: string;
  /** Of the entry that tells how the clock was set (clock-corrections.ts). */
  readonly clock: string;
  readonly #events: string;

  constructor({ projectMqtt, userMqtt }: Identity) {
    this.removed = `settled/${projectMqtt}/${userMqtt}`;
    this.clock = `clock/${projectMqtt}/${userMqtt}`;
    this.#events = `${EVENTS}${projectMqtt}/${userMqtt}/`;
  }

  /** Whose events there are, in the order of their names. Rejects with what LevelDB says. */
  static async identitiesIn(db: ClassicLevel): Promise<Identity[]> {
    const found: Identity[] = [];
    let gte = EVENTS;
    for (;;) {
      const [key] = await db.keys({ gte, lt: AFTER_EVENTS, limit: 1 }).all();
      if (key === undefined) return found;
      const [, projectMqtt = "", userMqtt = ""] = key.split("/");
      found.push({ projectMqtt, userMqtt });
      gte = `${EVENTS}${projectMqtt}/${userMqtt}${AFTER_SLASH}`;
    }
  }

  /** Ordered by the last event, so that all blocks that may hold what comes after an event are a range. */
  ofBlock({ first, last, bytes }: Extent): string {
    const key = `${this.#events}${padded(last)}-${first}`;
    return bytes === undefined ? key : `${key}-${bytes}`;
  }

  extent(key: string): Extent {
    const [last = 0, first = 0, bytes] = key.slice(this.#events.length).split("-").map(Number);
    return { first, last, bytes };
  }

  /** The range of the blocks that hold this event or later ones. */
  from(sequence: number): { gte: string; lt: string } {
    // `:` is the character after `9`.
    return { gte: `${this.#events}${padded(sequence)}`, lt: `${this.#events}:` };
  }

  /** The range of the blocks that end before this event. */
  before(sequence: number): { gte: string; lt: string } {
    return { gte: this.#events, lt: `${this.#events}${padded(sequence)}` };
  }
}

function padded(sequence: number): string {
  return String(sequence).padStart(SEQUENCE_DIGITS, "0");
}
