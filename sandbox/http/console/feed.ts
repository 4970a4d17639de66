// What the open pages of the console are told: all there is first, then what is new, five times a
// second. Everything is counted; what is shown is sampled, so that no page drowns.
import type { EventEmitter } from "node:events";
import type { Identity } from "../../../nodes/protocol/topics";
import { roleOf } from "../../cloud/accounts";
import type { SandboxEvents, Sent } from "../../cloud/activity";
import type { StoredEvent } from "../../cloud/stored-event";
import { reachable } from "../../command/reachable";
import type { Sandbox } from "../../sandbox";
import { Charted, SLOT } from "./charted";
import type {
  ActivityRow,
  Batch,
  ClientRow,
  RetainedRow,
  Snapshot,
  Some,
  State,
} from "./console-messages";
import type { Filter } from "./filter";
import { Recurring } from "./recurring";
import { clientRow, eventRow, refusalRow, retainedRow, sentRow } from "./rows";

/** Milliseconds between two messages. */
const INTERVAL = SLOT;
const ROWS_PER_MESSAGE = 20;
const POINTS_PER_MESSAGE = 500;
/** All of a kind are counted. */
const REFUSALS_PER_MESSAGE = { kinds: 50, places: 30 };
const ROWS_OF_A_LIST = 100;
/** How much of the past a page is shown, of what passes its filter. */
const PAST_EVENTS = 10_000;
const PAST_POINTS = 50_000;
const PAST_ROWS = 150;
const PAST_REFUSALS = { kinds: 150, places: 100 };

/** Where a feed goes. */
export interface Reader {
  tell(name: "snapshot" | "batch", data: Snapshot | Batch): void;
  /** False while the reader has not taken what it was told; the feed waits, and samples more. */
  isReady(): boolean;
  /** The feed has ended, as there was no telling what there is. */
  failed(error: Error): void;
}

type Listeners = {
  [Name in keyof SandboxEvents]?: (...what: SandboxEvents[Name]) => void;
};

/** What one page is told, from `open`, which begins with a snapshot, to `close`. */
export class Feed {
  readonly #sandbox: Sandbox;
  readonly #filter: Filter;
  readonly #reader: Reader;
  readonly #charted: Charted;
  #timer: NodeJS.Timeout | undefined;
  #unlisten: (() => void) | undefined;

  #matching = 0;
  #activity: (StoredEvent | Sent)[] = [];
  readonly #refusals = new Recurring(REFUSALS_PER_MESSAGE);
  readonly #changed = new Set<keyof State>();

  constructor(sandbox: Sandbox, filter: Filter, reader: Reader) {
    this.#sandbox = sandbox;
    this.#filter = filter;
    this.#reader = reader;
    this.#charted = new Charted(filter);
  }

  open(): void {
    this.#unlisten = this.#listen();
    this.#timer = setInterval(() => this.#attempt(() => this.#tellNews()), INTERVAL);
    this.#attempt(() => this.#reader.tell("snapshot", this.#snapshot()));
  }

  close(): void {
    clearInterval(this.#timer);
    this.#unlisten?.();
  }

  /** What goes wrong with one page is no matter of the timer, or of the client whose event it was. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.close();
      this.#reader.failed(error as Error);
    }
  }

  #listen(): () => void {
    const onActivity = (what: StoredEvent | Sent) => this.#attempt(() => this.#onActivity(what));
    const onClients = () => this.#changed.add("clients");
    const listeners: Listeners = {
      event: onActivity,
      sent: onActivity,
      refusal: (refusal) => {
        this.#changed.add("totals");
        this.#refusals.add(refusalRow(refusal));
      },
      configured: () => this.#changed.add("users"),
      connected: onClients,
      disconnected: onClients,
      subscribed: onClients,
      unsubscribed: onClients,
    };
    // The types of EventEmitter cannot follow a name that comes from a list.
    const emitter = this.#sandbox as EventEmitter;
    for (const [name, listener] of Object.entries(listeners)) emitter.on(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) emitter.off(name, listener);
    };
  }

  #onActivity(what: StoredEvent | Sent): void {
    this.#changed.add("totals");
    if ("retain" in what && what.retain) this.#changed.add("retained");
    if (!this.#filter.passes(what)) return;
    this.#matching += 1;
    this.#activity.push(what);
    if (this.#activity.length > ROWS_PER_MESSAGE) this.#activity.shift();
    if ("raw" in what) this.#charted.add(what, POINTS_PER_MESSAGE);
  }

  #snapshot(): Snapshot {
    const { url, events, sent, refusals, weather, totals } = this.#sandbox;
    const passes = (what: StoredEvent | Sent) => this.#filter.passes(what);
    const matching = last(PAST_EVENTS, events, passes);
    const activity = [...matching.slice(-PAST_ROWS), ...last(PAST_ROWS, sent, passes)]
      .sort((one, other) => timeOf(one).localeCompare(timeOf(other)))
      .slice(-PAST_ROWS);
    const isAllKept = events.length === totals.events && sent.length === totals.sent;
    return {
      at: Date.now() / 1000,
      url: reachable(url),
      users: this.#users(),
      weather: weather.words,
      totals,
      clients: this.#clients(),
      retained: this.#retained(),
      activity: this.#rows(activity),
      moreActivity: !isAllKept || activity.length === PAST_ROWS,
      points: this.#charted.past(matching, PAST_POINTS),
      moreTags: this.#charted.moreTags,
      refusals: Recurring.of(PAST_REFUSALS, refusals.map(refusalRow)).rows,
    };
  }

  #tellNews(): void {
    const changed = this.#changed;
    if (changed.size === 0 || !this.#reader.isReady()) return;
    this.#reader.tell("batch", {
      totals: this.#sandbox.totals,
      matching: this.#matching,
      activity: this.#rows(this.#activity),
      ...this.#charted.take(),
      refusals: this.#refusals.rows,
      ...(changed.has("users") && { users: this.#users() }),
      ...(changed.has("clients") && { clients: this.#clients() }),
      ...(changed.has("retained") && { retained: this.#retained() }),
    });
    this.#matching = 0;
    this.#activity = [];
    this.#refusals.clear();
    changed.clear();
  }

  #rows(activity: readonly (StoredEvent | Sent)[]): ActivityRow[] {
    return activity.map((what) => ("raw" in what ? eventRow(what, this.#filter) : sentRow(what)));
  }

  /** Without their secrets. */
  #users(): Identity[] {
    // One that only registers users has no devices to send to.
    const owners = this.#sandbox.accounts.filter((account) => roleOf(account) !== "registration");
    const users = owners.map(
      ({ projectMqtt, userMqtt }) =>
        [`${projectMqtt}/${userMqtt}`, { projectMqtt, userMqtt }] as const,
    );
    return [...new Map(users).values()];
  }

  #clients(): Some<ClientRow> {
    return some(this.#sandbox.clients, clientRow);
  }

  #retained(): Some<RetainedRow> {
    const newestFirst = [...this.#sandbox.retained].reverse();
    return some(
      newestFirst.filter((message) => this.#filter.passes(message)),
      retainedRow,
    );
  }
}

/** The last `limit` of those that pass, oldest first. */
function last<Item>(
  limit: number,
  items: readonly Item[],
  passes: (item: Item) => boolean,
): Item[] {
  const found: Item[] = [];
  for (let at = items.length - 1; at >= 0 && found.length < limit; at -= 1) {
    const item = items[at] as Item;
    if (passes(item)) found.push(item);
  }
  return found.reverse();
}

function some<Item, Row>(items: readonly Item[], row: (item: Item) => Row): Some<Row> {
  return { rows: items.slice(0, ROWS_OF_A_LIST).map(row), total: items.length };
}

function timeOf(what: StoredEvent | Sent): string {
  return "raw" in what ? what.receivedAt : what.sentAt;
}
