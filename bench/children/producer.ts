// The cloud's end of a measurement: publishes at QoS 1, packets made beforehand.
import type { Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { obey } from "./commands";
import { open } from "./wire";

/** Unacknowledged at a time; an identifier is used again only long after that. */
const OUTSTANDING = 5_000;
const PUBACK_BYTES = 4;

let socket: Socket;
let acknowledged = 0;
let resume: () => void = () => undefined;
let nextId = 1;
/** Settled when all that was asked for before has been published. */
let earlier: Promise<void> = Promise.resolve();

interface Publication {
  readonly count: number;
  /** One message to each in turn, over and over. */
  readonly topics: readonly string[];
  readonly payload: string;
  readonly retain?: boolean;
}

obey({
  async connect({ port }: { port: number }) {
    socket = await open(port, "producer");
    let bytes = 0;
    socket.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      acknowledged += Math.floor(bytes / PUBACK_BYTES);
      bytes %= PUBACK_BYTES;
      resume();
    });
  },

  /** Resolves when all are acknowledged. */
  publish(publication: Publication) {
    earlier = earlier.then(() => publish(publication));
    return earlier;
  },
});

async function publish({ count, topics, payload, retain = false }: Publication): Promise<void> {
  acknowledged = 0;
  const packets = topics.map((topic) => publishPacket(topic, payload, retain));
  for (let sent = 0; sent < count; ) {
    const batch = Math.min(count - sent, OUTSTANDING / 5);
    socket.write(Buffer.concat([...numbered(packets, sent, batch)]));
    sent += batch;
    await acknowledgedAtLeast(sent - OUTSTANDING);
  }
  await acknowledgedAtLeast(count);
}

interface Prepared {
  readonly head: Buffer;
  readonly tail: Buffer;
}

/** A packet's bytes before and after its identifier, which differs each time. */
function publishPacket(topic: string, payload: string, retain: boolean): Prepared {
  const packet = { cmd: "publish", topic, payload, qos: 1, messageId: 1, retain, dup: false };
  const bytes = generate(packet as Packet);
  const identifier = bytes.length - Buffer.byteLength(payload) - 2;
  return { head: bytes.subarray(0, identifier), tail: bytes.subarray(identifier + 2) };
}

function* numbered(packets: readonly Prepared[], from: number, count: number): Generator<Buffer> {
  for (let index = from; index < from + count; index += 1) {
    const packet = packets[index % packets.length];
    if (!packet) return;
    nextId = (nextId % 65_535) + 1;
    yield packet.head;
    yield Buffer.from([nextId >> 8, nextId & 255]);
    yield packet.tail;
  }
}

async function acknowledgedAtLeast(count: number): Promise<void> {
  while (acknowledged < count) {
    await new Promise<void>((resolve) => {
      resume = resolve;
    });
  }
}
