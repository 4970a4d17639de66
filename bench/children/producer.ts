// The cloud's end of a measurement: publishes packets made beforehand, at QoS 0, which costs broker and
// producer no acknowledgements: that of a mark after each batch says that the batch is routed.
import type { Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { obey } from "./commands";
import { open } from "./wire";

/** Messages in one write. */
const BATCH = 1_000;
/** Batches that are not routed yet, at a time. */
const OUTSTANDING = 5;
/** Nobody has subscribed to it. */
const MARK = "bench/mark";
const PUBACK_BYTES = 4;

let socket: Socket;
let routed = 0;
let resume: () => void = () => undefined;
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
      routed += Math.floor(bytes / PUBACK_BYTES);
      bytes %= PUBACK_BYTES;
      resume();
    });
  },

  /** Resolves when all are routed. */
  publish(publication: Publication) {
    earlier = earlier.then(() => publish(publication));
    return earlier;
  },
});

async function publish({ count, topics, payload, retain = false }: Publication): Promise<void> {
  routed = 0;
  const packets = topics.map((topic) => packet({ topic, payload, retain, qos: 0 }));
  let batches = 0;
  for (let sent = 0; sent < count; sent += BATCH) {
    batches += 1;
    const mark = packet({ topic: MARK, payload: "", qos: 1, messageId: 1 + (batches % 65_535) });
    socket.write(Buffer.concat([...inTurn(packets, sent, Math.min(BATCH, count - sent)), mark]));
    await routedAtLeast(batches - OUTSTANDING);
  }
  await routedAtLeast(batches);
}

function packet(publication: object): Buffer {
  return generate({ cmd: "publish", retain: false, dup: false, ...publication } as Packet);
}

function* inTurn(packets: readonly Buffer[], from: number, count: number): Generator<Buffer> {
  for (let index = from; index < from + count; index += 1) {
    const next = packets[index % packets.length];
    if (next) yield next;
  }
}

async function routedAtLeast(batches: number): Promise<void> {
  while (routed < batches) {
    await new Promise<void>((resolve) => {
      resume = resolve;
    });
  }
}
