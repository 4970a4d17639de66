// An event as the cloud stores it: what the device published, and what the server adds.
import type { QoS } from "../../nodes/protocol/settings";
import type { Timestamp } from "../../nodes/protocol/timestamp";
import type { Identity } from "../../nodes/protocol/topics";
import type { AuthorizedEvent } from "./authorization";

/** The stream of events that name none (wire-contract: Event payload). */
const RAW_STREAM = "raw";

export interface StoredEvent extends Identity {
  readonly receivedAt: Timestamp;
  /** Empty if it came by REST. */
  readonly clientId: string;
  /** Empty if the topic named no device. */
  readonly deviceId: string;
  readonly stream: string;
  /** The device's time, or else `receivedAt`. */
  readonly observedAt: Timestamp;
  /** With the tags that the server adds, without those that are null. */
  readonly eventData: Readonly<Record<string, unknown>>;
  /** The payload as it came. */
  readonly raw: string;
  readonly qos: QoS;
  readonly dup: boolean;
}

/** What a value takes besides its characters: an empty object has two, and 56 bytes. */
const VALUE_WEIGHT = 64;

/** In characters; each value that an event may have, nested ones too, counts as so many besides. */
export function eventWeight({ raw, deviceId, stream }: StoredEvent): number {
  const values = raw.match(/[[{,]/g)?.length ?? 0;
  return raw.length + deviceId.length + stream.length + VALUE_WEIGHT * values;
}

export interface Arrival {
  readonly who: Identity;
  readonly clientId: string;
  /** The client's IP address. */
  readonly address: string;
  readonly qos: QoS;
  readonly dup: boolean;
}

export function storedEvent(
  event: AuthorizedEvent,
  arrival: Arrival,
  receivedAt: Timestamp,
): StoredEvent {
  const { who, clientId, qos, dup } = arrival;
  const { deviceId, raw } = event;
  return {
    receivedAt,
    projectMqtt: who.projectMqtt,
    userMqtt: who.userMqtt,
    clientId,
    deviceId,
    stream: event.stream ?? RAW_STREAM,
    observedAt: event.observedAt ?? receivedAt,
    eventData: serverTags(event, arrival.address),
    raw,
    qos,
    dup,
  };
}

function serverTags(event: AuthorizedEvent, address: string): Record<string, unknown> {
  const tags = event.eventData;
  discardNulls(tags);
  if (event.deviceId !== "") tags.device_id = event.deviceId;
  if (event.addClientIp) tags.ip_address = address;
  return tags;
}

/** null is accepted and discarded, in nested objects too. */
function discardNulls(tags: Record<string, unknown>): void {
  for (const [tag, value] of Object.entries(tags)) {
    if (value === null) delete tags[tag];
    else if (typeof value === "object" && !Array.isArray(value)) {
      discardNulls(value as Record<string, unknown>);
    }
  }
}
