// `m1 device in`: which messages reach a flow, as what, and what its subscriptions put on the wire.
import { deepEqual, equal, match } from "node:assert/strict";
import type { QoS } from "../../nodes/protocol/settings";
import type { Sandbox, WirePacket } from "../../sandbox/sandbox";
import {
  allCaught,
  catching,
  caught,
  connectionTo,
  demoCredentials,
  deploy,
  deviceIn,
  eachWithSandbox,
  eventOut,
  type FlowNode,
  groupIn,
  inbox,
  input,
  type Message,
  online,
  received,
  sentBy,
  shows,
  startFlow,
  status,
  warnings,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const OWN = "1/demo-project/demo-user";

describe("m1 device in", () => {
  const context = eachWithSandbox();

  /** Starts a flow and resolves once its filters are subscribed to. */
  async function start(...nodes: FlowNode[]): Promise<void> {
    const subscribed = context.sandbox.next("subscribed");
    await startFlow([connectionTo(context.sandbox), ...nodes, ...catching()]);
    await subscribed;
  }

  /** Receives what `allIsReceived` sends. */
  const end = groupIn("end", { groups: ["end"], broadcast: false });

  /** Resolves when all that has been sent before has been received. */
  async function allIsReceived(): Promise<void> {
    await context.sandbox.sendGroupMessage("end", "end", "end", { qos: 2 });
    await received("end got");
  }

  describe("payload", () => {
    const datatypes = ["auto-detect", "json", "utf8", "buffer", "base64"] as const;
    const notUtf8 = Buffer.from([0xff, 0xfe, 0x00]);

    const cases: { title: string; bytes: Buffer; auto: unknown; json: unknown }[] = [
      { title: "a JSON object", bytes: Buffer.from('{"a":1}'), auto: { a: 1 }, json: { a: 1 } },
      { title: "a JSON array", bytes: Buffer.from("[1,2]"), auto: [1, 2], json: [1, 2] },
      { title: "a JSON number", bytes: Buffer.from("21.5"), auto: 21.5, json: 21.5 },
      { title: "a JSON string", bytes: Buffer.from('"on"'), auto: "on", json: "on" },
      { title: "null", bytes: Buffer.from("null"), auto: null, json: null },
      {
        title: "invalid JSON",
        bytes: Buffer.from('{"a":'),
        auto: '{"a":',
        json: new Error('The payload is not valid JSON: {"a":'),
      },
      {
        title: "text",
        bytes: Buffer.from("déjà vu"),
        auto: "déjà vu",
        json: new Error("The payload is not valid JSON: déjà vu"),
      },
      {
        title: "bytes that are not UTF-8",
        bytes: notUtf8,
        auto: notUtf8,
        json: new Error("The payload is not valid JSON: it is not UTF-8 text"),
      },
      {
        title: "nothing",
        bytes: Buffer.alloc(0),
        auto: "",
        json: new Error("The payload is not valid JSON: "),
      },
    ];
    for (const { title, bytes, auto, json } of cases) {
      it(`${title} becomes what the node's datatype says`, async () => {
        await start(...datatypes.flatMap((datatype) => deviceIn(datatype, { datatype })), ...end);
        await context.sandbox.sendDeviceEvent("pump", bytes);
        await allIsReceived();
        const payloads = (id: string) => inbox(`${id} got`).map(({ payload }) => payload);
        deepEqual(payloads("auto-detect"), [auto]);
        deepEqual(payloads("utf8"), [bytes.toString("utf8")]);
        deepEqual(payloads("buffer"), [bytes]);
        deepEqual(payloads("base64"), [bytes.toString("base64")]);
        deepEqual(payloads("json"), json instanceof Error ? [] : [json]);
        deepEqual(
          allCaught().map(({ error }) => [error.message, error.source.id]),
          json instanceof Error ? [[json.message, "json"]] : [],
        );
      });
    }

    it("auto-detect is the default", async () => {
      await start(...deviceIn("in"));
      await context.sandbox.sendDeviceEvent("pump", '{"a":1}');
      deepEqual((await received("in got")).payload, { a: 1 });
    });

    it("a Catch node gets the message whose payload is not the JSON it should be", async () => {
      await start(...deviceIn("in", { datatype: "json" }));
      await context.sandbox.sendDeviceEvent("pump", "not JSON");
      await context.sandbox.sendDeviceEvent("pump", "1");
      const { error, payload, topic, qos, retain, m1 } = await caught();
      equal(error.code, "PAYLOAD_NOT_JSON");
      deepEqual(
        { payload, topic, qos, retain, m1 },
        {
          payload: "not JSON",
          topic: `${OWN}/pump/event`,
          qos: 1,
          retain: false,
          m1: {
            kind: "event",
            projectMqtt: "demo-project",
            userMqtt: "demo-user",
            deviceId: "pump",
            broadcast: false,
          },
        },
      );
      equal((await received("in got")).payload, 1);
      equal(allCaught().length, 1);
    });

    it("one node's message is its own: what a flow does to it no other node sees", async () => {
      await start(
        ...deviceIn("a", { datatype: "buffer" }),
        ...deviceIn("b", { datatype: "buffer" }),
      );
      await context.sandbox.sendDeviceEvent("pump", "untouched");
      const [a, b] = await Promise.all([received("a got"), received("b got")]);
      (a.payload as Buffer).fill(0);
      (a.m1 as Record<string, unknown>).deviceId = "changed";
      equal(String(b.payload), "untouched");
      equal((b.m1 as Record<string, unknown>).deviceId, "pump");
    });
  });

  describe("message", () => {
    const m1 = {
      projectMqtt: "demo-project",
      userMqtt: "demo-user",
      deviceId: "pump",
      broadcast: false,
    };
    const cases: { title: string; send(sandbox: Sandbox): Promise<void>; expected: object }[] = [
      {
        title: "an event",
        send: (sandbox) => sandbox.sendDeviceEvent("pump", "1"),
        expected: { topic: `${OWN}/pump/event`, m1: { kind: "event", ...m1 } },
      },
      {
        title: "an update",
        send: (sandbox) => sandbox.sendUpdate("pump", "filter", "1", { retain: false }),
        expected: {
          topic: `${OWN}/pump/update/filter`,
          m1: { kind: "update", ...m1, updateType: "filter" },
        },
      },
      {
        title: "an update whose type has several levels",
        send: (sandbox) => sandbox.sendUpdate("pump", "model/v2/weights", "1", { retain: false }),
        expected: {
          topic: `${OWN}/pump/update/model/v2/weights`,
          m1: { kind: "update", ...m1, updateType: "model/v2/weights" },
        },
      },
      {
        title: "a broadcast",
        send: (sandbox) => sandbox.sendUpdate("_all", "filter", "1", { retain: false }),
        expected: {
          topic: `${OWN}/_all/update/filter`,
          m1: { kind: "update", ...m1, deviceId: "_all", updateType: "filter", broadcast: true },
        },
      },
    ];
    for (const { title, send, expected } of cases) {
      it(`${title} has exactly the documented properties`, async () => {
        await start(...deviceIn("in"));
        await send(context.sandbox);
        const { _msgid, ...message } = await received("in got");
        deepEqual(message, { payload: 1, qos: 1, retain: false, ...expected });
        match(_msgid ?? "", /./);
      });
    }

    it("says whether the broker had kept it", async () => {
      await context.sandbox.sendUpdate("pump", "filter", "kept");
      await start(...deviceIn("in"));
      const kept = await received("in got");
      deepEqual([kept.payload, kept.retain], ["kept", true]);
      await context.sandbox.sendUpdate("pump", "filter", "live");
      const live = await received("in got");
      deepEqual([live.payload, live.retain], ["live", false]);
    });

    for (const [setting, sent, expected] of [
      ["0", 2, 0],
      ["1", 0, 0],
      ["1", 2, 1],
      ["2", 2, 2],
      [undefined, 2, 1],
    ] as [string | undefined, QoS, QoS][]) {
      it(`sent at QoS ${sent} to a node with qos ${setting ?? "unset"} has QoS ${expected}`, async () => {
        await start(...deviceIn("in", setting === undefined ? {} : { qos: setting }));
        await context.sandbox.sendDeviceEvent("pump", "1", { qos: sent });
        equal((await received("in got")).qos, expected);
      });
    }
  });

  describe("selection", () => {
    const pumpEvent = "pump/event";
    const fanEvent = "fan/event";
    const pumpFilter = "pump/update/filter";
    const pumpDeep = "pump/update/filter/deep";
    const pumpModel = "pump/update/model";
    const fanFilter = "fan/update/filter";
    const allEvent = "_all/event";
    const allFilter = "_all/update/filter";
    const allModel = "_all/update/model";
    const everything = [
      pumpEvent,
      fanEvent,
      pumpFilter,
      pumpDeep,
      pumpModel,
      fanFilter,
      allEvent,
      allFilter,
      allModel,
    ];
    const cases: { settings: object; gets: string[] }[] = [
      { settings: {}, gets: everything },
      {
        settings: { broadcast: false },
        gets: [pumpEvent, fanEvent, pumpFilter, pumpDeep, pumpModel, fanFilter],
      },
      { settings: { receive: "event" }, gets: [pumpEvent, fanEvent, allEvent] },
      {
        settings: { receive: "update" },
        gets: [pumpFilter, pumpDeep, pumpModel, fanFilter, allFilter, allModel],
      },
      {
        settings: { updateType: "filter" },
        gets: [pumpEvent, fanEvent, pumpFilter, fanFilter, allEvent, allFilter],
      },
      {
        settings: { receive: "update", updateType: "filter" },
        gets: [pumpFilter, fanFilter, allFilter],
      },
      { settings: { receive: "update", updateType: "filter/deep" }, gets: [pumpDeep] },
      { settings: { receive: "event", broadcast: false }, gets: [pumpEvent, fanEvent] },
      {
        settings: { deviceId: "pump" },
        gets: [pumpEvent, pumpFilter, pumpDeep, pumpModel, allEvent, allFilter, allModel],
      },
      {
        settings: { deviceId: "pump", broadcast: false },
        gets: [pumpEvent, pumpFilter, pumpDeep, pumpModel],
      },
      { settings: { deviceId: "pump", receive: "event" }, gets: [pumpEvent, allEvent] },
      {
        settings: { deviceId: "pump", receive: "update", updateType: "model" },
        gets: [pumpModel, allModel],
      },
      {
        settings: { deviceId: "pump", receive: "update", updateType: "model", broadcast: false },
        gets: [pumpModel],
      },
      { settings: { deviceId: "pum" }, gets: [allEvent, allFilter, allModel] },
      { settings: { deviceId: "PUMP", broadcast: false }, gets: [] },
    ];

    async function sendEverything(): Promise<void> {
      for (const topic of everything) await context.sandbox.publishRaw(`${OWN}/${topic}`, topic);
      await allIsReceived();
    }

    for (const { settings, gets } of cases) {
      it(`${JSON.stringify(settings)} receives ${gets.length} of ${everything.length}`, async () => {
        await start(...deviceIn("in", settings), ...end);
        await sendEverything();
        deepEqual(payloads("in got"), gets);
      });
    }

    it("each of many overlapping nodes receives its messages, and each message once", async () => {
      await start(
        ...cases.flatMap(({ settings }, index) => deviceIn(`in ${index}`, settings)),
        ...end,
      );
      await sendEverything();
      for (const [index, { gets }] of cases.entries()) {
        deepEqual(payloads(`in ${index} got`), gets, JSON.stringify(cases[index]?.settings));
      }
    });
  });

  describe("on the wire", () => {
    it("one device is its own filter and everyone's", async () => {
      await start(...deviceIn("in", { deviceId: "pump", receive: "update", updateType: "filter" }));
      deepEqual(subscribes(), [[`${OWN}/_all/# 1`, `${OWN}/pump/# 1`]]);
    });

    it("one device without broadcast is its own filter only", async () => {
      await start(...deviceIn("in", { deviceId: "pump", broadcast: false, qos: "2" }));
      deepEqual(subscribes(), [[`${OWN}/pump/# 2`]]);
    });

    it("any device makes the filters of devices unnecessary, at the highest QoS of all", async () => {
      await start(
        ...deviceIn("any", { qos: "0" }),
        ...deviceIn("pump", { deviceId: "pump", qos: "2" }),
        ...deviceIn("fan", { deviceId: "fan" }),
      );
      deepEqual(subscribes(), [[`${OWN}/# 2`]]);
    });

    it("what several nodes want is one filter", async () => {
      await start(
        ...deviceIn("a", { deviceId: "pump", qos: "1" }),
        ...deviceIn("b", { deviceId: "pump", qos: "2", broadcast: false }),
        ...deviceIn("c", { deviceId: "fan", receive: "event", qos: "0", broadcast: false }),
      );
      deepEqual(subscribes(), [[`${OWN}/_all/# 1`, `${OWN}/fan/# 0`, `${OWN}/pump/# 2`]]);
    });

    it("a disabled node wants nothing", async () => {
      await start(
        ...deviceIn("a", { deviceId: "pump" }),
        ...deviceIn("b", { deviceId: "fan", d: true }),
      );
      deepEqual(subscribes(), [[`${OWN}/_all/# 1`, `${OWN}/pump/# 1`]]);
    });
  });

  describe("a deploy", () => {
    const pump = deviceIn("pump", { deviceId: "pump", broadcast: false });
    const fan = deviceIn("fan", { deviceId: "fan", broadcast: false });
    const any = deviceIn("any");

    function flowOf(...nodes: FlowNode[]): FlowNode[] {
      return [connectionTo(context.sandbox), ...nodes, eventOut({ id: "mark" }), ...catching()];
    }

    /** The SUBSCRIBE and UNSUBSCRIBE packets that a deploy from one flow to another causes. */
    async function traffic(
      before: readonly FlowNode[],
      after: readonly FlowNode[],
      type: "full" | "flows" | "nodes",
    ): Promise<string[]> {
      await startFlow(flowOf(...before));
      await online("m1");
      await input("mark", { payload: "start" });
      const earlier = context.sandbox.wire.length;
      await deploy(flowOf(...after), type);
      // What the deploy causes in two steps is complete when a further exchange is.
      await online("m1");
      for (let n = 0; n < 3; n += 1) await input("mark", { payload: n });
      return context.sandbox.wire.slice(earlier).flatMap(described);
    }

    for (const type of ["nodes", "flows"] as const) {
      it(`that changes something else leaves subscriptions alone (${type})`, async () => {
        const other = { id: "other", type: "probe", name: "before" };
        deepEqual(
          await traffic([...pump, ...fan, other], [...pump, ...fan, { ...other, name: "x" }], type),
          [],
        );
      });

      it(`that adds a device subscribes to that (${type})`, async () => {
        deepEqual(await traffic(pump, [...pump, ...fan], type), [`subscribe ${OWN}/fan/# 1`]);
      });

      it(`that adds several devices subscribes to them in one packet (${type})`, async () => {
        deepEqual(await traffic([], [...pump, ...fan], type), [
          `subscribe ${OWN}/fan/# 1, ${OWN}/pump/# 1`,
        ]);
      });

      it(`that removes a device unsubscribes from that (${type})`, async () => {
        deepEqual(await traffic([...pump, ...fan], pump, type), [`unsubscribe ${OWN}/fan/#`]);
      });

      it(`that removes one of two nodes of a device changes nothing (${type})`, async () => {
        const second = deviceIn("second", { deviceId: "pump", broadcast: false });
        deepEqual(await traffic([...pump, ...second], pump, type), []);
      });

      it(`that adds any device subscribes to all before it gives up the devices (${type})`, async () => {
        deepEqual(await traffic([...pump, ...fan], [...pump, ...fan, ...any], type), [
          `subscribe ${OWN}/# 1`,
          `unsubscribe ${OWN}/fan/#, ${OWN}/pump/#`,
        ]);
      });

      it(`that removes any device subscribes to the devices before it gives up all (${type})`, async () => {
        deepEqual(await traffic([...pump, ...fan, ...any], [...pump, ...fan], type), [
          `subscribe ${OWN}/fan/# 1, ${OWN}/pump/# 1`,
          `unsubscribe ${OWN}/#`,
        ]);
      });

      it(`that adds a device where there is any asks for its retained updates only (${type})`, async () => {
        deepEqual(await traffic(any, [...any, ...pump], type), [`subscribe ${OWN}/# 1`]);
      });
    }

    it("that restarts a node does not give up its filter in between", async () => {
      const [receiver, probe] = pump as [FlowNode, FlowNode];
      deepEqual(await traffic(pump, [receiver, { ...probe, name: "x" }], "flows"), [
        `subscribe ${OWN}/pump/# 1`,
      ]);
    });

    it("of everything subscribes once, in a session that the broker has kept", async () => {
      const connected = context.sandbox.next("connected", ({ sessionPresent }) => sessionPresent);
      deepEqual(await traffic([...pump, ...fan], [...pump, ...fan], "full"), [
        "connect",
        `subscribe ${OWN}/fan/# 1, ${OWN}/pump/# 1`,
      ]);
      await connected;
    });

    it("of everything that removes a device lets go of its filter", async () => {
      await traffic([...pump, ...fan], pump, "full");
      await context.sandbox.sendDeviceEvent("fan", "nobody's");
      await context.sandbox.sendDeviceEvent("pump", "pump's");
      equal((await received("pump got")).payload, "pump's");
      deepEqual(allCaught(), []);
    });

    it("that removes a node ends what it receives, and nothing is left of it", async () => {
      await traffic([...pump, ...any], pump, "nodes");
      await context.sandbox.sendDeviceEvent("fan", "nobody's");
      await context.sandbox.sendDeviceEvent("pump", "pump's");
      equal((await received("pump got")).payload, "pump's");
      deepEqual(inbox("any got"), []);
      deepEqual(allCaught(), []);
    });

    for (const [what, before, added] of [
      ["the same device", pump, deviceIn("added", { deviceId: "pump" })],
      ["any device", pump, deviceIn("added")],
      ["one device where there is any", any, deviceIn("added", { deviceId: "pump" })],
    ] as const) {
      it(`that adds a node for ${what} brings it the retained updates, and them alone`, async () => {
        const [running = ""] = before.map(({ id }) => id);
        await context.sandbox.sendUpdate("pump", "filter", "kept");
        await startFlow(flowOf(...before, ...end));
        await received(`${running} got`);
        await deploy(flowOf(...before, ...added, ...end), "nodes");
        const { payload, retain } = await received("added got");
        deepEqual({ payload, retain }, { payload: "kept", retain: true });
        await allIsReceived();
        equal(inbox(`${running} got`).length, 1);
        equal(inbox("added got").length, 1);
        await context.sandbox.sendUpdate("pump", "filter", "new");
        equal((await received("added got")).payload, "new");
        equal((await received(`${running} got`)).payload, "new");
      });
    }

    it("that adds a node brings the retained broadcast to it alone", async () => {
      const one = deviceIn("one", { deviceId: "pump" });
      const two = deviceIn("two", { deviceId: "fan" });
      await context.sandbox.sendUpdate("_all", "filter", "kept");
      await startFlow(flowOf(...one, ...end));
      await received("one got");
      await deploy(flowOf(...one, ...two, ...end), "nodes");
      await received("two got");
      await allIsReceived();
      deepEqual([payloads("one got"), payloads("two got")], [["kept"], ["kept"]]);
    });

    for (const type of ["flows", "nodes"] as const) {
      it(`loses and repeats none of 200 messages that arrive meanwhile (${type})`, async () => {
        const [receiver, probe] = any as [FlowNode, FlowNode];
        await start(...any);
        const sending = sendNumbers(200);
        for (let n = 0; n < 5; n += 1) {
          const changed = { ...(type === "flows" ? probe : receiver), name: `deploy ${n}` };
          const other = type === "flows" ? receiver : probe;
          await deploy(flowOf(other, changed), type);
        }
        await sending;
        await context.sandbox.sendDeviceEvent("pump", 200);
        deepEqual(
          await upTo(200),
          Array.from({ length: 201 }, (_, n) => n),
        );
      });
    }

    it("during which the connection breaks gives up nothing that stays wanted", async () => {
      const frozen = await ScriptedBroker.start(({ cmd }) => cmd !== "connect");
      // Its connection takes its time to close, and the deploy waits for it.
      const slow = (name: string) => [
        connectionTo(frozen, { id: "slow", name }),
        eventOut({ id: "slow out", connection: "slow" }),
      ];
      const [receiver, probe] = any as [FlowNode, FlowNode];
      const credentials = { m1: demoCredentials(), slow: demoCredentials() };
      await startFlow([...flowOf(...any), ...slow("before")], credentials);
      await online("slow");
      await input("mark", { payload: "start" });
      void input("slow out", { payload: "unacknowledged" });
      const [client] = context.sandbox.clients;

      const deployed = deploy(
        [...flowOf({ ...receiver, name: "changed" }, probe), ...slow("after")],
        "nodes",
      );
      await shows("slow", ({ text }) => text === "not in use");
      const again = context.sandbox.next("connected");
      context.sandbox.kick(client?.clientId ?? "");
      await again;
      await context.sandbox.sendDeviceEvent("pump", "in between");
      await deployed;
      equal((await received("any got")).payload, "in between");
      deepEqual(
        context.sandbox.wire.filter(({ cmd }) => cmd === "unsubscribe"),
        [],
      );
    });

    it("of everything loses none of 200 messages that arrive meanwhile", async () => {
      await start(...any);
      const sending = sendNumbers(200);
      for (let n = 0; n < 3; n += 1) await deploy(flowOf(...any), "full");
      await sending;
      await context.sandbox.sendDeviceEvent("pump", 200);
      const numbers = [...new Set(await upTo(200))];
      deepEqual(
        numbers,
        Array.from({ length: 201 }, (_, n) => n),
      );
    });

    async function sendNumbers(count: number): Promise<void> {
      for (let n = 0; n < count; n += 1) {
        await context.sandbox.sendDeviceEvent("pump", n);
        await new Promise(setImmediate);
      }
    }

    /** What the node sent on, up to that number. */
    async function upTo(last: number): Promise<unknown[]> {
      const numbers: unknown[] = [];
      while (numbers.at(-1) !== last) {
        numbers.push((await sentBy("any", numbers.length)).payload);
      }
      return numbers;
    }
  });

  describe("an outage", () => {
    it("loses no message of a session that the broker keeps", async () => {
      await start(...deviceIn("in"), eventOut());
      await context.sandbox.sendDeviceEvent("pump", 1);
      await received("in got");
      // An event that comes back acknowledged was sent after the acknowledgement of the message.
      await input("out", { payload: 1 });
      const [client] = context.sandbox.clients;
      const reconnected = context.sandbox.next("connected");
      context.sandbox.kick(client?.clientId ?? "");
      await context.sandbox.next("disconnected");
      await context.sandbox.sendDeviceEvent("pump", 2);
      await reconnected;
      equal((await received("in got")).payload, 2);
      await context.sandbox.sendDeviceEvent("pump", 3);
      equal((await received("in got")).payload, 3);
      deepEqual(payloads("in got"), [1, 2, 3]);
    });

    it("subscribes again when the broker has forgotten the session", async () => {
      await startFlow([
        connectionTo(context.sandbox, { cleanSession: true }),
        ...deviceIn("in", { deviceId: "pump" }),
      ]);
      await context.sandbox.next("subscribed");
      const again = context.sandbox.next("subscribed");
      context.sandbox.kick(context.sandbox.clients[0]?.clientId ?? "");
      await again;
      deepEqual(subscribes(), Array(2).fill([`${OWN}/_all/# 1`, `${OWN}/pump/# 1`]));
    });
  });

  describe("a topic that is none of Medium One's", () => {
    for (const topic of [
      `${OWN}/pump`,
      `${OWN}/pump/update`,
      `${OWN}/pump/update/`,
      `${OWN}/pump/nonsense`,
      `${OWN}/pump/event/more`,
      `${OWN}//event`,
    ]) {
      it(`${topic} is one error, and the next message is unharmed`, async () => {
        await start(...deviceIn("in"));
        await context.sandbox.publishRaw(topic, "nonsense");
        await context.sandbox.sendDeviceEvent("pump", "sense");
        const { error, payload, topic: named } = await caught();
        equal(error.code, "ADDRESS_UNKNOWN");
        equal(
          error.message,
          `Received a message on a topic that Medium One does not use: ${topic}`,
        );
        equal(error.source.id, "m1");
        deepEqual([String(payload), named], ["nonsense", topic]);
        equal((await received("in got")).payload, "sense");
        equal(allCaught().length, 1);
        equal(inbox("in got").length, 1);
      });
    }
  });

  describe("a subscription that the broker refuses", () => {
    const refusing = (...refused: string[]) =>
      ScriptedBroker.start((packet, reply) => {
        if (packet.cmd !== "subscribe") return false;
        const granted = packet.subscriptions.map(({ topic, qos }) =>
          refused.includes(topic) ? 128 : qos,
        );
        reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
        return true;
      });

    function filters(broker: ScriptedBroker): string[][] {
      return broker.packets.flatMap((packet) =>
        packet.cmd === "subscribe" ? [packet.subscriptions.map(({ topic }) => topic)] : [],
      );
    }

    it("shows on its node alone, names the filter once, and others keep working", async () => {
      const broker = await refusing(`${OWN}/forbidden/#`);
      await startFlow([
        connectionTo(broker),
        ...deviceIn("forbidden", { deviceId: "forbidden" }),
        ...deviceIn("pump", { deviceId: "pump" }),
        ...catching(),
      ]);
      await shows("forbidden", ({ fill }) => fill === "red");
      deepEqual(status("forbidden"), { fill: "red", shape: "ring", text: "subscription refused" });
      equal(status("pump")?.text, "connected");
      equal(status("m1")?.text, "connected");
      const { error } = await caught();
      deepEqual([error.code, error.source.id], ["SUBSCRIPTION_REFUSED", "forbidden"]);
      equal(error.message, `The broker refused the subscription to ${OWN}/forbidden/#`);
      broker.send({
        cmd: "publish",
        topic: `${OWN}/pump/event`,
        payload: "still here",
        qos: 0,
        dup: false,
        retain: false,
      });
      equal((await received("pump got")).payload, "still here");
      equal(allCaught().length, 1);
      deepEqual(filters(broker), [[`${OWN}/forbidden/#`, `${OWN}/_all/#`, `${OWN}/pump/#`]]);
    });

    it("of any device falls back to the devices that are wanted", async () => {
      const broker = await refusing(`${OWN}/#`);
      await startFlow([
        connectionTo(broker),
        ...deviceIn("any"),
        ...deviceIn("pump", { deviceId: "pump", broadcast: false }),
      ]);
      await shows("any", ({ text }) => text === "subscription refused");
      await broker.packet(
        (packet) => packet.cmd === "subscribe" && packet.subscriptions[0]?.topic !== `${OWN}/#`,
      );
      deepEqual(filters(broker), [[`${OWN}/#`], [`${OWN}/pump/#`]]);
      equal(status("pump")?.text, "connected");
    });

    it("is asked for again by the next connection, and the status follows", async () => {
      let refuses = true;
      const broker = await ScriptedBroker.start((packet, reply) => {
        if (packet.cmd !== "subscribe" || !refuses) return false;
        reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [128] });
        return true;
      });
      await startFlow([connectionTo(broker), ...deviceIn("any"), ...catching()]);
      await shows("any", ({ text }) => text === "subscription refused");
      refuses = false;
      for (const socket of broker.sockets) socket.destroy();
      await shows("any", ({ text }) => text === "connected");
      equal(filters(broker).length, 2);
    });
  });

  it("with a device ID that ends with a space warns of it, and receives what is for that device", async () => {
    await start(...deviceIn("spaced", { deviceId: "pump " }));
    deepEqual(warnings("spaced"), ["The device ID ends with a space"]);
    await context.sandbox.sendDeviceEvent("pump ", 1);
    equal((await received("spaced got")).payload, 1);
  });

  describe("settings that cannot work", () => {
    const cases: { settings: object; code: string; text: string }[] = [
      {
        settings: { deviceId: "a/b" },
        code: "LEVEL_CHARACTER",
        text: 'The device ID has "/" as character 2: printable ASCII except #, + and / is allowed',
      },
      {
        settings: { deviceId: "pümp" },
        code: "LEVEL_CHARACTER",
        text: 'The device ID has "ü" (U+00FC) as character 2: printable ASCII except #, + and / is allowed',
      },
      {
        settings: { deviceId: "_all" },
        code: "LEVEL_RESERVED",
        text: "The device ID _all is reserved: it addresses everyone",
      },
      {
        settings: { deviceId: "$" + "{M1_TEST_UNSET}" },
        code: "ENV_UNSET",
        text: "device ID: the environment variable M1_TEST_UNSET is not set",
      },
      {
        settings: { qos: "3" },
        code: "SETTING_CHOICE",
        text: "QoS: 3 is not one of 0, 1, 2",
      },
      {
        settings: { receive: "everything" },
        code: "SETTING_CHOICE",
        text: "receive: everything is not one of all, event, update",
      },
      {
        settings: { datatype: "xml" },
        code: "SETTING_CHOICE",
        text: "output: xml is not one of auto-detect, json, utf8, buffer, base64",
      },
      {
        settings: { updateType: "a/+" },
        code: "UPDATE_TYPE",
        text: "The update type a/+ is not a topic: levels must not be empty or hold + or #",
      },
    ];
    for (const { settings, code, text } of cases) {
      it(`${JSON.stringify(settings)} is one error and a red status, and others keep working`, async () => {
        await start(...deviceIn("bad", settings), ...deviceIn("good", { deviceId: "pump" }));
        const { error } = await caught();
        deepEqual([error.source.id, error.code, error.message], ["bad", code, text]);
        deepEqual(status("bad"), { fill: "red", shape: "ring", text: "not configured" });
        await context.sandbox.sendDeviceEvent("pump", 1);
        equal((await received("good got")).payload, 1);
        equal(allCaught().length, 1);
        deepEqual(inbox("bad got"), []);
        deepEqual(subscribes(), [[`${OWN}/_all/# 1`, `${OWN}/pump/# 1`]]);
      });
    }
  });

  /** The filters of each SUBSCRIBE with their QoS, sorted. */
  function subscribes(): string[][] {
    return context.sandbox.wire.flatMap((packet) =>
      packet.cmd === "subscribe"
        ? [packet.subscriptions.map(({ filter, qos }) => `${filter} ${qos}`).sort()]
        : [],
    );
  }

  function payloads(id: string): unknown[] {
    return inbox(id).map(({ payload }: Message) => payload);
  }
});

/** A packet that concerns subscriptions, in a line. */
function described(packet: WirePacket): string[] {
  switch (packet.cmd) {
    case "connect":
      return ["connect"];
    case "subscribe": {
      const filters = packet.subscriptions.map(({ filter, qos }) => `${filter} ${qos}`);
      return [`subscribe ${filters.sort().join(", ")}`];
    }
    case "unsubscribe":
      return [`unsubscribe ${[...packet.filters].sort().join(", ")}`];
    default:
      return [];
  }
}
