// Receiving nodes with an input: messages say what they are subscribed to.
import { deepEqual, equal, match } from "node:assert/strict";
import {
  catching,
  caught,
  connectionTo,
  deploy,
  deviceIn,
  eachWithSandbox,
  type FlowNode,
  groupIn,
  inbox,
  input,
  online,
  received,
  shows,
  startFlow,
  status,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const OWN = "1/demo-project/demo-user";

describe("a receiving node with an input", () => {
  const context = eachWithSandbox();

  const byMessage = deviceIn("in", { inputs: 1, broadcast: false });
  const end = groupIn("end", { groups: ["end"], broadcast: false });

  async function start(...nodes: FlowNode[]): Promise<void> {
    const subscribed = context.sandbox.next("subscribed");
    await startFlow([connectionTo(context.sandbox), ...nodes, ...end, ...catching()]);
    await subscribed;
  }

  /** Resolves when all that has been sent before has been received. */
  async function allIsReceived(): Promise<void> {
    await context.sandbox.sendGroupMessage("end", "end", "end", { qos: 2 });
    await received("end got");
  }

  /** Hands over what changes the subscriptions, and resolves once the broker has answered. */
  async function change(message: Record<string, unknown>, answer: "subscribed" | "unsubscribed") {
    const answered = context.sandbox.next(answer);
    deepEqual(await input("in", message), { error: undefined });
    await answered;
  }

  const payloads = (id = "in") => inbox(`${id} got`).map(({ payload }) => payload);
  const error = async (message: Record<string, unknown>) => {
    const { error: told } = await input("in", message);
    return told?.code;
  };

  it("receives nothing before a message says what", async () => {
    await start(...byMessage);
    await context.sandbox.sendDeviceEvent("pump", "1");
    await allIsReceived();
    deepEqual(payloads(), []);
  });

  it("receives what is for the device that a message names, until another one gives it up", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    await context.sandbox.sendDeviceEvent("pump", "1");
    await context.sandbox.sendDeviceEvent("valve", "2");
    await allIsReceived();
    deepEqual(payloads(), [1]);
    await change({ action: "unsubscribe", deviceId: "pump" }, "unsubscribed");
    await context.sandbox.sendDeviceEvent("pump", "3");
    await allIsReceived();
    deepEqual(payloads(), [1]);
  });

  it("takes an array of IDs, and a number for one", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: ["pump", 7, "pump"] }, "subscribed");
    await context.sandbox.sendDeviceEvent("pump", "1");
    await context.sandbox.sendDeviceEvent("7", "2");
    await allIsReceived();
    deepEqual(payloads(), [1, 2]);
  });

  it("takes + for every device, and gives each message once", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    await change({ action: "subscribe", deviceId: "+" }, "subscribed");
    await context.sandbox.sendDeviceEvent("pump", "1");
    await context.sandbox.sendDeviceEvent("valve", "2");
    await allIsReceived();
    deepEqual(payloads(), [1, 2]);
  });

  it("answers with the IDs in the order in which they came, to be used in a message", async () => {
    await start(...byMessage);
    await input("in", { action: "subscribe", deviceId: ["valve", "+"] });
    await input("in", { action: "subscribe", deviceId: "pump" });
    await input("in", { action: "unsubscribe", deviceId: ["other", "valve"] });
    await input("in", { action: "getSubscriptions", more: "kept" });
    const { topic, payload, more } = await received("in got");
    deepEqual(
      { topic, payload, more },
      { topic: "subscriptions", payload: ["+", "pump"], more: "kept" },
    );
    await input("in", { action: "unsubscribe", deviceId: true });
    await input("in", { action: "subscribe", deviceId: payload });
    await input("in", { action: "getSubscriptions" });
    deepEqual((await received("in got")).payload, ["+", "pump"]);
  });

  it("gives up all for true", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: ["pump", "valve"] }, "subscribed");
    await change({ action: "unsubscribe", deviceId: true }, "unsubscribed");
    await input("in", { action: "getSubscriptions" });
    deepEqual((await received("in got")).payload, []);
  });

  it("sends nothing for what is so already", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    const before = context.sandbox.wire.length;
    await input("in", { action: "subscribe", deviceId: "pump" });
    await input("in", { action: "unsubscribe", deviceId: "valve" });
    await allIsReceived();
    const sent = context.sandbox.wire.slice(before).map(({ cmd }) => cmd);
    deepEqual(
      sent.filter((cmd) => cmd === "subscribe" || cmd === "unsubscribe"),
      [],
    );
  });

  it("brings what is retained for the newest device, and not again what came for an earlier one", async () => {
    await context.sandbox.sendUpdate("pump", "filter", "1", { retain: true });
    await context.sandbox.sendUpdate("valve", "filter", "2", { retain: true });
    // With another node that wants all, both come by one filter.
    await start(...byMessage, ...deviceIn("any", { broadcast: false }));
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    await change({ action: "subscribe", deviceId: "valve" }, "subscribed");
    await allIsReceived();
    deepEqual(payloads(), [1, 2]);
    deepEqual(payloads("any").sort(), [1, 2]);
  });

  it("keeps its subscriptions when the connection is lost, also with a broker that forgets them", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    await context.sandbox.stop();
    await shows("in", ({ fill }) => fill === "red");
    equal(await error({ action: "subscribe", deviceId: "valve" }), undefined);
    const subscribed = context.sandbox.next("subscribed");
    await context.sandbox.start();
    await subscribed;
    await allIsReceived();
    await context.sandbox.sendDeviceEvent("pump", "1");
    await context.sandbox.sendDeviceEvent("valve", "2");
    await allIsReceived();
    deepEqual(payloads(), [1, 2]);
  });

  it("loses its subscriptions when it is deployed anew", async () => {
    await start(...byMessage);
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    const unsubscribed = context.sandbox.next("unsubscribed");
    const renewed = deviceIn("in", { inputs: 1, broadcast: false, name: "new" });
    await deploy([connectionTo(context.sandbox), ...renewed, ...end, ...catching()], "nodes");
    await unsubscribed;
    await context.sandbox.sendDeviceEvent("pump", "1");
    await input("in", { action: "getSubscriptions" });
    deepEqual((await received("in got")).payload, []);
  });

  it("counts its subscriptions in its status while it is connected", async () => {
    await start(...byMessage);
    equal(status("in")?.text, "connected, subscriptions: 0");
    await input("in", { action: "subscribe", deviceId: ["pump", "valve"] });
    equal(status("in")?.text, "connected, subscriptions: 2");
    equal(status("in")?.fill, "green");
    await context.sandbox.stop();
    const { text } = await shows("in", ({ fill }) => fill === "red");
    equal(text?.includes("subscriptions"), false, text);
  });

  it("gets broadcasts as its dialog says, whatever it is subscribed to", async () => {
    await start(
      ...deviceIn("in", { inputs: 1 }),
      ...deviceIn("not", { inputs: 1, broadcast: false }),
    );
    await context.sandbox.sendDeviceEvent("_all", "1");
    await allIsReceived();
    deepEqual(payloads(), [1]);
    deepEqual(payloads("not"), []);
  });

  it("has only what its dialog lets pass of a device", async () => {
    await start(...deviceIn("in", { inputs: 1, receive: "update", updateType: "filter" }));
    await change({ action: "subscribe", deviceId: "pump" }, "subscribed");
    await context.sandbox.sendDeviceEvent("pump", "1");
    await context.sandbox.sendUpdate("pump", "model", "2");
    await context.sandbox.sendUpdate("pump", "filter", "3");
    await allIsReceived();
    deepEqual(payloads(), [3]);
  });

  const refused: [string, Record<string, unknown>, string][] = [
    ["no action", { deviceId: "pump" }, "SETTING_CHOICE"],
    ["an unknown action", { action: "connect", deviceId: "pump" }, "SETTING_CHOICE"],
    ["no ID", { action: "subscribe" }, "LEVEL_MISSING"],
    ["no ID to give up", { action: "unsubscribe" }, "LEVEL_MISSING"],
    ["an empty list", { action: "subscribe", deviceId: [] }, "LEVEL_MISSING"],
    ["a blank ID", { action: "subscribe", deviceId: "" }, "LEVEL_EMPTY"],
    ["an ID of another type", { action: "subscribe", deviceId: { id: "pump" } }, "LEVEL_TYPE"],
    ["true", { action: "subscribe", deviceId: true }, "LEVEL_TYPE"],
    ["the word for all", { action: "subscribe", deviceId: "_all" }, "LEVEL_RESERVED"],
    ["a filter", { action: "subscribe", deviceId: "pump/#" }, "LEVEL_CHARACTER"],
    [
      "one bad ID among good ones",
      { action: "subscribe", deviceId: ["valve", "#"] },
      "LEVEL_CHARACTER",
    ],
  ];
  for (const [title, message, code] of refused) {
    it(`refuses ${title} with an error on the message, and changes nothing`, async () => {
      await start(...byMessage);
      await input("in", { action: "subscribe", deviceId: "pump" });
      equal(await error(message), code);
      equal((await caught()).error.code, code);
      await input("in", { action: "getSubscriptions" });
      deepEqual((await received("in got")).payload, ["pump"]);
    });
  }

  it("does not read the device ID that its dialog hides", async () => {
    await start(...deviceIn("in", { inputs: 1, deviceId: ["$", "{M1_TEST_UNSET}"].join("") }));
    equal(await error({ action: "subscribe", deviceId: "pump" }), undefined);
    equal(status("in")?.fill, "green");
  });

  it("names the actions that there are", async () => {
    await start(...byMessage);
    const { error: told } = await input("in", { action: "connect" });
    match(told?.message ?? "", /action: connect.*subscribe, unsubscribe, getSubscriptions/);
  });

  it("refuses each message with what is wrong with the node or its connection", async () => {
    await startFlow([
      connectionTo(context.sandbox, { projectMqtt: "" }),
      ...deviceIn("in", { inputs: 1 }),
      ...deviceIn("wrong", { inputs: 1, qos: "7" }),
      ...deviceIn("alone", { inputs: 1, connection: "" }),
    ]);
    equal(await error({ action: "subscribe", deviceId: "pump" }), "CONNECTION_INVALID");
    equal((await input("wrong", { action: "getSubscriptions" })).error?.code, "SETTING_CHOICE");
    equal((await input("alone", { action: "getSubscriptions" })).error?.code, "CONNECTION_MISSING");
  });

  it("is red with the filter that the broker refuses, and green when it is given up", async () => {
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "subscribe") return false;
      const granted = packet.subscriptions.map(({ topic }) =>
        topic === `${OWN}/forbidden/#` ? 128 : 1,
      );
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
      return true;
    });
    await startFlow([connectionTo(broker), ...byMessage, ...catching()]);
    await online();
    await input("in", { action: "subscribe", deviceId: ["pump", "forbidden"] });
    const { text } = await shows("in", ({ fill }) => fill === "red");
    equal(text, "subscription refused");
    const { error: told } = await caught();
    equal(told.message, `The broker refused the subscription to ${OWN}/forbidden/#`);
    await input("in", { action: "unsubscribe", deviceId: "forbidden" });
    equal((await shows("in", ({ fill }) => fill === "green")).text, "connected, subscriptions: 1");
  });

  describe("of type m1 group in", () => {
    const groups = groupIn("in", { inputs: 1, broadcast: false });

    it("receives what is for the groups that messages name", async () => {
      await start(...groups);
      await change({ action: "subscribe", groups: ["north", "south"] }, "subscribed");
      await change({ action: "unsubscribe", groups: "south" }, "unsubscribed");
      for (const group of ["north", "south"]) {
        await context.sandbox.sendGroupMessage(group, "note", JSON.stringify(group));
      }
      await allIsReceived();
      deepEqual(payloads(), ["north"]);
    });

    it("needs no group in its dialog, and uses none that stands there", async () => {
      await start(...groupIn("in", { inputs: 1, broadcast: false, groups: ["north"] }));
      await context.sandbox.sendGroupMessage("north", "note", "1");
      await allIsReceived();
      deepEqual(payloads(), []);
      equal(status("in")?.fill, "green");
    });

    it("refuses +, for there are no wildcards among groups", async () => {
      await start(...groups);
      equal(await error({ action: "subscribe", groups: "+" }), "LEVEL_CHARACTER");
    });
  });

  it("of a saved flow without `inputs` has none", async () => {
    await start(...deviceIn("in", { deviceId: "pump", broadcast: false }));
    await context.sandbox.sendDeviceEvent("pump", "1");
    await allIsReceived();
    deepEqual(payloads(), [1]);
    equal(status("in")?.text, "connected");
  });
});
