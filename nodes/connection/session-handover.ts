// The session of a connection that a deploy replaces, for its successor.
import { type BrokerUrl, formatBrokerUrl } from "../protocol/broker-url";
import type { Connection, SessionState } from "./connection";

interface Session {
  readonly broker: BrokerUrl;
  readonly clientId: string;
}

const parked = new Map<string, { readonly name: string; readonly session: SessionState }>();

export function leaveSession(configId: string, { settings, session }: Connection): void {
  parked.set(configId, { name: nameOf(settings), session });
}

/** What was parked under this id, if it is of the same session: elsewhere the same numbers mean other messages. */
export function claimSession(configId: string, session: Session): SessionState | undefined {
  const found = parked.get(configId);
  parked.delete(configId);
  return found?.name === nameOf(session) ? found.session : undefined;
}

function nameOf({ broker, clientId }: Session): string {
  return `${clientId}@${formatBrokerUrl(broker)}`;
}
