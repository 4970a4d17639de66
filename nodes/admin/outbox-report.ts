// How the connections and their outboxes are at this moment, as the sidebar and programs hear it.
import { formatBrokerUrl } from "../protocol/broker-url";
import { machineState, troubleOf } from "../runtime/machine-status";
import type { ConnectionNode } from "../runtime/registration";
import { runningConnections } from "../runtime/running-connections";
import { toldError } from "./offer";
import type { ConnectionReport, OutboxFigures, OutboxReport } from "./outbox-answers";

export function outboxReport(): OutboxReport {
  return { connections: runningConnections().map(connectionReport) };
}

function connectionReport(node: ConnectionNode): ConnectionReport {
  const { id, name = "", since, users, connection, fault } = node;
  const trouble = fault ?? (connection && troubleOf(connection.state));
  return {
    id,
    name,
    state: connection ? machineState(connection.state) : "idle",
    since,
    ...(trouble && { trouble: toldError(trouble) }),
    users: Object.keys(users),
    ...(connection && {
      address: formatBrokerUrl(connection.broker),
      outbox: figures(connection),
    }),
  };
}

function figures({ outbox, queue }: NonNullable<ConnectionNode["connection"]>): OutboxFigures {
  const { size: waiting, inFlight, oldest, isFull } = queue;
  return {
    kind: outbox.isOnDisk ? "disk" : "memory",
    waiting,
    bytes: Math.round(outbox.bytes),
    inFlight,
    ...(oldest !== undefined && { oldest }),
    isFull,
    limit: outbox.limit,
    quarantined: outbox.quarantine.count,
    in: outbox.rates.in.perSecond,
    out: outbox.rates.out.perSecond,
  };
}
