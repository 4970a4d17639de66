// What belongs to an MQTT session and outlives a connection that a deploy replaces: QoS 2 messages that
// are confirmed to the broker and not yet released.
import { type BrokerUrl, formatBrokerUrl } from "../protocol/broker-url";
import type { Connection } from "./connection";

type Unreleased = Connection["unreleased"];

interface Session {
  readonly broker: BrokerUrl;
  readonly clientId: string;
}

const parked = new Map<string, { readonly session: string; readonly unreleased: Unreleased }>();

export function parkSession(configId: string, { settings, unreleased }: Connection): void {
  parked.set(configId, { session: nameOf(settings), unreleased });
}

/** What was parked under this id, if it is of the same session: elsewhere the same numbers mean other messages. */
export function claimSession(configId: string, session: Session): Unreleased | undefined {
  const found = parked.get(configId);
  parked.delete(configId);
  return found?.session === nameOf(session) ? found.unreleased : undefined;
}

function nameOf({ broker, clientId }: Session): string {
  return `${clientId}@${formatBrokerUrl(broker)}`;
}
