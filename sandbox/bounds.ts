// How much the sandbox holds at the most, so that no client can fill its memory.

/** What happens at each of them is said in docs/sandbox.md. */
export interface Bounds {
  /** Topics that retain a message. */
  readonly retained: number;
  /** Messages that wait for clients, of all sessions together. */
  readonly waiting: number;
  /** Bytes on their way to clients that have not read them, of all together. */
  readonly unread: number;
  /** Sessions whose clients are away. */
  readonly sessions: number;
  /** Connections of clients, logged in or not. */
  readonly clients: number;
  /** Subscriptions of one client. */
  readonly subscriptions: number;
  /** Subscriptions of all sessions together. */
  readonly filters: number;
  /** Devices that each workflow remembers. */
  readonly devices: number;
  /** Users made over REST. */
  readonly users: number;
}

export const BOUNDS: Bounds = {
  retained: 10_000,
  waiting: 10_000,
  unread: 64_000_000,
  sessions: 1000,
  clients: 1000,
  subscriptions: 1000,
  filters: 100_000,
  devices: 10_000,
  users: 1000,
};

/** Characters that the remembered events may have together, as `eventWeight` counts them. */
export const EVENTS_WEIGHT = 64_000_000;
/** Characters of the remembered refusals, and of the remembered packets. */
export const RECORDS_WEIGHT = 16_000_000;
/** Bytes of the remembered messages of the cloud, of the retained ones, and of those that wait. */
export const MESSAGES_WEIGHT = 16_000_000;
/** Characters of the filters of all sessions. */
export const FILTERS_WEIGHT = 16_000_000;
/** Characters of the device IDs that a workflow remembers. */
export const DEVICES_WEIGHT = 1_000_000;

/** Bytes of a packet: an event of four bytes a character, and a topic, have 330,000. */
export const LONGEST_PACKET = 1_000_000;
/** Packets that a client sends before its CONNACK, as it may (MQTT 3.1.1, 3.1.4). */
export const MOST_EARLY = 1000;
/** Messages at QoS 2 of one client that wait for its PUBREL. */
export const MOST_UNRELEASED = 1000;

interface Message {
  readonly topic: string;
  readonly payload: string | Uint8Array;
}

/** In bytes. With its topic, which may be longer than its payload. */
export function messageWeight({ topic, payload }: Message): number {
  return topic.length + payload.length;
}
