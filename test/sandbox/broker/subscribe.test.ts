// What a user may subscribe to and receive (wire-contract: Authentication, Topics).
import { strict as assert } from "node:assert";
import type { MqttClient } from "mqtt";
import { DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import {
  closed,
  connect,
  eachWithSandbox,
  inbox,
  loginOf,
  OWN,
  refusedWith,
  suback,
} from "../clients";

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

  describe("a session that is kept", () => {
    const id = { clientId: "shared", clean: false };

    async function leave(client: MqttClient): Promise<void> {
      const gone = context.sandbox.next("disconnected");
      await client.endAsync();
      await gone;
    }

    async function owner(): Promise<MqttClient> {
      const client = await connect(context.sandbox, id);
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      return client;
    }

    for (const clean of [false, true]) {
      it(`is its user's: others who give its client ID are told to take another, ${clean ? "without" : "with"} a session`, async () => {
        await leave(await owner());
        await context.sandbox.sendDeviceEvent("d", "secret");
        for (const other of [NEIGHBOUR, STRANGER]) {
          const login = { ...id, clean, ...loginOf(other) };
          assert.equal(await refusedWith(context.sandbox, login), 2);
        }
        assert.deepEqual(
          context.sandbox.refusals.map(({ what, code, clientId, username, returnCode }) => [
            ...[what, code, clientId, username, returnCode],
          ]),
          [
            ["connect", "CLIENT_ID_TAKEN", "shared", "demo-project/neighbour", 2],
            ["connect", "CLIENT_ID_TAKEN", "shared", "other-project/demo-user", 2],
          ],
        );
        const received = await inbox(await connect(context.sandbox, id)).upTo(1);
        assert.deepEqual(
          received.map(({ payload }) => payload),
          ["secret"],
        );
      });
    }

    it("stays with its client while that is connected", async () => {
      const { upTo } = inbox(await owner());
      const login = { ...id, ...loginOf(NEIGHBOUR) };
      assert.equal(await refusedWith(context.sandbox, login), 2);
      await context.sandbox.sendDeviceEvent("d", "own");
      await upTo(1);
    });

    it("is the first one's of two users who come at once with the same client ID", async () => {
      const comers = [DEMO_ACCOUNT, NEIGHBOUR].map((account) =>
        connect(context.sandbox, { ...id, ...loginOf(account) }),
      );
      const states = (await Promise.allSettled(comers)).map(({ status }) => status);
      assert.deepEqual(states.sort(), ["fulfilled", "rejected"]);
      assert.equal(context.sandbox.refusals[0]?.code, "CLIENT_ID_TAKEN");
    });

    it("leaves its client ID to others once its user wants none any more", async () => {
      await leave(await owner());
      await leave(await connect(context.sandbox, { ...id, clean: true }));
      await connect(context.sandbox, { ...id, ...loginOf(NEIGHBOUR) });
      assert.deepEqual(context.sandbox.refusals, []);
    });

    it("leaves its client ID to others once its user is gone, but not its messages", async () => {
      await leave(await owner());
      await context.sandbox.sendDeviceEvent("d", "secret", { user: DEMO_ACCOUNT });
      context.sandbox.configure({ accounts: [NEIGHBOUR], rules: [] });
      const heir = await connect(context.sandbox, { ...id, ...loginOf(NEIGHBOUR) });
      const { messages, upTo } = inbox(heir);
      await heir.subscribeAsync("1/demo-project/neighbour/#", { qos: 1 });
      await context.sandbox.sendDeviceEvent("d", "still secret", { user: DEMO_ACCOUNT });
      await context.sandbox.sendDeviceEvent("d", "own");
      await upTo(1);
      assert.deepEqual(
        messages.map(({ payload }) => payload),
        ["own"],
      );
      assert.equal(context.sandbox.refusals[0]?.code, "FILTER_FOREIGN");
    });

    describe("until there are too many", () => {
      const one = eachWithSandbox({ accounts: [DEMO_ACCOUNT, NEIGHBOUR], bounds: { sessions: 1 } });

      it("leaves its client ID to others when it ends", async () => {
        for (const clientId of ["first", "second"]) {
          const gone = one.sandbox.next("disconnected");
          await (await connect(one.sandbox, { clientId, clean: false })).endAsync();
          await gone;
        }
        const login = { clean: false, ...loginOf(NEIGHBOUR) };
        assert.equal(await refusedWith(one.sandbox, { clientId: "second", ...login }), 2);
        await connect(one.sandbox, { clientId: "first", ...login });
      });
    });
  });
});
