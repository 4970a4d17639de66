// What a user may subscribe to and receive (wire-contract: Authentication, Topics).
import { strict as assert } from "node:assert";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { closed, connect, eachWithSandbox, inbox, loginOf, OWN, suback } from "./clients";

const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour", apiKey: "N", userPassword: "n" };
const STRANGER = { ...DEMO_ACCOUNT, projectMqtt: "other-project", apiKey: "S", userPassword: "s" };

describe("sandbox: subscriptions", () => {
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, NEIGHBOUR, STRANGER] });

  const granted = [
    `1/${OWN}/#`,
    `1/${OWN}/d/#`,
    `1/${OWN}/_all/#`,
    `1/${OWN}/d/event`,
    `1/${OWN}/+/update/config`,
    "2/demo-project/#",
    "2/demo-project/g/#",
    "2/demo-project/_all/#",
    "2/demo-project/+/summary",
  ];
  for (const filter of granted) {
    it(`grants ${filter}`, async () => {
      const subscribed = context.sandbox.next("subscribed");
      const subscriber = await connect(context.sandbox, { clientId: "subscriber" });
      assert.deepEqual(await suback(subscriber, [filter]), [1]);
      const subscriptions = [{ filter, qos: 1 }];
      assert.deepEqual(await subscribed, { clientId: "subscriber", username: OWN, subscriptions });
      assert.deepEqual(context.sandbox.clients[0]?.subscriptions, subscriptions);
    });
  }

  const beyond = [
    "#",
    "+/#",
    "1/#",
    "2/#",
    "1/+/demo-user/#",
    "1/demo-project/#",
    "1/demo-project/+/d/#",
    "1/demo-project/neighbour/#",
    "1/other-project/demo-user/#",
    `1/${OWN}`,
    `1/${OWN}2/#`,
    `+/${OWN}/#`,
    "2/+/g/#",
    "2/demo-project",
    "2/other-project/g/#",
    `0/${OWN}/#`,
    "$SYS/#",
    `$share/x/1/${OWN}/#`,
  ];
  for (const filter of beyond) {
    it(`refuses ${filter} with 0x80 and says why`, async () => {
      const subscriber = await connect(context.sandbox, { clientId: "subscriber" });
      assert.deepEqual(await suback(subscriber, [filter]), [0x80]);
      const { at, ...refusal } = context.sandbox.refusals[0] ?? assert.fail("no refusal");
      assert.deepEqual(refusal, {
        what: "subscribe",
        clientId: "subscriber",
        username: OWN,
        filter,
        code: "FILTER_FOREIGN",
        reason: `${filter} reaches beyond the user: 1/${OWN}/# and 2/demo-project/# are what it may subscribe to`,
      });
      assert.deepEqual(context.sandbox.clients[0]?.subscriptions, []);
    });
  }

  it("answers each filter of a packet by itself", async () => {
    const subscriber = await connect(context.sandbox);
    assert.deepEqual(
      await suback(subscriber, [`1/${OWN}/#`, "#", "2/demo-project/#"]),
      [1, 0x80, 1],
    );
  });

  it("keeps a refused filter out of the session", async () => {
    const session = { clientId: "keeper", clean: false };
    const first = await connect(context.sandbox, session);
    assert.deepEqual(await suback(first, [`1/${OWN}/a/#`, "#"]), [1, 0x80]);
    await first.endAsync();
    await context.sandbox.sendDeviceEvent("b", "for the refused filter");
    await context.sandbox.sendDeviceEvent("a", "for the granted one");
    const connected = context.sandbox.next("connected");
    const second = await connect(context.sandbox, session);
    const { messages, upTo } = inbox(second);
    await upTo(1);
    assert.deepEqual(
      messages.map(({ topic }) => topic),
      [`1/${OWN}/a/event`],
    );
    assert.deepEqual((await connected).subscriptions, [{ filter: `1/${OWN}/a/#`, qos: 1 }]);
    assert.equal(context.sandbox.refusals.length, 1);
  });

  it("tells what a client unsubscribes from", async () => {
    const subscriber = await connect(context.sandbox, { clientId: "subscriber" });
    await subscriber.subscribeAsync([`1/${OWN}/#`, "2/demo-project/#"]);
    const unsubscribed = context.sandbox.next("unsubscribed");
    await subscriber.unsubscribeAsync(`1/${OWN}/#`);
    const filters = [`1/${OWN}/#`];
    assert.deepEqual(await unsubscribed, { clientId: "subscriber", username: OWN, filters });
    assert.deepEqual(context.sandbox.clients[0]?.subscriptions, [
      { filter: "2/demo-project/#", qos: 0 },
    ]);
  });

  it("does not take the end of a clean session for an unsubscribe", async () => {
    const told: unknown[] = [];
    context.sandbox.on("unsubscribed", (unsubscribed) => told.push(unsubscribed));
    const subscriber = await connect(context.sandbox);
    await subscriber.subscribeAsync(`1/${OWN}/#`);
    const disconnected = context.sandbox.next("disconnected");
    await subscriber.endAsync();
    assert.equal((await disconnected).graceful, true);
    assert.deepEqual(told, []);
  });

  it("ends a connection whose filter MQTT does not allow", async () => {
    const subscriber = await connect(context.sandbox, { clientId: "subscriber" });
    const isClosed = closed(subscriber);
    // mqtt.js checks filters itself, so the packet goes around it.
    subscriber.stream.write(Buffer.from("82080001000361236200", "hex"));
    await isClosed;
    const [refusal] = context.sandbox.refusals;
    assert.equal(refusal?.what, "protocol");
    assert.equal(refusal?.code, "PACKET");
    assert.equal(refusal?.clientId, "subscriber");
  });

  it("gives another user's session to nobody who takes over its client ID", async () => {
    const id = { clientId: "shared", clean: false };
    const owner = await connect(context.sandbox, id);
    await owner.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    await owner.endAsync();
    await context.sandbox.sendDeviceEvent("d", "secret");
    const intruder = await connect(context.sandbox, { ...id, ...loginOf(NEIGHBOUR) });
    const { messages, upTo } = inbox(intruder);
    await intruder.subscribeAsync("1/demo-project/neighbour/#", { qos: 1 });
    await context.sandbox.sendDeviceEvent("d", "still secret");
    await context.sandbox.sendDeviceEvent("d", "own", { user: NEIGHBOUR });
    await upTo(1);
    assert.deepEqual(
      messages.map(({ payload }) => payload),
      ["own"],
    );
    assert.equal(context.sandbox.refusals[0]?.code, "FILTER_FOREIGN");
  });
});
