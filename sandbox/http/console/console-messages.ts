// What the console's page is told, as JSON over server-sent events. Types only: both sides use them.
import type { Identity } from "../../../nodes/protocol/topics";
import type { Recipient } from "../../cloud/cloud-topics";

/** ISO 8601 in UTC with six decimals. */
type Time = string;

/** The first message of a feed: all there is to show. */
export interface Snapshot extends State {
  /** Seconds since 1970, by the sandbox's clock. */
  readonly at: number;
  readonly url: string;
  /** What the sandbox does to connections on purpose, in words. */
  readonly weather: readonly string[];
  readonly activity: readonly ActivityRow[];
  /** There may have been more that passes the filter than `activity` has. */
  readonly moreActivity: boolean;
  readonly points: readonly Point[];
  /** Tags that carry numbers, but have no chart. */
  readonly moreTags: number;
  readonly refusals: readonly RefusalRow[];
}

/** What has happened since the message before; what has not changed is left out. */
export interface Batch extends Partial<State> {
  readonly totals: Totals;
  /** The last few that pass the filter, oldest first. */
  readonly activity: readonly ActivityRow[];
  /** How many passed the filter, shown or not. */
  readonly matching: number;
  readonly points: readonly Point[];
  /** Tags that had a chart, and gave its place to another. */
  readonly gone: readonly string[];
  /** Of the whole feed so far. */
  readonly moreTags: number;
  readonly refusals: readonly RefusalRow[];
}

export interface State {
  readonly totals: Totals;
  readonly users: readonly Identity[];
  readonly clients: Some<ClientRow>;
  /** Those that pass the filter, the newest first. */
  readonly retained: Some<RetainedRow>;
}

/** The first of a list that may be long. */
export interface Some<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** Since the sandbox was made. */
export interface Totals {
  readonly events: number;
  readonly refusals: number;
  readonly sent: number;
}

export type ActivityRow = EventRow | SentRow;

export interface EventRow {
  readonly kind: "event";
  readonly at: Time;
  /** Only if it is a second or more away from `at`. */
  readonly observedAt?: Time;
  /** `project/user` */
  readonly user: string;
  readonly deviceId: string;
  readonly stream: string;
  /**
   * Without a `device_id` that is the row's own. The value is rounded and cut to be shown; `all` of
   * it, if that is more.
   */
  readonly tags: readonly (readonly [name: string, value: string, all?: string])[];
  readonly moreTags: number;
}

export interface SentRow {
  readonly kind: "sent";
  readonly at: Time;
  readonly topic: string;
  readonly payload: string;
  readonly retain: boolean;
  readonly notRetained?: true;
}

/** A number that a device sent under a tag: the last within the slot of time. */
export interface Point {
  readonly tag: string;
  /** `project/user/device` */
  readonly source: string;
  /** Seconds since 1970, a multiple of the slot. */
  readonly x: number;
  readonly y: number;
}

/** Of refusals that broke the same rule in the same way. */
export interface RefusalRow {
  readonly times: number;
  readonly code: string;
  readonly rule: string;
  /** Where the rule is written down; none of the sandbox's own. */
  readonly source?: string;
  /** Each once, the latest last. */
  readonly places: readonly RefusalPlace[];
  /** There were others, too many to be listed. */
  readonly morePlaces?: true;
}

/** Of refusals that are the same but for their time. */
export interface RefusalPlace {
  /** Of the latest. */
  readonly at: Time;
  readonly times: number;
  readonly who: string;
  /** What was refused, and where. */
  readonly what: string;
  readonly reason: string;
}

export interface ClientRow {
  readonly clientId: string;
  readonly user: string;
  readonly session: string;
  readonly filters: readonly string[];
  readonly moreFilters: number;
}

export interface RetainedRow {
  readonly topic: string;
  readonly payload: string;
  readonly at: Time;
}

/** What the page posts to have a message sent. */
export type SendForm = Recipient & { readonly payload: string; readonly retain: boolean };

/** What it is answered. */
export interface SendResult {
  readonly topic: string;
  /** Connected clients that subscribe to the topic. */
  readonly receivers: number;
  /** It was to be retained, but there was no room. */
  readonly notRetained?: true;
}
