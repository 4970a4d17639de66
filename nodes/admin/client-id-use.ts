// Whether another connection of this Node-RED has the same client ID at the same broker: deployed, the two would
// throw each other out, which a test under an ID of its own cannot see.
import type { NodeAPI } from "node-red";
import type { ConnectionSettings } from "../connection/mqtt-client";
import { type BrokerUrl, formatBrokerUrl, isLoopback } from "../protocol/broker-url";
import { M1Error } from "../protocol/errors";
import type { ConnectionNode } from "../runtime/registration";

/** CLIENT_ID_USED with the name of the other one; `id` is that of the connection with these settings. */
export function clientIdUse(
  RED: NodeAPI,
  id: unknown,
  { clientId }: ConnectionSettings,
  broker: BrokerUrl,
): M1Error | undefined {
  const other = deployedConnections(RED).find((node) => {
    const settings = node.connection?.settings;
    if (node.id === id || settings?.clientId !== clientId) return false;
    return settings.brokers.some((its) => isSameBroker(its, broker));
  });
  return other && new M1Error("CLIENT_ID_USED", { clientId, name: nameOf(other) });
}

function deployedConnections(RED: NodeAPI): ConnectionNode[] {
  const ids: string[] = [];
  RED.nodes.eachNode(({ id, type }) => {
    if (type === "m1 connection") ids.push(id);
  });
  const nodes = ids.map((id) => RED.nodes.getNode(id) as ConnectionNode | null);
  return nodes.filter((node) => node !== null);
}

/** A host has one broker with several ports, but a computer where people try things out may have several. */
function isSameBroker(one: BrokerUrl, other: BrokerUrl): boolean {
  if (isLoopback(one) && isLoopback(other)) return one.port === other.port;
  return one.host.toLowerCase() === other.host.toLowerCase();
}

/** As the editor calls it. */
function nameOf({ name, connection }: ConnectionNode): string {
  if (name || !connection) return name ?? "";
  const { username, brokers } = connection.settings;
  return `${username}@${formatBrokerUrl(brokers[0]).replace(/^\w+:\/\//, "")}`;
}
