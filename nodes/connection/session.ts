// What belongs to a session at the broker and outlives connections (MQTT-4.1.0), kept for the successor
// when a deploy replaces the config node.
import { formatBrokerUrl } from "../protocol/broker-url";
import type { BrokerUrls } from "./broker-addresses";
import { PacketIdentifiers } from "./packet-identifiers";
import { UnreleasedMessages } from "./unreleased-messages";

export interface Session {
  /** QoS 2 messages that have come and are not released yet: the release may come over any connection. */
  readonly unreleased: UnreleasedMessages;
  /** Of the latest connection. */
  identifiers: PacketIdentifiers;
}

/** Two connections that agree in these have the same session. */
interface SessionName {
  readonly brokers: BrokerUrls;
  readonly clientId: string;
}

const left = new Map<string, { readonly name: string; readonly session: Session }>();

export function newSession(): Session {
  return { unreleased: new UnreleasedMessages(), identifiers: new PacketIdentifiers() };
}

/** Leaves it for the successor of the config node with that id. */
export function leaveSession(configId: string, name: SessionName, session: Session): void {
  left.set(configId, { name: text(name), session });
}

/** What was left under this id, if it is the same session: in another, the same numbers mean other messages. */
export function claimSession(configId: string, name: SessionName): Session | undefined {
  const found = left.get(configId);
  left.delete(configId);
  return found?.name === text(name) ? found.session : undefined;
}

function text({ brokers, clientId }: SessionName): string {
  return `${clientId}@${brokers.map(formatBrokerUrl).join()}`;
}
