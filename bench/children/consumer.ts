// The cloud's end of a measurement: subscribes at QoS 0 and counts what arrives.
import { once } from "node:events";
import type { Socket } from "node:net";
import { generate, type Packet } from "mqtt-packet";
import { obey } from "./commands";
import { now } from "./meter";
import { Tally } from "./tally";
import { open, walker } from "./wire";

const PUBLISH = 3;
/**
 * Milliseconds between two looks. To be woken for each event costs the machine as much as to send it;
 * after much longer a socket's buffer would be full of small packets.
 */
const PAUSE = 0.5;
const never = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
const tally = new Tally();
let socket: Socket | undefined;
/** When each arrived, where that is asked for: then the consumer is woken for each. */
let times: number[] | undefined;

obey({
  async subscribe({ port, filter }: { port: number; filter: string }) {
    socket?.destroy();
    const connected = await open(port, "consumer");
    socket = connected;
    const answer = once(connected, "data");
    const subscriptions = [{ topic: filter, qos: 0 }];
    connected.write(generate({ cmd: "subscribe", messageId: 1, subscriptions } as Packet));
    await answer;
    let arrived = 0;
    const walk = walker((firstByte) => {
      if (firstByte >> 4 === PUBLISH) arrived += 1;
    });
    connected.on("data", (chunk: Buffer) => {
      walk(chunk);
      times?.push(...Array<number>(arrived).fill(now()));
      if (arrived > 0) tally.add(arrived);
      arrived = 0;
      if (!times) Atomics.wait(never, 0, 0, PAUSE);
    });
  },
  expect({ count, timed = false }: { count: number; timed?: boolean }) {
    times = timed ? [] : undefined;
    tally.expect(count);
  },
  complete: async () => ({ ...(await tally.complete()), times }),
});
