// How a client's SUBSCRIBE goes out: somebody who has pressed Deploy waits for its answer.
import { strict as assert } from "node:assert";
import { Socket } from "node:net";
import { connectAsync, type MqttClient } from "mqtt";
import { PoisonFilters } from "../../nodes/connection/poison-filters";
import { subscriptionWire } from "../../nodes/connection/subscription-wire";
import { TIMING } from "../../nodes/connection/timing";
import { Unsubscribing } from "../../nodes/connection/unsubscribing";
import { coalesceWrites } from "../../nodes/connection/write-coalescing";
import { ScriptedBroker, stopBrokers } from "../support/scripted-broker";

describe("client: a SUBSCRIBE", () => {
  let broker: ScriptedBroker;
  let client: MqttClient;
  let socket: Socket;
  let sendNow: () => void;

  beforeEach(async () => {
    broker = await ScriptedBroker.start();
    client = await connectAsync(broker.url, { reconnectPeriod: 0 });
    assert.ok(client.stream instanceof Socket);
    socket = client.stream;
    sendNow = coalesceWrites(socket);
  });

  afterEach(async () => {
    await client.endAsync(true);
    await stopBrokers();
  });

  it("does not wait for the end of the turn", async () => {
    const before = socket.bytesWritten;
    const poison = new PoisonFilters(0);
    const wire = subscriptionWire(client, sendNow, TIMING, poison, new Unsubscribing());
    const answer = wire.subscribe(new Map([["a", 1]]));
    assert.ok(socket.bytesWritten > before, "nothing is written");
    assert.deepEqual(await answer, new Map([["a", 1]]));
  });
});
