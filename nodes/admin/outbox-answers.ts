// What the requests about outboxes answer, and what the editor hears while somebody looks: shapes only.
import type { ErrorCode, ErrorDetails } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import type { MachineStatus } from "../runtime/machine-status";

/** What the editor puts into words. */
export interface ToldError {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}

/** All deployed connections, in the order in which they were started. */
export interface OutboxReport {
  readonly connections: readonly ConnectionReport[];
}

export interface ConnectionReport {
  /** Of the config node. */
  readonly id: string;
  /** Blank if it has none. */
  readonly name: string;
  /** `offline` from the failure to the success of an attempt. */
  readonly state: MachineStatus["state"];
  /** Milliseconds since 1970: since when it is in that state. */
  readonly since: number;
  /** Why it is offline, takes no events, or cannot be used at all. */
  readonly trouble?: ToldError;
  /** The address in use, or that is called next; absent where the settings cannot work. */
  readonly address?: string;
  /** The ids of the nodes that use it. */
  readonly users: readonly string[];
  /** Absent where the settings cannot work. */
  readonly outbox?: OutboxFigures;
}

export interface OutboxFigures {
  readonly kind: "disk" | "memory";
  /** Events, those in flight included. */
  readonly waiting: number;
  /** Of their topics and payloads. */
  readonly bytes: number;
  readonly inFlight: number;
  /** When the oldest was accepted, in milliseconds since 1970; absent if there is none or it is not known. */
  readonly oldest?: number;
  readonly isFull: boolean;
  readonly limit: number;
  /** How many events are in quarantine. */
  readonly quarantined: number;
  /** Events accepted in each of the last sixty seconds, oldest first; the present second, which is not over, is not among them. */
  readonly in: readonly number[];
  /** Events that have left, delivered or not, likewise. */
  readonly out: readonly number[];
}

/** Part of what waits or is in quarantine. */
export interface Page<Event> {
  readonly events: readonly Event[];
  /** For `after` of the next request; absent if that was all. A search may find nothing on a page and more on the next. */
  readonly next?: string;
}

export interface ShownEvent {
  /** Milliseconds since 1970. */
  readonly acceptedAt: number;
  readonly topic: string;
  /** Blank if it belongs to no device. */
  readonly deviceId: string;
  /** JSON as it goes over the wire. */
  readonly payload: string;
  readonly qos: QoS;
  /** Bytes of topic and payload. */
  readonly size: number;
}

export interface QuarantinePage extends Page<QuarantinedEvent> {
  /** How many there are of each reason, by the error's code; `""` counts those of version 0.1.0, which have none. */
  readonly reasons: Readonly<Record<string, number>>;
}

export interface QuarantinedEvent {
  readonly id: number;
  /** Milliseconds since 1970. */
  readonly quarantinedAt: number;
  /** Why; for an event of version 0.1.0, `reason` is its English sentence. */
  readonly error?: ToldError;
  readonly reason: string;
  /** Absent where it could not be read. */
  readonly event?: ShownEvent;
  /** What could not be read, at the most its first 2,000 characters. */
  readonly text?: string;
  /** It is of another user than the connection's: it is sent under no other name. */
  readonly isForeign: boolean;
}

/** Which quarantined events: with these ids, of this reason, or all if neither is stated. */
export interface Selection {
  readonly ids?: readonly number[];
  readonly code?: string;
}

/** How many events an action was about. */
export interface Count {
  readonly count: number;
  /** Why there are not more: OUTBOX_FULL, say. */
  readonly error?: ToldError;
}

/** The folders of connections that are in no flow any more. */
export interface LeftFolders {
  readonly folders: readonly LeftFolder[];
}

export interface LeftFolder {
  readonly folder: string;
  /** Whose events wait in it. */
  readonly outboxes: readonly {
    readonly projectMqtt: string;
    readonly userMqtt: string;
    readonly waiting: number;
  }[];
  readonly quarantined: number;
  /** The connections of one of these users, which it can be handed to, by id. */
  readonly heirs: readonly string[];
  /** Why it cannot be read. */
  readonly error?: ToldError;
}
