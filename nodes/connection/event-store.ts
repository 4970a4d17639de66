// The events of one connection in a LevelDB folder, in the order of their acceptance.
//
// `events/<project>/<user>/<sequence>` holds what waits, so that no user's events can be read as
// another's. No level of an identity holds a slash. What was set aside is in a file beside the folder.
import { existsSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { ClassicLevel } from "classic-level";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import type { Identity } from "../protocol/topics";
import { Quarantine } from "./quarantine";

export interface StoredEvent {
  /** Grows with every event; 0 is before the first. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly topic: string;
  readonly payload: string;
  readonly qos: QoS;
}

export interface Changes {
  readonly add: readonly StoredEvent[];
  /** Sequence numbers. */
  readonly remove: readonly number[];
}

/** `Number.MAX_SAFE_INTEGER` has 16 digits; padded, text order is number order. */
const SEQUENCE_DIGITS = 16;
const COUNTED_AT_ONCE = 10_000;

export class EventStore {
  readonly folder: string;
  readonly #events: string;
  readonly #quarantine: Quarantine;
  #db: ClassicLevel | undefined;

  /** Does not touch the disk. */
  constructor(folder: string, { projectMqtt, userMqtt }: Identity) {
    this.folder = folder;
    this.#events = `events/${projectMqtt}/${userMqtt}/`;
    this.#quarantine = new Quarantine(`${folder}.quarantine.jsonl`);
  }

  /** Whether there may be events from an earlier process. */
  exists(): boolean {
    return existsSync(this.folder);
  }

  /**
   * Opens the folder, made if it is not there. If it is damaged it is kept under another name, and
   * an empty one takes its place: then the OUTBOX_DAMAGED to tell the user is returned.
   * Throws OUTBOX_UNUSABLE.
   */
  async open(): Promise<M1Error | undefined> {
    try {
      await mkdir(this.folder, { recursive: true });
      await this.#openDatabase();
      return undefined;
    } catch (error) {
      if (!isDamage(error)) throw unusable(error);
      return this.#setFolderAside(error);
    }
  }

  /** Rejects with what LevelDB says; then none of the changes is made. */
  async write({ add, remove }: Changes): Promise<void> {
    const puts = add.map((event) => ({
      type: "put" as const,
      key: this.#key(event.sequence),
      value: encode(event),
    }));
    const deletions = remove.map((sequence) => ({
      type: "del" as const,
      key: this.#key(sequence),
    }));
    await this.#open().batch([...puts, ...deletions]);
  }

  /** At most `limit` events that come after that sequence number, oldest first. */
  async read(after: number, limit: number): Promise<StoredEvent[]> {
    const range = { gt: this.#key(after), lt: endOf(this.#events), limit };
    const pairs = await this.#open().iterator(range).all();
    return pairs.map(([key, value]) => decode(Number(key.slice(this.#events.length)), value));
  }

  /** The newest event's sequence number; 0 if there is none. */
  async last(): Promise<number> {
    const range = { gt: this.#events, lt: endOf(this.#events), reverse: true, limit: 1 };
    const [key] = await this.#open().keys(range).all();
    return key === undefined ? 0 : Number(key.slice(this.#events.length));
  }

  /** How many events there are up to that sequence number. */
  async count(upTo: number): Promise<number> {
    const keys = this.#open().keys({ gt: this.#events, lte: this.#key(upTo) });
    let count = 0;
    for (;;) {
      const some = await keys.nextv(COUNTED_AT_ONCE);
      count += some.length;
      if (some.length === 0) break;
    }
    await keys.close();
    return count;
  }

  /** Moves an event out of the queue. A crash in between leaves it in both: better than in neither. */
  async setAside(event: StoredEvent, reason: string): Promise<void> {
    await this.#quarantine.add(event, reason);
    await this.#open().del(this.#key(event.sequence));
  }

  async close(): Promise<void> {
    await this.#db?.close();
    this.#db = undefined;
  }

  async #openDatabase(): Promise<void> {
    const db = new ClassicLevel(this.folder);
    await db.open();
    this.#db = db;
  }

  async #setFolderAside(cause: unknown): Promise<M1Error> {
    const folder = `${this.folder}.damaged-${new Date().toISOString().replaceAll(":", "-")}`;
    try {
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

  #key(sequence: number): string {
    return `${this.#events}${padded(sequence)}`;
  }
}

function padded(sequence: number): string {
  return String(sequence).padStart(SEQUENCE_DIGITS, "0");
}

/** The first key after all that begin with a prefix that ends in a slash. */
function endOf(prefix: string): string {
  return `${prefix.slice(0, -1)}0`;
}

/** A topic has no line break; the payload may have any character, and is the longest by far. */
function encode({ acceptedAt, qos, topic, payload }: StoredEvent): string {
  return `${acceptedAt} ${qos} ${topic}\n${payload}`;
}

function decode(sequence: number, value: string): StoredEvent {
  const parts = /^(\d+) ([012]) (.*)\n/.exec(value);
  if (!parts) throw new SyntaxError(`entry ${sequence} is not an event`);
  const [head, acceptedAt, qos, topic = ""] = parts;
  return {
    sequence,
    acceptedAt: Number(acceptedAt),
    topic,
    payload: value.slice(head.length),
    qos: Number(qos) as QoS,
  };
}

/** LevelDB's own verdict stands in the cause of the error that `open` throws. */
function isDamage(error: unknown): boolean {
  const { cause } = error as { cause?: { code?: unknown } };
  return cause?.code === "LEVEL_CORRUPTION";
}

export function unusable(error: unknown): M1Error {
  return new M1Error("OUTBOX_UNUSABLE", { reason: reasonOf(error) }, { cause: error });
}

function reasonOf(error: unknown): string {
  const { cause, message } = error as Error;
  return cause instanceof Error ? cause.message : message;
}
