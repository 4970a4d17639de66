// Events at QoS 2 on a mosquitto with its usual limits, which holds twenty half-done exchanges for a session.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Connection } from "../../nodes/connection/connection";
import {
  closeConnections,
  enters,
  openConnection,
  reaches,
  sendNumber,
} from "../support/connections";
import { EventLog } from "../support/event-log";
import { Mosquitto } from "../support/mosquitto";
import { TcpProxy } from "../support/tcp-proxy";

describe("events at QoS 2", () => {
  let broker: Mosquitto;
  let proxy: TcpProxy;
  let observer: EventLog;
  let sent: number;

  beforeEach(async () => {
    broker = await Mosquitto.start({ settings: ["max_queued_messages 1000"] });
    proxy = await TcpProxy.start(broker.port);
    observer = new EventLog();
    await observer.join(broker.url);
    sent = 0;
  });

  afterEach(async () => {
    await closeConnections();
    await observer.leave();
    await proxy.stop();
    await broker.stop();
  });

  async function opened(): Promise<Connection> {
    const connection = openConnection(proxy, { settings: { clientId: "qos-2" } });
    await reaches(connection, "online");
    return connection;
  }

  function send(connection: Connection, count: number): Promise<unknown> {
    const from = sent;
    sent += count;
    return Promise.all(
      Array.from({ length: count }, (_, index) => sendNumber(connection, from + index, 2)),
    );
  }

  it("all arrive, however many come at once", async () => {
    await send(await opened(), 3_000);
    await observer.has(3_000);
    assert.equal(observer.numbers.length, 3_000);
  });

  for (const version of [4, 5] as const) {
    it(`all arrive in order over a link that is cut 30 times, over MQTT ${version}`, async () => {
      const connection = openConnection(proxy, { settings: { protocolVersion: version } });
      await reaches(connection, "online");
      for (let cut = 0; cut < 30; cut += 1) {
        proxy.cutAfter(2_500);
        const lost = enters(connection, "offline");
        await Promise.all([lost, send(connection, 60)]);
      }
      await observer.has(sent);
      const numbers = Array.from({ length: sent }, (_, index) => index);
      assert.deepEqual(observer.firsts, numbers);
    });
  }

  it("all arrive over a link so slow that its broker seems to say nothing, and is cut", async () => {
    proxy.latency = 1_200;
    const connection = await opened();
    const all = send(connection, 40);
    while (connection.outbox.size === 40) await once(connection, "outbox");
    proxy.latency = 0;
    proxy.cut();
    await all;
    await observer.has(40);
  });

  it("all arrive of a process that comes after others which were killed half-way", async () => {
    for (let killed = 0; killed < 5; killed += 1) {
      const connection = await opened();
      const arrived = observer.distinct.size;
      void send(connection, 100);
      await observer.has(arrived + 30);
      // A process that is killed says nothing more; its client ID comes again.
      proxy.cut();
      await enters(connection, "offline");
      await connection.close();
    }
    const from = sent;
    await send(await opened(), 500);
    for (let number = from; number < sent; number += 1) await observer.hasNumber(number);
  });
});
