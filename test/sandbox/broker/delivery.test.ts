// What the cloud sends, and to whom it comes (wire-contract: Topics).
import { strict as assert } from "node:assert";
import { DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import { connect, eachWithSandbox, inbox, loginOf, OWN } from "../clients";

const NEIGHBOUR = { ...DEMO_ACCOUNT, userMqtt: "neighbour", apiKey: "N", userPassword: "n" };
const STRANGER = { ...DEMO_ACCOUNT, projectMqtt: "other-project", apiKey: "S", userPassword: "s" };

describe("sandbox: delivery", () => {
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, NEIGHBOUR, STRANGER] });

  /** A client that subscribes to all it may. */
  async function receiver(account: typeof DEMO_ACCOUNT) {
    const { projectMqtt, userMqtt } = account;
    const subscriber = await connect(context.sandbox, loginOf(account));
    const box = inbox(subscriber);
    await subscriber.subscribeAsync([`1/${projectMqtt}/${userMqtt}/#`, `2/${projectMqtt}/#`], {
      qos: 1,
    });
    return box;
  }

  it("sends a device event to its topic, with QoS 1, not retained", async () => {
    const { upTo } = await receiver(DEMO_ACCOUNT);
    const sent = context.sandbox.next("sent");
    await context.sandbox.sendDeviceEvent("d", { fan: "on" });
    const topic = `1/${OWN}/d/event`;
    assert.deepEqual(await upTo(1), [{ topic, payload: '{"fan":"on"}', qos: 1, retain: false }]);
    const { sentAt, ...rest } = await sent;
    assert.deepEqual(rest, {
      topic,
      address: {
        kind: "event",
        projectMqtt: "demo-project",
        userMqtt: "demo-user",
        deviceId: "d",
        broadcast: false,
      },
      payload: Buffer.from('{"fan":"on"}'),
      qos: 1,
      retain: false,
    });
  });

  it("sends text and bytes as they are, and anything else as JSON", async () => {
    const { upTo } = await receiver(DEMO_ACCOUNT);
    for (const payload of ["on", Buffer.from("bytes"), 7, [1], ""]) {
      await context.sandbox.sendDeviceEvent("d", payload);
    }
    const payloads = (await upTo(5)).map(({ payload }) => payload);
    assert.deepEqual(payloads, ["on", "bytes", "7", "[1]", ""]);
  });

  it("keeps an update for whoever subscribes later, until an empty one clears it", async () => {
    await context.sandbox.sendUpdate("d", "model/v2", { weights: [1, 2] });
    const retained = { topic: `1/${OWN}/d/update/model/v2`, payload: '{"weights":[1,2]}', qos: 1 };
    assert.deepEqual(await (await receiver(DEMO_ACCOUNT)).upTo(1), [{ ...retained, retain: true }]);
    await context.sandbox.sendUpdate("d", "model/v2", "");
    await context.sandbox.sendUpdate("d", "last", "x");
    const later = await (await receiver(DEMO_ACCOUNT)).upTo(1);
    assert.deepEqual(
      later.map(({ payload }) => payload),
      ["x"],
    );
  });

  it("sends an update without keeping it when told so", async () => {
    await context.sandbox.sendUpdate("d", "once", "gone", { retain: false });
    await context.sandbox.sendUpdate("_all", "kept", "here");
    const received = await (await receiver(DEMO_ACCOUNT)).upTo(1);
    assert.deepEqual(
      received.map(({ topic }) => topic),
      [`1/${OWN}/_all/update/kept`],
    );
  });

  it("sends a group message to every user of the project and nobody else", async () => {
    const boxes = await Promise.all([DEMO_ACCOUNT, NEIGHBOUR, STRANGER].map(receiver));
    await context.sandbox.sendGroupMessage("g", "summary", "one");
    await context.sandbox.sendGroupMessage("_all", "summary", "all");
    await context.sandbox.sendGroupMessage("g", "summary", "last", { user: STRANGER });
    await Promise.all([boxes[0]?.upTo(2), boxes[1]?.upTo(2), boxes[2]?.upTo(1)]);
    const topics = boxes.map(({ messages }) => messages.map(({ topic }) => topic));
    const ofProject = ["2/demo-project/g/summary", "2/demo-project/_all/summary"];
    assert.deepEqual(topics, [ofProject, ofProject, ["2/other-project/g/summary"]]);
  });

  for (const clean of [true, false]) {
    it(`sends nothing with a higher QoS than was granted, ${clean ? "without" : "with"} a session`, async () => {
      await context.sandbox.sendUpdate("d", "retained", "x", { qos: 2 });
      const subscriber = await connect(context.sandbox, { clientId: "modest", clean });
      const box = inbox(subscriber);
      await subscriber.subscribeAsync(`1/${OWN}/#`, { qos: 0 });
      await box.upTo(1);
      await subscriber.subscribeAsync("2/demo-project/#", { qos: 1 });
      await context.sandbox.sendGroupMessage("g", "x", "x", { qos: 2 });
      await context.sandbox.sendGroupMessage("g", "x", "x", { qos: 0 });
      const received = await box.upTo(3);
      assert.deepEqual(
        received.map(({ qos }) => qos),
        [0, 1, 0],
      );
    });
  }

  it("delivers each message once, whatever filters overlap", async () => {
    const subscriber = await connect(context.sandbox);
    const box = inbox(subscriber);
    await subscriber.subscribeAsync([`1/${OWN}/#`, `1/${OWN}/d/#`, `1/${OWN}/+/event`], { qos: 1 });
    await context.sandbox.sendDeviceEvent("d", "once");
    await context.sandbox.sendDeviceEvent("d", "last");
    assert.deepEqual(
      (await box.upTo(2)).map(({ payload }) => payload),
      ["once", "last"],
    );
  });

  it("keeps users and projects apart", async () => {
    const boxes = await Promise.all([DEMO_ACCOUNT, NEIGHBOUR, STRANGER].map(receiver));
    for (const user of [DEMO_ACCOUNT, NEIGHBOUR, STRANGER]) {
      await context.sandbox.sendDeviceEvent("d", `${user.projectMqtt}/${user.userMqtt}`, { user });
    }
    await Promise.all(boxes.map(({ upTo }) => upTo(1)));
    const payloads = boxes.map(({ messages }) => messages.map(({ payload }) => payload));
    const expected = [OWN, "demo-project/neighbour", "other-project/demo-user"];
    assert.deepEqual(
      payloads,
      expected.map((payload) => [payload]),
    );
  });

  it("keeps for a session what was sent while its client was away", async () => {
    const session = { clientId: "keeper", clean: false };
    const first = await connect(context.sandbox, session);
    await first.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    await first.endAsync();
    await context.sandbox.sendDeviceEvent("d", "1");
    await context.sandbox.sendDeviceEvent("d", "2");
    const connected = context.sandbox.next("connected");
    const second = await connect(context.sandbox, session);
    const received = await inbox(second).upTo(2);
    assert.deepEqual(
      received.map(({ payload }) => payload),
      ["1", "2"],
    );
    const { sessionPresent, subscriptions } = await connected;
    assert.equal(sessionPresent, true);
    assert.deepEqual(subscriptions, [{ filter: `1/${OWN}/#`, qos: 1 }]);
  });

  it("sends a resumed session its CONNACK first, then what it missed, then what is new", async () => {
    const session = { clientId: "keeper", clean: false };
    let client = await connect(context.sandbox, session);
    await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    const expected: string[] = [];
    const received: string[] = [];
    for (let round = 0; round < 10; round += 1) {
      await client.endAsync();
      await context.sandbox.sendDeviceEvent("d", `${round} missed`);
      const connecting = connect(context.sandbox, session);
      const sent = ["a", "b", "c"].map((name) => {
        expected.push(`${round} ${name}`);
        return context.sandbox.sendDeviceEvent("d", `${round} ${name}`, { retain: name === "b" });
      });
      expected.splice(-3, 0, `${round} missed`);
      client = await connecting;
      const messages = await inbox(client).upTo(4);
      received.push(...messages.map(({ payload }) => payload));
      await Promise.all(sent);
    }
    assert.deepEqual(received, expected);
  });

  it("keeps sessions and retained updates over a restart", async () => {
    const session = { clientId: "keeper", clean: false };
    const first = await connect(context.sandbox, session);
    await first.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    await first.endAsync();
    await context.sandbox.sendDeviceEvent("d", "queued");
    await context.sandbox.sendGroupMessage("g", "x", "retained", { retain: true });
    await context.sandbox.stop();
    await context.sandbox.start();
    const second = await connect(context.sandbox, session);
    const box = inbox(second);
    await box.upTo(1);
    await second.subscribeAsync("2/demo-project/#", { qos: 1 });
    const payloads = (await box.upTo(2)).map(({ payload }) => payload);
    assert.deepEqual(payloads, ["queued", "retained"]);
  });

  it("has on record what it sent, and nothing that it could not send because it stopped", async () => {
    const numbers = [...Array(50).keys()];
    const sending = numbers.map((number) => context.sandbox.sendUpdate(`${number}`, "x", number));
    const stopped = context.sandbox.stop();
    const results = await Promise.allSettled(sending);
    const resolved = numbers.filter((number) => results[number]?.status === "fulfilled");
    const { sent, retained, totals } = context.sandbox;
    assert.deepEqual(resolved, numbers);
    assert.deepEqual(
      sent.map(({ payload }) => Number(payload)),
      resolved,
    );
    assert.deepEqual(retained, sent);
    assert.equal(totals.sent, sent.length);
    await stopped;
    await assert.rejects(context.sandbox.sendUpdate("late", "x", "late"), { code: "NOT_RUNNING" });
    await context.sandbox.start();
    await context.sandbox.sendUpdate("last", "x", "last");
    const { upTo } = await receiver(DEMO_ACCOUNT);
    const kept = (await upTo(resolved.length + 1)).map(({ payload }) => payload);
    assert.deepEqual(kept, [...resolved.map(String), "last"]);
  });

  it("tells what it sends before anybody has it", async () => {
    const { messages } = await receiver(DEMO_ACCOUNT);
    const already: number[] = [];
    context.sandbox.on("sent", () => already.push(messages.length));
    for (let message = 0; message < 3; message += 1)
      await context.sandbox.sendDeviceEvent("d", message);
    assert.equal(already.length, 3);
    assert.ok(
      already.every((received, sent) => received <= sent),
      `${already}`,
    );
  });

  it("sends nonsense when a test wants it", async () => {
    const { upTo } = await receiver(DEMO_ACCOUNT);
    const sent = context.sandbox.next("sent");
    await context.sandbox.publishRaw(`1/${OWN}/d/unheard-of`, Buffer.from([0xff]), { qos: 0 });
    assert.equal((await upTo(1))[0]?.topic, `1/${OWN}/d/unheard-of`);
    assert.equal((await sent).address, undefined);
  });

  const wrong: [what: string, code: string, send: () => Promise<void>][] = [
    ["no device ID", "LEVEL_EMPTY", () => context.sandbox.sendDeviceEvent("", "x")],
    [
      "a device ID that is no level",
      "LEVEL_CHARACTER",
      () => context.sandbox.sendDeviceEvent("a/b", "x"),
    ],
    ["no update type", "LEVEL_EMPTY", () => context.sandbox.sendUpdate("d", "", "x")],
    [
      "an update type with a wildcard",
      "UPDATE_TYPE",
      () => context.sandbox.sendUpdate("d", "+", "x"),
    ],
    [
      "a group ID that is no level",
      "LEVEL_CHARACTER",
      () => context.sandbox.sendGroupMessage("#", "t", "x"),
    ],
  ];
  for (const [what, code, send] of wrong) {
    it(`does not send to ${what}`, async () => {
      await assert.rejects(send, { name: "M1Error", code });
    });
  }

  it("does not send what is no payload", async () => {
    await assert.rejects(context.sandbox.sendDeviceEvent("d", undefined), TypeError);
  });
});
