// What MQTT 3.1.1 forbids in a packet and the parser lets through (MQTT-4.8.0-1: it ends the connection).
import type { Packet } from "mqtt-packet";
import { Refused } from "../cloud/refusal";

/** What only a server sends. */
const OF_SERVERS: ReadonlySet<Packet["cmd"]> = new Set([
  "connack",
  "suback",
  "unsuback",
  "pingresp",
]);

/** Bytes after the fixed header, of the packets that have as many whatever they say. */
const LENGTHS: Partial<Record<Packet["cmd"], number>> = {
  puback: 2,
  pubrec: 2,
  pubrel: 2,
  pubcomp: 2,
  pingreq: 0,
  disconnect: 0,
};

/** Throws Refused PACKET. */
export function checkPacket(packet: Packet): void {
  const fault = faultOf(packet);
  if (fault) throw Refused.because("PACKET", { reason: fault });
}

function faultOf(packet: Packet): string | undefined {
  const { cmd, length = 0 } = packet;
  const name = cmd.toUpperCase();
  if (OF_SERVERS.has(cmd)) return `a client does not send ${name}`;
  const wanted = LENGTHS[cmd];
  if (wanted !== undefined && length !== wanted)
    return `${name} has ${wanted} bytes after its header, not ${length}`;
  if (packet.messageId === 0 && hasId(packet)) return `${name} has the packet ID 0 (MQTT-2.3.1-1)`;
  switch (packet.cmd) {
    case "connect":
      return willFault(packet.will?.qos);
    case "publish":
      if (packet.qos === 0 && packet.dup) return "PUBLISH at QoS 0 has the DUP flag (MQTT-3.3.1-2)";
      return undefined;
    case "subscribe":
      return filtersFault(packet.subscriptions.map(({ topic }) => topic));
    case "unsubscribe":
      if (packet.unsubscriptions.length === 0) return "UNSUBSCRIBE has no filter (MQTT-3.10.3-2)";
      return filtersFault(packet.unsubscriptions);
    default:
      return undefined;
  }
}

/** An acknowledgement of 0 acknowledges nothing, and harms nobody. */
function hasId(packet: Packet): boolean {
  if (packet.cmd === "publish") return packet.qos > 0;
  return packet.cmd === "subscribe" || packet.cmd === "unsubscribe";
}

function willFault(qos: number = 0): string | undefined {
  return qos > 2 ? "the will has QoS 3 (MQTT-3.1.2-14)" : undefined;
}

/** The parser reads U+FFFD where there is no UTF-8. Topics are checked as events' topics, more strictly. */
function filtersFault(filters: readonly string[]): string | undefined {
  if (filters.some((filter) => filter.includes("\0"))) return "a filter has U+0000 (MQTT-1.5.3-2)";
  if (filters.some((filter) => filter.includes("\uFFFD")))
    return "a filter is not UTF-8 (MQTT-1.5.3-1)";
  return undefined;
}
