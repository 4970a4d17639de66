// SUBSCRIBE and UNSUBSCRIBE over one client, in packets of a bearable length, each answered within a deadline.
import type { MqttClient, Packet } from "mqtt";
import { M1Error } from "../protocol/errors";
import type { QoS } from "../protocol/settings";
import type { SubscriptionWire } from "../subscriptions/subscriptions";
import type { PoisonFilters } from "./poison-filters";
import type { Timing } from "./timing";
import type { Unsubscribing } from "./unsubscribing";

/** Brokers limit the length of a packet; ten thousand devices must not fail on it. */
const FILTERS_A_PACKET = 100;

/** SUBACK: this and above is a refusal (MQTT-3.9.3-2; MQTT 5, table 3-7). */
export const REFUSED = 0x80;

/**
 * `flush` sends what the client's stream has gathered. Each answer takes `acknowledge` milliseconds at the
 * most. What is `poison` counts as refused; it says how many filters to ask for at a time. Where `unsubscribing`
 * is given up, nothing is sent for it.
 */
export function subscriptionWire(
  client: MqttClient,
  flush: () => void,
  { acknowledge }: Timing,
  poison: PoisonFilters,
  unsubscribing: Unsubscribing,
): SubscriptionWire {
  return {
    async subscribe(filters) {
      const codes = new Map<string, number>();
      let rest = [...filters].filter(([filter]) => !poison.has(filter));
      while (rest.length > 0) {
        const count = poison.ask(rest.map(([filter]) => filter));
        const batch = rest.slice(0, count);
        rest = rest.slice(count);
        const answer = subscribeOnce(client, batch);
        // Somebody has pressed Deploy: this need not wait for the end of the turn.
        flush();
        const granted = await before(acknowledge, answer);
        poison.answered();
        batch.forEach(([filter], index) => {
          codes.set(filter, granted[index] as number);
        });
      }
      return codes;
    },
    async unsubscribe(filters) {
      if (unsubscribing.isGivenUp) return;
      for (const batch of batches(filters)) {
        unsubscribing.ask();
        await before(acknowledge, client.unsubscribeAsync([...batch]));
        unsubscribing.answered();
      }
    },
  };
}

/** Rejects with KEEPALIVE_LOST if the answer takes longer than so many milliseconds. */
async function before<T>(milliseconds: number, answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new M1Error("KEEPALIVE_LOST")), milliseconds);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The code of each filter, in their order; REFUSED where the broker has sent none. */
export function subscribeOnce(
  client: MqttClient,
  batch: readonly [string, QoS][],
): Promise<number[]> {
  // mqtt.js closes the connection on a SUBACK with another number of codes, for which the broker has no remedy.
  const complete = (packet: Packet) => {
    if (packet.cmd !== "suback") return;
    const granted = packet.granted as number[];
    packet.granted = batch.map((_filter, index) => granted[index] ?? REFUSED);
  };
  client.on("packetreceive", complete);
  return new Promise<number[]>((resolve, reject) => {
    const filters = Object.fromEntries(batch.map(([filter, qos]) => [filter, { qos }]));
    client.subscribe(filters, (error, _grants, suback) => {
      // mqtt.js makes an error of a refused filter, but hands over the whole answer all the same.
      if (suback) resolve(suback.granted as number[]);
      else reject(error ?? new Error("no SUBACK"));
    });
  }).finally(() => client.off("packetreceive", complete));
}

function* batches<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let start = 0; start < items.length; start += FILTERS_A_PACKET) {
    yield items.slice(start, start + FILTERS_A_PACKET);
  }
}
