// What a sandbox tells: the records it keeps and the events it emits.
import type { QoS } from "../../nodes/protocol/settings";
import type { Timestamp } from "../../nodes/protocol/timestamp";
import type { Address } from "../../nodes/protocol/topics";
import type { FilterWithQos } from "../broker/wire";
import type { RefusalCode, ReturnCode } from "./refusal";
import type { StoredEvent } from "./stored-event";

export interface SandboxEvents {
  event: [StoredEvent];
  refusal: [Refusal];
  connected: [ConnectedClient];
  disconnected: [Disconnection];
  subscribed: [Subscription];
  unsubscribed: [Unsubscription];
  sent: [Sent];
  /** Other users may log in, or other workflows run. */
  configured: [];
  /** A rule failed, or the broker, a page of the console or the answer to a request. */
  error: [Error];
}

export interface Refusal extends RefusedPlace {
  readonly at: Timestamp;
  readonly code: RefusalCode;
  readonly reason: string;
}

export interface RefusedPlace {
  readonly clientId?: string;
  /** Of a user there is; other text in its place may be a secret, and is not kept. */
  readonly username?: string;
  /**
   * `protocol`: a packet that MQTT itself does not allow. `request`: one to the REST API. `memory`:
   * what the sandbox cannot hold. `disk`: what it cannot keep.
   */
  readonly what: "connect" | "publish" | "subscribe" | "protocol" | "request" | "memory" | "disk";
  /** Of a publish or a will, or of what the cloud sent; of a request its method and path. */
  readonly topic?: string;
  /** Of a subscribe. */
  readonly filter?: string;
  /** What the CONNACK said, of a connect. */
  readonly returnCode?: ReturnCode;
  /** What the REST API answered, of a request. */
  readonly status?: number;
}

export interface ConnectedClient {
  readonly clientId: string;
  readonly username: string;
  readonly clean: boolean;
  /** Whether the broker had kept the client's session. */
  readonly sessionPresent: boolean;
  readonly subscriptions: readonly FilterWithQos[];
}

export interface Disconnection {
  readonly clientId: string;
  readonly username: string;
  /** Whether the client said DISCONNECT. */
  readonly graceful: boolean;
  /** Why the broker ended it, or how it broke, if that is known. */
  readonly reason: string | undefined;
}

/** Filters that were granted, with the QoS granted. */
export interface Subscription {
  readonly clientId: string;
  readonly username: string;
  readonly subscriptions: readonly FilterWithQos[];
}

export interface Unsubscription {
  readonly clientId: string;
  readonly username: string;
  readonly filters: readonly string[];
}

/** What the cloud published. */
export interface Sent {
  readonly sentAt: Timestamp;
  readonly topic: string;
  /** Undefined for a topic that is none of the contract's. */
  readonly address: Address | undefined;
  readonly payload: Buffer;
  readonly qos: QoS;
  readonly retain: boolean;
  /** It was to be retained, but there was no room. */
  readonly notRetained?: true;
}

/** How much there was since the sandbox was made; events that it has kept from before count, too. */
export interface Totals {
  readonly events: number;
  readonly refusals: number;
  readonly sent: number;
}

/** In characters, of what may be long. */
export function refusalWeight(refusal: Refusal): number {
  const { reason, clientId = "", username = "", topic = "", filter = "" } = refusal;
  return [reason, clientId, username, topic, filter].reduce((sum, { length }) => sum + length, 0);
}

/** Who was refused, as well as it is known. */
export function refusedOne({ what, clientId, username }: RefusedPlace): string {
  const isOwn = what === "memory" || what === "disk";
  const nobody = isOwn ? "the sandbox" : what === "request" ? "HTTP" : "unknown client";
  return clientId || username || nobody;
}
