// The cloud's end of a measurement: publishes packets made beforehand, at QoS 0, which costs broker and
// producer no acknowledgement for each.
import type { Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { obey } from "./commands";
import { hearProgress } from "./progress";
import { open } from "./wire";

/**
 * Messages that the receiver has not told of, at a time. Less than the 64 KiB of a read: a receiver
 * whose socket stays full reads on and on, and works off two megabytes at once.
 */
const UNDER_WAY = 400;
/** Nobody has subscribed to it; its acknowledgement says that all before it is routed. */
const MARK = packet({ topic: "bench/mark", payload: "", qos: 1, messageId: 1 });

let socket: Socket;
let run = 0;
let arrived = 0;
let marked = false;
let wake: () => void = () => undefined;
/** Settled when all that was asked for before has been published. */
let earlier: Promise<void> = Promise.resolve();

interface Publication {
  readonly count: number;
  /** One message to each in turn, over and over. */
  readonly topics: readonly string[];
  readonly payload: string;
  readonly retain?: boolean;
  /** Of the receiver's `Progress`; without it, all is published at once. */
  readonly run?: number;
}

obey({
  /** Answers with the port that wants to be told of the receiver's progress. */
  async connect({ port }: { port: number }) {
    socket = await open(port, "producer");
    socket.on("data", () => {
      marked = true;
      wake();
    });
    return hearProgress((of, count) => {
      if (of !== run) return;
      arrived = count;
      wake();
    });
  },

  /** Resolves when all are routed. */
  publish(publication: Publication) {
    earlier = earlier.then(() => publish(publication));
    return earlier;
  },
});

async function publish(publication: Publication): Promise<void> {
  const { count, topics, payload, retain = false, run: next } = publication;
  run = next ?? 0;
  arrived = 0;
  marked = false;
  const packets = topics.map((topic) => packet({ topic, payload, retain, qos: 0 }));
  const allowed = () => (next ? arrived + UNDER_WAY : count);
  for (let sent = 0; sent < count; ) {
    await until(() => sent < allowed());
    const batch = Math.min(count, allowed()) - sent;
    socket.write(Buffer.concat([...inTurn(packets, sent, batch)]));
    sent += batch;
  }
  socket.write(MARK);
  await until(() => marked);
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

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) {
    await new Promise<void>((resolve) => {
      wake = resolve;
    });
  }
}
