// What a session owes its client when that comes back (MQTT 3.1.1, 4.4), told by clients that acknowledge nothing.
import { strict as assert } from "node:assert";
import { BareClient } from "../bare-client";
import { eachWithSandbox, OWN } from "../clients";

const SESSION = { clientId: "returns", clean: false };

describe("sandbox: a session", () => {
  const context = eachWithSandbox();

  /** A client of the session, and whether the sandbox says that it knows it. */
  async function open(options = SESSION) {
    const client = new BareClient(context.sandbox, options);
    return { client, known: (await client.next("connack")).sessionPresent };
  }

  async function leave(client: BareClient): Promise<void> {
    const gone = context.sandbox.next("disconnected");
    await client.cut();
    await gone;
  }

  it("is said to be there when it has no subscription, too", async () => {
    const { client, known } = await open();
    assert.equal(known, false);
    await leave(client);
    const again = await open();
    assert.equal(again.known, true);
    assert.deepEqual(context.sandbox.clients[0]?.subscriptions, []);
    await leave(again.client);
    assert.deepEqual(context.sandbox.refusals, []);
  });

  it("is said to be there when its subscriptions are ended", async () => {
    const { client } = await open();
    await client.subscribe([`1/${OWN}/#`, 1]);
    client.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: [`1/${OWN}/#`] });
    await client.next("unsuback");
    await leave(client);
    const again = await open();
    assert.equal(again.known, true);
    await leave(again.client);
  });

  it("is gone once its client has asked for none", async () => {
    await leave((await open()).client);
    await leave((await open({ ...SESSION, clean: true })).client);
    const again = await open();
    assert.equal(again.known, false);
    await leave(again.client);
  });

  for (const qos of [1, 2] as const) {
    it(`repeats what was not acknowledged at QoS ${qos}: with its packet ID, and the DUP flag`, async () => {
      const { client } = await open();
      await client.subscribe([`1/${OWN}/#`, qos]);
      await context.sandbox.sendDeviceEvent("d", "x", { qos });
      const first = await client.next("publish");
      assert.equal(first.dup, false);
      await leave(client);
      await context.sandbox.sendDeviceEvent("d", "meanwhile", { qos });
      const { client: back } = await open();
      const second = await back.next("publish");
      const { messageId, payload } = first;
      assert.deepEqual(
        [second.messageId, second.payload.toString(), second.dup],
        [messageId, payload.toString(), true],
      );
      assert.equal((await back.next("publish")).dup, false);
      await leave(back);
    });
  }

  it("repeats what was retained and not acknowledged, until it is", async () => {
    await context.sandbox.sendUpdate("d", "model", "kept", { qos: 1 });
    const { client } = await open();
    await client.subscribe([`1/${OWN}/#`, 1]);
    const { messageId = 0 } = await client.next("publish");
    await leave(client);
    const { client: back } = await open();
    const { payload, retain, ...again } = await back.next("publish");
    assert.deepEqual([payload.toString(), retain], ["kept", true]);
    assert.deepEqual([again.messageId, again.dup], [messageId, true]);
    back.send({ cmd: "puback", messageId });
    await leave(back);
    const { client: last } = await open();
    await context.sandbox.sendDeviceEvent("d", "new");
    assert.equal((await last.next("publish")).payload.toString(), "new");
    await leave(last);
  });

  it("repeats what is retained once, however often it was subscribed to", async () => {
    await context.sandbox.sendUpdate("d", "model", "kept", { qos: 1 });
    const { client } = await open();
    for (let time = 0; time < 3; time += 1) {
      await client.subscribe([`1/${OWN}/#`, 1]);
      await client.next("publish");
    }
    await leave(client);
    const { client: back } = await open();
    await context.sandbox.sendDeviceEvent("d", "new", { qos: 1 });
    const payloads = [await back.next("publish"), await back.next("publish")].map(({ payload }) =>
      payload.toString(),
    );
    assert.deepEqual(payloads, ["kept", "new"]);
    await leave(back);
  });

  it("that was ended has nothing left to repeat", async () => {
    await context.sandbox.sendUpdate("d", "model", "kept", { qos: 1 });
    const { client } = await open();
    await client.subscribe([`1/${OWN}/#`, 1]);
    await client.next("publish");
    await leave(client);
    await leave((await open({ ...SESSION, clean: true })).client);
    const { client: anew } = await open();
    await anew.subscribe([`1/${OWN}/+/event`, 1]);
    await context.sandbox.sendDeviceEvent("d", "new", { qos: 1 });
    assert.equal((await anew.next("publish")).payload.toString(), "new");
    await leave(anew);
  });

  it("does not call retained what came while its client was away", async () => {
    const { client } = await open();
    await client.subscribe([`1/${OWN}/#`, 1]);
    await leave(client);
    await context.sandbox.sendUpdate("d", "model", "new");
    const { client: back } = await open();
    const { payload, retain } = await back.next("publish");
    assert.deepEqual([payload.toString(), retain], ["new", false]);
    await leave(back);
  });

  it("gives no message the packet ID of one that still waits", async () => {
    const { random } = Math;
    // Every connection would begin to count at the same place.
    Math.random = () => 0.5;
    try {
      const { client } = await open();
      await client.subscribe([`1/${OWN}/#`, 1]);
      await context.sandbox.sendDeviceEvent("d", "waits");
      const { messageId: waiting } = await client.next("publish");
      await leave(client);
      const { client: back } = await open();
      await context.sandbox.sendDeviceEvent("d", "new");
      assert.equal((await back.next("publish")).messageId, waiting);
      const { payload, messageId } = await back.next("publish");
      assert.equal(payload.toString(), "new");
      assert.notEqual(messageId, waiting);
      await leave(back);
    } finally {
      Math.random = random;
    }
  });

  for (const clean of [true, false]) {
    const which = clean ? "without a session" : "with a session";
    for (const [one, other] of [
      [0, 2],
      [2, 0],
      [0, 1],
      [1, 2],
    ] as const) {
      it(`brings a message once, at the greatest QoS of the filters that match: ${one} and ${other}, ${which}`, async () => {
        const { client } = await open({ clientId: "overlaps", clean });
        await client.subscribe([`1/${OWN}/#`, one], [`1/${OWN}/d/event`, other]);
        await context.sandbox.sendDeviceEvent("d", "x", { qos: 2 });
        const { qos, messageId = 0 } = await client.next("publish");
        assert.equal(qos, Math.max(one, other));
        if (qos === 1) client.send({ cmd: "puback", messageId });
        else client.send({ cmd: "pubrec", messageId }, { cmd: "pubcomp", messageId });
        await leave(client);
        const { client: back } = await open({ clientId: "overlaps", clean: false });
        if (clean) await back.subscribe([`1/${OWN}/#`, 0]);
        await context.sandbox.sendDeviceEvent("d", "next", { qos: 0 });
        assert.equal((await back.next("publish")).payload.toString(), "next");
        await leave(back);
      });
    }
  }
});
