// `m1 group in`: which group messages reach a flow, as what, and what is subscribed to for them.
import { deepEqual, equal, match } from "node:assert/strict";
import type { Sandbox } from "../../sandbox/sandbox";
import {
  allCaught,
  catching,
  caught,
  connectionTo,
  deploy,
  deviceIn,
  eachWithSandbox,
  type FlowNode,
  groupIn,
  inbox,
  received,
  startFlow,
  status,
  warnings,
} from "../support/flows";

const PROJECT = "2/demo-project";

describe("m1 group in", () => {
  const context = eachWithSandbox();

  beforeEach(() => {
    process.env.M1_TEST_GROUP = "north";
  });

  afterEach(() => {
    delete process.env.M1_TEST_GROUP;
  });

  function flowOf(...nodes: FlowNode[]): FlowNode[] {
    return [connectionTo(context.sandbox), ...nodes, ...catching()];
  }

  /** Starts a flow and resolves once its filters are subscribed to. */
  async function start(...nodes: FlowNode[]): Promise<void> {
    const subscribed = context.sandbox.next("subscribed");
    await startFlow(flowOf(...nodes));
    await subscribed;
  }

  /** Receives what `allIsReceived` sends. */
  const end = deviceIn("end", { deviceId: "end", broadcast: false });

  /** Resolves when all that has been sent before has been received. */
  async function allIsReceived(): Promise<void> {
    await context.sandbox.sendDeviceEvent("end", "end", { qos: 2 });
    await received("end got");
  }

  function subscribes(): string[][] {
    return context.sandbox.wire.flatMap((packet) =>
      packet.cmd === "subscribe"
        ? [packet.subscriptions.map(({ filter, qos }) => `${filter} ${qos}`).sort()]
        : [],
    );
  }

  describe("message", () => {
    const cases: { title: string; send(sandbox: Sandbox): Promise<void>; expected: object }[] = [
      {
        title: "a group message",
        send: (sandbox) => sandbox.sendGroupMessage("north", "setpoint", "1"),
        expected: {
          topic: `${PROJECT}/north/setpoint`,
          m1: {
            kind: "group",
            projectMqtt: "demo-project",
            groupId: "north",
            updateType: "setpoint",
            broadcast: false,
          },
        },
      },
      {
        title: "a group message whose type has several levels",
        send: (sandbox) => sandbox.sendGroupMessage("north", "model/v2/weights", "1"),
        expected: {
          topic: `${PROJECT}/north/model/v2/weights`,
          m1: {
            kind: "group",
            projectMqtt: "demo-project",
            groupId: "north",
            updateType: "model/v2/weights",
            broadcast: false,
          },
        },
      },
      {
        title: "a broadcast to all groups",
        send: (sandbox) => sandbox.sendGroupMessage("_all", "setpoint", "1"),
        expected: {
          topic: `${PROJECT}/_all/setpoint`,
          m1: {
            kind: "group",
            projectMqtt: "demo-project",
            groupId: "_all",
            updateType: "setpoint",
            broadcast: true,
          },
        },
      },
    ];
    for (const { title, send, expected } of cases) {
      it(`${title} has exactly the documented properties`, async () => {
        await start(...groupIn("in", { groups: ["north"] }));
        await send(context.sandbox);
        const { _msgid, ...message } = await received("in got");
        deepEqual(message, { payload: 1, qos: 1, retain: false, ...expected });
        match(_msgid ?? "", /./);
      });
    }

    it("says whether the broker had kept it", async () => {
      await context.sandbox.sendGroupMessage("north", "setpoint", "kept", { retain: true });
      await start(...groupIn("in", { groups: ["north"] }));
      const { payload, retain } = await received("in got");
      deepEqual([payload, retain], ["kept", true]);
    });

    for (const [datatype, payload] of [
      ["auto-detect", { a: 1 }],
      ["json", { a: 1 }],
      ["utf8", '{"a":1}'],
      ["buffer", Buffer.from('{"a":1}')],
      ["base64", "eyJhIjoxfQ=="],
    ] as const) {
      it(`payload is what the datatype ${datatype} says`, async () => {
        await start(...groupIn("in", { groups: ["north"], datatype }));
        await context.sandbox.sendGroupMessage("north", "setpoint", '{"a":1}');
        deepEqual((await received("in got")).payload, payload);
      });
    }

    it("invalid JSON reaches a Catch node, and no other", async () => {
      await start(...groupIn("in", { groups: ["north"], datatype: "json" }));
      await context.sandbox.sendGroupMessage("north", "setpoint", "{");
      await context.sandbox.sendGroupMessage("north", "setpoint", "2");
      const { error, payload, topic } = await caught();
      deepEqual(
        [error.code, error.source.id, payload, topic],
        ["PAYLOAD_NOT_JSON", "in", "{", `${PROJECT}/north/setpoint`],
      );
      equal((await received("in got")).payload, 2);
    });

    it("a message to a group without a type is one error, and the next is unharmed", async () => {
      await start(...groupIn("in", { groups: ["north"] }));
      await context.sandbox.publishRaw(`${PROJECT}/north`, "nonsense");
      await context.sandbox.sendGroupMessage("north", "setpoint", "sense");
      equal((await caught()).error.code, "ADDRESS_UNKNOWN");
      equal((await received("in got")).payload, "sense");
      equal(allCaught().length, 1);
      equal(inbox("in got").length, 1);
    });
  });

  describe("selection", () => {
    const everything = [
      "north/setpoint",
      "north/setpoint/deep",
      "north/model",
      "south/setpoint",
      "_all/setpoint",
      "_all/model",
    ];
    const cases: { settings: object; gets: string[] }[] = [
      { settings: {}, gets: ["_all/setpoint", "_all/model"] },
      { settings: { groups: [] }, gets: ["_all/setpoint", "_all/model"] },
      {
        settings: { groups: ["north"] },
        gets: [
          "north/setpoint",
          "north/setpoint/deep",
          "north/model",
          "_all/setpoint",
          "_all/model",
        ],
      },
      {
        settings: { groups: ["north"], broadcast: false },
        gets: ["north/setpoint", "north/setpoint/deep", "north/model"],
      },
      { settings: { groups: ["north", "south"] }, gets: everything },
      { settings: { groups: ["south", "south"], broadcast: false }, gets: ["south/setpoint"] },
      {
        settings: { groups: ["north", "south"], updateType: "setpoint" },
        gets: ["north/setpoint", "south/setpoint", "_all/setpoint"],
      },
      {
        settings: { groups: ["north"], updateType: "setpoint/deep" },
        gets: ["north/setpoint/deep"],
      },
      { settings: { groups: ["nort", "North"], broadcast: false }, gets: [] },
      {
        settings: { groups: ["$" + "{M1_TEST_GROUP}"], updateType: "model", broadcast: "false" },
        gets: ["north/model"],
      },
    ];

    async function sendEverything(): Promise<void> {
      for (const topic of everything)
        await context.sandbox.publishRaw(`${PROJECT}/${topic}`, topic);
      await allIsReceived();
    }

    const payloads = (id: string) => inbox(id).map(({ payload }) => payload);

    for (const { settings, gets } of cases) {
      it(`${JSON.stringify(settings)} receives ${gets.length} of ${everything.length}`, async () => {
        await start(...groupIn("in", settings), ...end);
        await sendEverything();
        deepEqual(payloads("in got"), gets);
      });
    }

    it("each of many overlapping nodes receives its messages, and each message once", async () => {
      await start(
        ...cases.flatMap(({ settings }, index) => groupIn(`in ${index}`, settings)),
        ...end,
      );
      await sendEverything();
      for (const [index, { gets }] of cases.entries()) {
        deepEqual(payloads(`in ${index} got`), gets, JSON.stringify(cases[index]?.settings));
      }
    });
  });

  describe("on the wire", () => {
    it("each group is one filter, and everyone's another, all in one packet", async () => {
      await start(
        ...groupIn("a", { groups: ["north", "south", "north"] }),
        ...groupIn("b", { groups: ["south"], qos: "2", updateType: "model" }),
        ...groupIn("c", { groups: ["north"], qos: "0", broadcast: false }),
      );
      deepEqual(subscribes(), [
        [`${PROJECT}/_all/# 2`, `${PROJECT}/north/# 1`, `${PROJECT}/south/# 2`],
      ]);
    });

    it("a deploy that adds a group subscribes to that group", async () => {
      const one = groupIn("one", { groups: ["north"], broadcast: false });
      const two = groupIn("two", { groups: ["south"], broadcast: false });
      await start(...one);
      const again = context.sandbox.next("subscribed");
      await deploy(flowOf(...one, ...two), "nodes");
      await again;
      deepEqual(subscribes(), [[`${PROJECT}/north/# 1`], [`${PROJECT}/south/# 1`]]);
    });

    it("a deploy that removes a group gives up that group", async () => {
      await start(...groupIn("one", { groups: ["north", "south"], broadcast: false }));
      const gone = context.sandbox.next("unsubscribed");
      await deploy(flowOf(...groupIn("one", { groups: ["north"], broadcast: false })), "nodes");
      deepEqual((await gone).filters, [`${PROJECT}/south/#`]);
    });

    it("a deploy that adds a node brings it the retained messages, and it alone", async () => {
      const one = groupIn("one", { groups: ["north"] });
      const two = groupIn("two", { groups: ["north", "south"] });
      await context.sandbox.sendGroupMessage("north", "model", "kept", { retain: true });
      await startFlow(flowOf(...one, ...end));
      await received("one got");
      await deploy(flowOf(...one, ...two, ...end), "nodes");
      equal((await received("two got")).payload, "kept");
      await allIsReceived();
      equal(inbox("one got").length, 1);
    });
  });

  it("with a group ID that begins with a space warns of it, and receives what is for that group", async () => {
    await start(...groupIn("spaced", { groups: ["north", " south"] }));
    deepEqual(warnings("spaced"), ["The group ID begins with a space"]);
    await context.sandbox.sendGroupMessage(" south", "note", 1);
    equal((await received("spaced got")).payload, 1);
  });

  describe("settings that cannot work", () => {
    const cases: { settings: object; code: string; text: string }[] = [
      {
        settings: { broadcast: false },
        code: "GROUPS_EMPTY",
        text: "No group to receive from: add a group ID or tick broadcast",
      },
      {
        settings: { groups: ["north", "so#th"] },
        code: "LEVEL_CHARACTER",
        text: 'The group ID has "#" as character 3: printable ASCII except #, + and / is allowed',
      },
      {
        settings: { groups: [""] },
        code: "LEVEL_EMPTY",
        text: "The group ID is missing",
      },
      {
        settings: { groups: ["_all"] },
        code: "LEVEL_RESERVED",
        text: "The group ID _all is reserved: it addresses everyone",
      },
      {
        settings: { groups: ["$" + "{M1_TEST_UNSET}"] },
        code: "ENV_UNSET",
        text: "group ID: the environment variable M1_TEST_UNSET is not set",
      },
      {
        settings: { updateType: "/model" },
        code: "UPDATE_TYPE",
        text: "The update type /model is not a topic: levels must not be empty or hold + or #",
      },
      {
        settings: { inputs: 2 },
        code: "SETTING_CHOICE",
        text: "subscriptions: 2 is not one of 0, 1",
      },
      {
        settings: { inputs: "" },
        code: "SETTING_CHOICE",
        text: "subscriptions: an empty text is not one of 0, 1",
      },
      {
        settings: { inputs: "$" + "{M1_TEST_UNSET}" },
        code: "ENV_UNSET",
        text: "subscriptions: the environment variable M1_TEST_UNSET is not set",
      },
      { settings: { qos: "-1" }, code: "SETTING_CHOICE", text: "QoS: -1 is not one of 0, 1, 2" },
      {
        settings: { datatype: "text" },
        code: "SETTING_CHOICE",
        text: "output: text is not one of auto-detect, json, utf8, buffer, base64",
      },
    ];
    for (const { settings, code, text } of cases) {
      it(`${JSON.stringify(settings)} is one error and a red status, and others keep working`, async () => {
        await start(...groupIn("bad", settings), ...groupIn("good", { groups: ["north"] }));
        const { error } = await caught();
        deepEqual([error.source.id, error.code, error.message], ["bad", code, text]);
        deepEqual(status("bad"), { fill: "red", shape: "ring", text: "not configured" });
        await context.sandbox.sendGroupMessage("north", "setpoint", 1);
        equal((await received("good got")).payload, 1);
        equal(allCaught().length, 1);
        deepEqual(inbox("bad got"), []);
      });
    }
  });
});
