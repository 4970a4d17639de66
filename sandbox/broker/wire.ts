// What clients put on the wire, packet by packet, so that a test can tell the exact traffic.
import type { Duplex } from "node:stream";
import { type Packet, parser } from "mqtt-packet";
import type { QoS } from "../../nodes/protocol/settings";

export interface FilterWithQos {
  readonly filter: string;
  readonly qos: QoS;
}

export type WirePacket = { readonly clientId: string } & (
  | {
      readonly cmd: "connect";
      readonly protocolVersion: number;
      readonly clean: boolean;
      /** Seconds. */
      readonly keepalive: number;
      readonly username: string | undefined;
    }
  | {
      readonly cmd: "publish";
      readonly topic: string;
      readonly qos: QoS;
      readonly dup: boolean;
      readonly retain: boolean;
      readonly messageId: number | undefined;
      /** Bytes. */
      readonly length: number;
    }
  | { readonly cmd: "subscribe"; readonly subscriptions: readonly FilterWithQos[] }
  | { readonly cmd: "unsubscribe"; readonly filters: readonly string[] }
  | {
      readonly cmd: Exclude<Packet["cmd"], "connect" | "publish" | "subscribe" | "unsubscribe">;
      readonly messageId: number | undefined;
    }
);

/** In characters, of what may be long. */
export function packetWeight(packet: WirePacket): number {
  const { clientId } = packet;
  return [clientId, ...textsOf(packet)].reduce((total, { length }) => total + length, 0);
}

function textsOf(packet: WirePacket): readonly string[] {
  if ("topic" in packet) return [packet.topic];
  if ("subscriptions" in packet) return packet.subscriptions.map(({ filter }) => filter);
  if ("filters" in packet) return packet.filters;
  return "username" in packet ? [packet.username ?? ""] : [];
}

/**
 * Calls `onPacket` for each packet that a stream brings, before the broker sees it. To be called
 * after the broker has taken the stream, so that listening here does not set it flowing.
 */
export function tap(stream: Duplex, onPacket: (packet: WirePacket) => void): void {
  const packets = parser();
  let clientId = "";
  const read = (chunk: Buffer) => packets.parse(chunk);
  packets.on("packet", (packet) => {
    if (packet.cmd === "connect") clientId = packet.clientId;
    onPacket(described(packet, clientId));
  });
  // The broker meets the same error, reports it and ends the connection.
  packets.on("error", () => stream.off("data", read));
  stream.on("data", read);
}

function described(packet: Packet, clientId: string): WirePacket {
  switch (packet.cmd) {
    case "connect": {
      const { cmd, protocolVersion = 4, clean = true, keepalive = 0, username } = packet;
      return { clientId, cmd, protocolVersion, clean, keepalive, username };
    }
    case "publish": {
      const { cmd, topic, qos, dup, retain, messageId, payload } = packet;
      return { clientId, cmd, topic, qos, dup, retain, messageId, length: payload.length };
    }
    case "subscribe": {
      const subscriptions = packet.subscriptions.map(({ topic, qos }) => ({ filter: topic, qos }));
      return { clientId, cmd: packet.cmd, subscriptions };
    }
    case "unsubscribe":
      return { clientId, cmd: packet.cmd, filters: packet.unsubscriptions };
    default:
      return { clientId, cmd: packet.cmd, messageId: packet.messageId };
  }
}
