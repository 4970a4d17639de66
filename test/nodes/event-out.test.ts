// `m1 event out`: what becomes of a message, what its node tells of it, and when.
import { deepEqual, equal, ifError, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import vm from "node:vm";
import type { Packet } from "mqtt-packet";
import type { Node } from "node-red";
import { DEMO_ACCOUNT, type StoredEvent } from "../../sandbox/sandbox";
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
  inbox,
  input,
  logged,
  node,
  type Outcome,
  online,
  quit,
  received,
  shows,
  startFlow,
  status,
  statuses,
  stopFlow,
  storedEvents,
  useFolder,
  warnings,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const OTHER_USER = { ...DEMO_ACCOUNT, userMqtt: "other-user" };
const MICROSECOND_UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

interface Case {
  readonly title: string;
  readonly settings?: object;
  readonly message?: Record<string, unknown>;
  /** Runs after the flow has started and before the message. */
  readonly given?: () => void;
}

describe("m1 event out", () => {
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, OTHER_USER] });

  beforeEach(() => {
    process.env.M1_TEST_DEVICE = "pump-3";
    process.env.M1_TEST_DATA = '{"temperature":21.5}';
    process.env.M1_TEST_TIME = "2014-06-11T02:11:25.076001Z";
  });

  afterEach(() => {
    for (const name of ["DEVICE", "DATA", "TIME"]) delete process.env[`M1_TEST_${name}`];
  });

  /** Starts a flow with an event out, and a Complete node that says when it is done with a message. */
  async function start(settings: object = {}, connection: object = {}): Promise<void> {
    await startFlow(flowOf(settings, connection));
  }

  function flowOf(settings: object = {}, connection: object = {}): FlowNode[] {
    return [
      connectionTo(context.sandbox, connection),
      eventOut(settings),
      { id: "complete", type: "complete", scope: ["out"], wires: [["completed"]] },
      { id: "completed", type: "probe" },
      ...catching(),
    ];
  }

  async function accepts(id: string, message: Record<string, unknown>): Promise<void> {
    const { error } = await input(id, message);
    ifError(error);
  }

  /** What the sandbox stored of one message through one node. */
  async function stored({ settings, message = { payload: 1 }, given }: Omit<Case, "title">) {
    await start(settings);
    given?.();
    await accepts("out", message);
    const [event] = await storedEvents(context.sandbox, 1);
    return event as StoredEvent;
  }

  /** The JSON of `event_data` on the wire, its observed_at left out. */
  async function eventData(given: Omit<Case, "title">): Promise<string> {
    const { raw } = await stored({
      ...given,
      settings: { observedAtType: "server", ...given.settings },
    });
    match(raw, /^\{"event_data":.*\}$/s);
    return raw.slice('{"event_data":'.length, -1);
  }

  function publishedTopics(): string[] {
    return context.sandbox.wire.flatMap((packet) => (packet.cmd === "publish" ? packet.topic : []));
  }

  /** The values of the first so many events, in the order in which the sandbox got them. */
  async function values(count: number): Promise<unknown[]> {
    const events = await storedEvents(context.sandbox, count);
    return events.map((event) => event.eventData.value);
  }

  describe("device id", () => {
    const cases: (Case & { topic: string })[] = [
      { title: "is blank by default", topic: "0/demo-project/demo-user/" },
      {
        title: "may be blank on purpose",
        settings: { deviceId: "", deviceIdType: "str" },
        topic: "0/demo-project/demo-user/",
      },
      {
        title: "is the text that was typed in",
        settings: { deviceId: "pump-3" },
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "may hold a space, as any printable ASCII but # + /",
        settings: { deviceId: "pump 3 (old)" },
        topic: "0/demo-project/demo-user/pump 3 (old)",
      },
      {
        title: "comes from the message",
        settings: { deviceId: "device.id", deviceIdType: "msg" },
        message: { payload: 1, device: { id: "pump-3" } },
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "may be a number",
        settings: { deviceId: "device", deviceIdType: "msg" },
        message: { payload: 1, device: 17 },
        topic: "0/demo-project/demo-user/17",
      },
      {
        title: "comes from the flow's context",
        settings: { deviceId: "device", deviceIdType: "flow" },
        given: () => node("out").context().flow.set("device", "pump-3"),
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "comes from the global context",
        settings: { deviceId: "device", deviceIdType: "global" },
        given: () => node("out").context().global.set("device", "pump-3"),
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "comes from an environment variable",
        settings: { deviceId: "M1_TEST_DEVICE", deviceIdType: "env" },
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "may have an environment variable in it",
        settings: { deviceId: "north-$" + "{M1_TEST_DEVICE}", deviceIdType: "env" },
        topic: "0/demo-project/demo-user/north-pump-3",
      },
      {
        title: "comes from an environment variable that stands for the whole setting",
        settings: { deviceId: "$" + "{M1_TEST_DEVICE}" },
        topic: "0/demo-project/demo-user/pump-3",
      },
      {
        title: "comes from a JSONata expression",
        settings: { deviceId: '"pump-" & number', deviceIdType: "jsonata" },
        message: { payload: 1, number: 3 },
        topic: "0/demo-project/demo-user/pump-3",
      },
    ];
    for (const { title, topic, ...given } of cases) {
      it(title, async () => {
        await stored(given);
        deepEqual(publishedTopics(), [topic]);
      });
    }
  });

  it("with a device ID that begins with a space warns of it, and sends all the same", async () => {
    const event = await stored({ settings: { deviceId: " kitchen" } });
    equal(event.deviceId, " kitchen");
    deepEqual(warnings("out"), ["The device ID begins with a space"]);
  });

  describe("event data", () => {
    const reading = { temperature: 21.5 };
    const json = '{"temperature":21.5}';
    const cases: Case[] = [
      { title: "is msg.payload by default", message: { payload: reading } },
      {
        title: "comes from another property of the message",
        settings: { eventData: "sensor.reading", eventDataType: "msg" },
        message: { payload: "not this", sensor: { reading } },
      },
      {
        title: "comes from the flow's context",
        settings: { eventData: "reading", eventDataType: "flow" },
        given: () => node("out").context().flow.set("reading", reading),
      },
      {
        title: "comes from the global context",
        settings: { eventData: "reading", eventDataType: "global" },
        given: () => node("out").context().global.set("reading", reading),
      },
      {
        title: "comes from an environment variable",
        settings: { eventData: "M1_TEST_DATA", eventDataType: "env" },
      },
      {
        title: "may be typed in as text",
        settings: { eventData: json, eventDataType: "str" },
      },
      {
        title: "may be typed in as JSON",
        settings: { eventData: json, eventDataType: "json" },
      },
      {
        title: "comes from a JSONata expression",
        settings: { eventData: '{"temperature": payload + 0.5}', eventDataType: "jsonata" },
        message: { payload: 21 },
      },
    ];
    for (const { title, ...given } of cases) {
      it(title, async () => equal(await eventData(given), json));
    }

    it("may be a number or a boolean that was typed in", async () => {
      equal(
        await eventData({ settings: { eventData: "21.5", eventDataType: "num" } }),
        '{"value":21.5}',
      );
      await stopFlow();
      await start({ eventData: "true", eventDataType: "bool", observedAtType: "server" });
      await accepts("out", {});
      equal((await storedEvents(context.sandbox, 2))[1]?.raw, '{"event_data":{"value":true}}');
    });
  });

  describe("shaping", () => {
    const elsewhere = vm.createContext({ Buffer });
    const foreign = (code: string): unknown => vm.runInContext(`(${code})`, elsewhere);

    const cases: { title: string; payload: unknown; json: string }[] = [
      { title: "an object is the event data", payload: { a: 1, b: "x" }, json: '{"a":1,"b":"x"}' },
      {
        title: "an object may nest",
        payload: { a: { b: [1, { c: true }] } },
        json: '{"a":{"b":[1,{"c":true}]}}',
      },
      { title: "an object may be empty", payload: {}, json: "{}" },
      { title: "a tag may be null", payload: { a: null, b: 1 }, json: '{"a":null,"b":1}' },
      {
        title: "a string that holds a JSON object is that object",
        payload: ' {"a": 1}\n',
        json: '{"a":1}',
      },
      {
        title: "a string that holds a JSON array is text",
        payload: "[1,2]",
        json: '{"value":"[1,2]"}',
      },
      { title: "text that is a number is that number", payload: "21.5", json: '{"value":21.5}' },
      {
        title: "text that is a number with more digits than a number keeps stays text",
        payload: "356938035643809123",
        json: '{"value":"356938035643809123"}',
      },
      {
        title: "text that is a number in an object stays text",
        payload: { temperature: "21.5" },
        json: '{"temperature":"21.5"}',
      },
      {
        title: "text that begins like JSON is text",
        payload: "{hello",
        json: '{"value":"{hello"}',
      },
      { title: "text goes under the tag", payload: "déjà", json: '{"value":"déjà"}' },
      { title: "empty text goes under the tag", payload: "", json: '{"value":""}' },
      { title: "a number goes under the tag", payload: 21.5, json: '{"value":21.5}' },
      { title: "zero goes under the tag", payload: 0, json: '{"value":0}' },
      { title: "false goes under the tag", payload: false, json: '{"value":false}' },
      {
        title: "an array goes under the tag",
        payload: [1, "a", { b: 2 }],
        json: '{"value":[1,"a",{"b":2}]}',
      },
      {
        title: "a Date goes under the tag",
        payload: new Date(978_307_810_000),
        json: '{"value":"2001-01-01T00:10:10.000Z"}',
      },
      {
        title: "a Buffer of a JSON object is that object",
        payload: Buffer.from('{"a": 1}'),
        json: '{"a":1}',
      },
      {
        title: "a Buffer of a number is that number, as its text is",
        payload: Buffer.from("42"),
        json: '{"value":42}',
      },
      {
        title: "a Buffer of other text goes under the tag, as its text does",
        payload: Buffer.from("null"),
        json: '{"value":"null"}',
      },
      {
        title: "an empty Buffer goes under the tag, as empty text does",
        payload: Buffer.alloc(0),
        json: '{"value":""}',
      },
      {
        title: "an object of another context is the event data",
        payload: foreign("{ a: { b: 1 }, at: new Date(0), list: [1] }"),
        json: '{"a":{"b":1},"at":"1970-01-01T00:00:00.000Z","list":[1]}',
      },
      {
        title: "an array of another context goes under the tag",
        payload: foreign("[1, 2]"),
        json: '{"value":[1,2]}',
      },
      {
        title: "a Date of another context goes under the tag",
        payload: foreign("new Date(0)"),
        json: '{"value":"1970-01-01T00:00:00.000Z"}',
      },
      {
        title: "bytes of another context are the text that they hold",
        payload: foreign('Uint8Array.from(Buffer.from("7"))'),
        json: '{"value":7}',
      },
      {
        title: "members that are undefined are left out",
        payload: { a: 1, unit: undefined },
        json: '{"a":1}',
      },
      {
        title: "an object whose event_data is no object is data",
        payload: { event_data: 5 },
        json: '{"event_data":5}',
      },
      {
        title: "an envelope's event_data is the event data",
        payload: { event_data: { a: 1 } },
        json: '{"a":1}',
      },
    ];
    for (const { title, payload, json } of cases) {
      it(title, async () => equal(await eventData({ message: { payload } }), json));
    }

    it("text that is a number stays text on request", async () => {
      const settings = { numericText: "keep" };
      equal(await eventData({ settings, message: { payload: "21.5" } }), '{"value":"21.5"}');
    });

    it("data that is no object goes under the tag of the node", async () => {
      equal(
        await eventData({ settings: { tag: "temperature" }, message: { payload: 21.5 } }),
        '{"temperature":21.5}',
      );
    });

    const envelope = {
      event_data: { a: 1 },
      observed_at: "2014-06-11T02:11:25.076001Z",
      stream: "calibration",
      add_client_ip: true,
    };
    const forms: { title: string; payload: unknown }[] = [
      { title: "an object", payload: envelope },
      { title: "a string", payload: JSON.stringify(envelope) },
      { title: "a Buffer", payload: Buffer.from(JSON.stringify(envelope)) },
      { title: "an object of another context", payload: foreign(JSON.stringify(envelope)) },
    ];
    for (const { title, payload } of forms) {
      it(`what an envelope states wins over the node's settings: ${title}`, async () => {
        const event = await stored({
          settings: { stream: "daily", observedAt: "2001-01-01T00:00:00Z", observedAtType: "str" },
          message: { payload },
        });
        equal(event.raw, JSON.stringify(envelope));
      });
    }

    it("the time that an envelope states spares the node's own, which the message may lack", async () => {
      const event = await stored({
        settings: { observedAt: "time", observedAtType: "msg" },
        message: { payload: envelope },
      });
      equal(event.observedAt, envelope.observed_at);
    });

    it("an envelope may turn off what the node's settings turn on", async () => {
      const event = await stored({
        settings: { addClientIp: true, observedAtType: "server" },
        message: { payload: { event_data: { a: 1 }, add_client_ip: false } },
      });
      equal(event.raw, '{"event_data":{"a":1}}');
    });

    it("what an envelope leaves open comes from the node's settings", async () => {
      const event = await stored({
        settings: {
          stream: "daily",
          addClientIp: true,
          observedAt: "2001-01-01T00:10:10Z",
          observedAtType: "str",
        },
        message: { payload: { event_data: { a: 1 } } },
      });
      equal(event.stream, "daily");
      equal(event.observedAt, "2001-01-01T00:10:10.000000Z");
      equal(event.eventData.ip_address, "127.0.0.1");
    });
  });

  describe("observed_at", () => {
    const text = "2014-06-11T02:11:25.076001Z";
    const cases: (Case & { observedAt?: string })[] = [
      {
        title: "is text that was typed in, in UTC and to the microsecond",
        settings: { observedAt: "2014-07-25T12:12:56.2345-08:00", observedAtType: "str" },
        observedAt: "2014-07-25T20:12:56.234500Z",
      },
      {
        title: "comes from the message, its microseconds kept",
        settings: { observedAt: "time", observedAtType: "msg" },
        message: { payload: 1, time: text },
      },
      {
        title: "may be a number of milliseconds",
        settings: { observedAt: "time", observedAtType: "msg" },
        message: { payload: 1, time: 978_307_810_000.25 },
        observedAt: "2001-01-01T00:10:10.000250Z",
      },
      {
        title: "may be a Date",
        settings: { observedAt: "time", observedAtType: "msg" },
        message: { payload: 1, time: new Date(978_307_810_000) },
        observedAt: "2001-01-01T00:10:10.000000Z",
      },
      {
        title: "may be a Date of another context",
        settings: { observedAt: "time", observedAtType: "msg" },
        message: { payload: 1, time: vm.runInNewContext("new Date(978307810000)") },
        observedAt: "2001-01-01T00:10:10.000000Z",
      },
      {
        title: "comes from the flow's context",
        settings: { observedAt: "time", observedAtType: "flow" },
        given: () => node("out").context().flow.set("time", text),
      },
      {
        title: "comes from the global context",
        settings: { observedAt: "time", observedAtType: "global" },
        given: () => node("out").context().global.set("time", text),
      },
      {
        title: "comes from an environment variable",
        settings: { observedAt: "M1_TEST_TIME", observedAtType: "env" },
      },
      {
        title: "comes from a JSONata expression",
        settings: { observedAt: "$number(seconds) * 1000", observedAtType: "jsonata" },
        message: { payload: 1, seconds: "978307810" },
        observedAt: "2001-01-01T00:10:10.000000Z",
      },
    ];
    for (const { title, observedAt = text, ...given } of cases) {
      it(title, async () => {
        const { raw } = await stored(given);
        equal(raw, `{"event_data":{"value":1},"observed_at":"${observedAt}"}`);
      });
    }

    it("is left out on request, and the server stamps the event", async () => {
      const { raw, observedAt, receivedAt } = await stored({
        settings: { observedAtType: "server" },
      });
      equal(raw, '{"event_data":{"value":1}}');
      equal(observedAt, receivedAt);
    });

    it("is by default the moment at which the message reached the node", async () => {
      await context.sandbox.stop();
      await start();
      const before = new Date().toISOString();
      const done = input("out", { payload: 1 });
      const after = new Date(Date.now() + 1).toISOString();
      await wait(20);
      await context.sandbox.start();
      await done;
      const [event] = await storedEvents(context.sandbox, 1);
      match(event?.observedAt ?? "", MICROSECOND_UTC);
      ok(
        before.slice(0, 23) <= (event?.observedAt ?? ""),
        `${event?.observedAt} is before ${before}`,
      );
      ok((event?.observedAt ?? "") < after, `${event?.observedAt} is after ${after}`);
    });

    it("is the moment of arrival also when another input takes its time", async () => {
      await start({ deviceId: "device", deviceIdType: "flow" });
      readsSlowly(node("out"), 30);
      const done = input("out", { payload: 1, device: "late" });
      const after = new Date(Date.now() + 10).toISOString();
      await done;
      const [{ observedAt = "" } = {}] = await storedEvents(context.sandbox, 1);
      ok(observedAt < after, `${observedAt} is not before ${after}`);
    });

    it("moves with the system's clock when that is set before it is sent, but only the moment of arrival", async () => {
      await context.sandbox.stop();
      const time = "2001-01-01T00:10:10.000000Z";
      await startFlow([
        connectionTo(context.sandbox),
        eventOut({ id: "arrival" }),
        eventOut({ id: "stated", observedAt: "time", observedAtType: "msg" }),
        eventOut({ id: "server", observedAtType: "server" }),
      ]);
      const before = Date.now();
      const done = [
        accepts("arrival", { payload: 1 }),
        accepts("arrival", { payload: { event_data: { value: 2 }, observed_at: time } }),
        accepts("stated", { payload: 3, time }),
        accepts("server", { payload: 4 }),
      ];
      const after = Date.now();
      const { now } = Date;
      const day = 24 * 3_600_000;
      Date.now = () => now() + day;
      try {
        await context.sandbox.start();
        await Promise.all(done);
      } finally {
        Date.now = now;
      }

      const events = await storedEvents(context.sandbox, 4);
      const arrived = Date.parse(events[0]?.observedAt ?? "") - day;
      ok(arrived >= before - 10 && arrived <= after, `${arrived} for ${before} to ${after}`);
      deepEqual(
        events.slice(1).map(({ raw }) => JSON.parse(raw).observed_at),
        [time, time, undefined],
      );
    });

    it("differs from event to event, also across nodes", async () => {
      await startFlow([
        connectionTo(context.sandbox),
        eventOut({ id: "a" }),
        eventOut({ id: "b" }),
      ]);
      await Promise.all(
        Array.from({ length: 200 }, (_, n) => accepts(n % 2 ? "a" : "b", { payload: n })),
      );
      const times = (await storedEvents(context.sandbox, 200)).map(({ observedAt }) => observedAt);
      equal(new Set(times).size, 200);
      deepEqual(times, [...times].sort());
    });
  });

  describe("stream, client ip and qos", () => {
    it("an event goes to the raw stream by default, without any attribute", async () => {
      const event = await stored({ settings: { observedAtType: "server" } });
      equal(event.raw, '{"event_data":{"value":1}}');
      equal(event.stream, "raw");
    });

    it("an event goes to the stream of the node", async () => {
      const event = await stored({ settings: { stream: "daily" } });
      equal(event.stream, "daily");
    });

    it("the stream may be an environment variable", async () => {
      const event = await stored({ settings: { stream: "$" + "{M1_TEST_DEVICE}" } });
      equal(event.stream, "pump-3");
    });

    it("the server is asked to add the client's address", async () => {
      const event = await stored({ settings: { addClientIp: true, observedAtType: "server" } });
      equal(event.raw, '{"event_data":{"value":1},"add_client_ip":true}');
    });

    for (const [qos, expected] of [
      [undefined, 1],
      ["0", 0],
      ["1", 1],
      ["2", 2],
      [2, 2],
    ] as const) {
      it(`qos ${JSON.stringify(qos) ?? "unset"} is published at QoS ${expected}`, async () => {
        const arrived = context.sandbox.next("event");
        await start(qos === undefined ? {} : { qos });
        await accepts("out", { payload: 1 });
        equal((await arrived).qos, expected);
        const packets = context.sandbox.wire.filter(({ cmd }) => cmd === "publish");
        deepEqual(
          packets.map((packet) => packet.cmd === "publish" && [packet.qos, packet.retain]),
          [[expected, false]],
        );
      });
    }
  });

  describe("done", () => {
    it("is told to a Complete node once, after the broker has the event", async () => {
      await start();
      await accepts("out", { payload: 1, topic: "kept" });
      equal(publishedTopics().length, 1);
      const { payload, topic } = await received("completed");
      deepEqual({ payload, topic }, { payload: 1, topic: "kept" });
      await accepts("out", { payload: 2 });
      await received("completed");
      equal(inbox("completed").length, 2);
    });

    it("is told of a message that is frozen, too, which stays as it is", async () => {
      await start();
      node("out").receive(Object.freeze({ _msgid: "frozen", payload: 1 }));
      equal((await received("completed")).payload, 1);
    });

    for (const { qos, acknowledgements } of [
      { qos: "1", acknowledgements: ["puback"] },
      { qos: "2", acknowledgements: ["pubrec", "pubcomp"] },
    ] as const) {
      it(`waits for ${acknowledgements.join(" and ")} at QoS ${qos}`, async () => {
        const broker = await ScriptedBroker.start(
          ({ cmd }) => cmd === "publish" || cmd === "pubrel",
        );
        await startFlow([
          connectionTo(broker),
          eventOut({ qos }),
          eventOut({ id: "unacknowledged", qos: "0" }),
        ]);
        let isDone = false;
        const done = input("out", { payload: 1 }).then(() => {
          isDone = true;
        });
        const { messageId = 0 } = await broker.packet(({ cmd }) => cmd === "publish");
        for (const cmd of acknowledgements) {
          // A later event at QoS 0 is done, so this one could have been.
          await accepts("unacknowledged", { payload: 2 });
          equal(isDone, false, `done before ${cmd}`);
          broker.send({ cmd, messageId });
          if (cmd === "pubrec") await broker.packet((packet) => packet.cmd === "pubrel");
        }
        await done;
      });
    }

    it("tells a Catch node, with the code and nothing but the message", async () => {
      await start();
      const { error } = await input("out", { payload: null, topic: "kept" });
      equal(error?.code, "INPUT_MISSING");
      const message = await caught();
      equal(message.error.message, "event data: msg.payload is null");
      equal(message.error.code, "INPUT_MISSING");
      equal(message.error.source.id, "out");
      equal(message.topic, "kept");
      await accepts("out", { payload: 1 });
      await received("completed");
      equal(allCaught().length, 1);
      equal(inbox("completed").length, 1);
    });

    it("carries the reason for which an MQTT 5 broker refused the event, and the next goes on", async () => {
      let refused = false;
      const broker = await ScriptedBroker.start((packet, reply) => {
        if (packet.cmd !== "publish" || refused) return false;
        refused = true;
        reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0x87 });
        return true;
      });
      await startFlow([connectionTo(broker, { protocolVersion: "5" }), eventOut(), ...catching()]);
      const outcomes = await Promise.all([
        input("out", { payload: 1 }),
        input("out", { payload: 2 }),
      ]);
      deepEqual(codes(outcomes), ["EVENT_REFUSED", undefined]);
      equal((await caught()).error.message, "The broker refused the event: Not authorized");
    });
  });

  describe("order", () => {
    it("is kept when a context store answers late for some messages", async () => {
      await start({ deviceId: "device", deviceIdType: "flow", tag: "value" });
      readsSlowly(node("out"), 30);
      await Promise.all([
        accepts("out", { payload: 1, device: "late" }),
        accepts("out", { payload: 2, device: "early" }),
        accepts("out", { payload: 3, device: "late" }),
        accepts("out", { payload: 4, device: "early" }),
      ]);
      deepEqual(await values(4), [1, 2, 3, 4]);
    });

    it("is kept when a JSONata expression is asynchronous", async () => {
      const slow =
        "$exists(slow) ? $moment().valueOf() * 0 + $sum([1..20000]) * 0 + payload : payload";
      await start({ eventData: slow, eventDataType: "jsonata" });
      await Promise.all([
        accepts("out", { payload: 1, slow: true }),
        accepts("out", { payload: 2 }),
        accepts("out", { payload: 3 }),
      ]);
      deepEqual(await values(3), [1, 2, 3]);
    });

    it("is kept, and nothing blocked, when a reading fails while others wait", async () => {
      await start({ deviceId: "device", deviceIdType: "flow" });
      readsSlowly(node("out"), 30);
      const outcomes = await Promise.all([
        input("out", { payload: 1, device: "late" }),
        input("out", { payload: 2, device: "broken" }),
        input("out", { payload: 3, device: "early" }),
      ]);
      deepEqual(codes(outcomes), [undefined, "INPUT_FAILED", undefined]);
      deepEqual(await values(2), [1, 3]);
    });

    it("is kept when the connection breaks again and again", async () => {
      await start();
      await online();
      const count = 60;
      for (let first = 0; first < count; first += 20) {
        const inputs = Array.from({ length: 20 }, (_, n) => accepts("out", { payload: first + n }));
        const [client] = context.sandbox.clients;
        if (client) context.sandbox.kick(client.clientId);
        await Promise.all(inputs);
      }
      const last = count - 1;
      while (!(await values(count)).includes(last)) await once(context.sandbox, "event");
      const firsts = [...new Set(await values(count))];
      deepEqual(
        firsts,
        Array.from({ length: count }, (_, n) => n),
      );
    });
  });

  describe("while the broker is away", () => {
    it("messages wait from before the first connection, and are sent in order", async () => {
      await context.sandbox.stop();
      await start();
      const inputs = [1, 2, 3].map((payload) => accepts("out", { payload }));
      await shows("out", ({ text }) => text === "nothing listens: 3 queued");
      await context.sandbox.start();
      await Promise.all(inputs);
      deepEqual(await values(3), [1, 2, 3]);
    });

    for (const qos of ["0", "1", "2"]) {
      it(`messages of an outage are sent in order afterwards at QoS ${qos}`, async () => {
        await start({ qos });
        await accepts("out", { payload: 0 });
        await storedEvents(context.sandbox, 1);
        await context.sandbox.stop();
        await shows("out", ({ fill }) => fill === "red");
        const inputs = [1, 2, 3].map((payload) => accepts("out", { payload }));
        const last = context.sandbox.next("event", (event) => event.eventData.value === 3);
        await context.sandbox.start();
        await Promise.all(inputs);
        await last;
        deepEqual(await values(4), [0, 1, 2, 3]);
      });
    }

    it("the status shows the reason and how many wait, and connected when they are gone", async () => {
      await context.sandbox.stop();
      await startFlow([...flowOf(), ...deviceIn("in")]);
      await shows("out", ({ text }) => text === "nothing listens");
      const inputs = [1, 2].map((payload) => accepts("out", { payload }));
      await shows("out", ({ text }) => text === "nothing listens: 2 queued");
      deepEqual(status("out"), { fill: "red", shape: "ring", text: "nothing listens: 2 queued" });
      deepEqual(status("m1"), status("out"));
      equal(status("in")?.text, "nothing listens", "a node that only receives has no queue");
      await context.sandbox.start();
      await Promise.all(inputs);
      await shows("out", ({ text }) => text === "connected");
      deepEqual(status("out"), { fill: "green", shape: "dot", text: "connected" });
    });

    it("the status goes from connecting to connected, and never back while nothing happens", async () => {
      await start();
      await online("out");
      await accepts("out", { payload: 1 });
      deepEqual(statuses("out"), [
        { fill: "grey", shape: "ring", text: "not in use" },
        { fill: "yellow", shape: "ring", text: "connecting" },
        { fill: "green", shape: "dot", text: "connected" },
      ]);
    });

    it("a backlog that is being sent shows in the status", async () => {
      const broker = await ScriptedBroker.start(({ cmd }) => cmd === "publish");
      await startFlow([connectionTo(broker), eventOut()]);
      await online();
      for (let n = 0; n < 150; n += 1) void input("out", { payload: n });
      const { fill, shape } = await shows("out", ({ text }) => text === "sending: 150 left");
      deepEqual({ fill, shape }, { fill: "green", shape: "dot" });
    });
  });

  describe("a message that is done when its event is stored", () => {
    for (const outbox of ["disk", "memory"]) {
      it(`is done during an outage, and its event arrives after it: outbox ${outbox}`, async () => {
        await context.sandbox.stop();
        await start({ complete: "stored" }, { outbox });

        deepEqual((await input("out", { payload: 1 })).error, undefined);

        await context.sandbox.start();
        deepEqual(await values(1), [1]);
      });
    }

    it("gets an error if the event is refused at once", async () => {
      await context.sandbox.stop();
      await start({ complete: "stored" }, { outboxLimit: "1" });
      equal((await input("out", { payload: 1 })).error, undefined);
      equal((await input("out", { payload: 2 })).error?.code, "OUTBOX_FULL");
    });

    it("hears nothing of an event that is dropped later; the connection counts it", async () => {
      await context.sandbox.stop();
      const settings = { outboxLimit: "1", outboxFull: "drop-oldest" };
      await start({ complete: "stored" }, settings);
      for (const payload of [1, 2, 3]) equal((await input("out", { payload })).error, undefined);

      await context.sandbox.start();
      let losses = await caught();
      while (losses.error.code !== "OUTBOX_LOSSES") losses = await caught();

      equal(losses.error.message, "Events that were not sent: 2 dropped from the full outbox");
    });
  });

  describe("a send rate", () => {
    it("is kept to, in order, and shows in the status", async () => {
      await context.sandbox.stop();
      await start({}, { sendRate: "100" });
      const inputs = Array.from({ length: 130 }, (_, n) => input("out", { payload: n }));
      await shows("out", ({ text }) => text?.endsWith(": 130 queued") === true);
      const before = performance.now();

      await context.sandbox.start();
      await shows("out", ({ text }) => /^sending: \d+ left, 100\/s$/.test(String(text)));
      await Promise.all(inputs);

      ok(performance.now() - before > 129 * 10 - 60);
      deepEqual(
        await values(130),
        Array.from({ length: 130 }, (_, n) => n),
      );
    });
  });

  describe("a full outbox", () => {
    it("rejects the new message with an error, and sends the others", async () => {
      await context.sandbox.stop();
      await start({}, { outboxLimit: "3" });
      const inputs = [1, 2, 3].map((payload) => input("out", { payload }));
      const { error } = await input("out", { payload: 4 });
      equal(error?.code, "OUTBOX_FULL");
      equal((await caught()).error.message, "The outbox is full: 3 queued, 0.1 MB");
      await context.sandbox.start();
      deepEqual(codes(await Promise.all(inputs)), [undefined, undefined, undefined]);
      deepEqual(await values(3), [1, 2, 3]);
    });

    it("drops the oldest message with an error on request, and sends the others", async () => {
      await context.sandbox.stop();
      await start({}, { outboxLimit: "3", outboxFull: "drop-oldest" });
      const inputs = [1, 2, 3, 4, 5].map((payload) => input("out", { payload }));
      equal((await inputs[0])?.error?.code, "OUTBOX_DROPPED");
      equal((await caught()).payload, 1);
      await context.sandbox.start();
      deepEqual(codes(await Promise.all(inputs)), [
        "OUTBOX_DROPPED",
        "OUTBOX_DROPPED",
        undefined,
        undefined,
        undefined,
      ]);
      deepEqual(await values(3), [3, 4, 5]);
    });

    it("says so in the status", async () => {
      await context.sandbox.stop();
      await start({}, { outboxLimit: "2" });
      void input("out", { payload: 1 });
      void input("out", { payload: 2 });

      const { fill } = await shows("out", ({ text }) => text?.startsWith("outbox full") === true);

      equal(fill, "red");
      match(String(status("out")?.text), /^outbox full; .*: 2 queued$/);
      await context.sandbox.start();
      await shows("out", ({ text }) => text === "connected");
    });

    it("is a yellow status while events are sent, as new ones are refused", async () => {
      await start({}, { outboxLimit: "2", sendRate: "0.1" });
      await input("out", { payload: 1 });
      for (const payload of [2, 3]) void input("out", { payload });

      const { text } = await shows("out", ({ fill }) => fill === "yellow");

      match(String(text), /^outbox full; sending: 2 left/);
    });

    it("is one whose megabytes are used up, too", async () => {
      await context.sandbox.stop();
      await start({}, { outboxMegabytes: "0.0004" });
      void input("out", { payload: "x".repeat(200) });
      const { error } = await input("out", { payload: "y".repeat(200) });
      equal(error?.code, "OUTBOX_FULL");
    });

    it("has room again once events are sent", async () => {
      await start({}, { outboxLimit: "1" });
      await accepts("out", { payload: 1 });
      await accepts("out", { payload: 2 });
      deepEqual(await values(2), [1, 2]);
    });

    it("gives up what is older than the maximum age, each with an error", async () => {
      await context.sandbox.stop();
      const milliseconds = 200;
      await start({}, { outboxMaxAge: String(milliseconds / 3_600_000) });
      const old = [1, 2].map((payload) => input("out", { payload }));
      await wait(milliseconds + 20);
      const young = input("out", { payload: 3 });
      await context.sandbox.start();
      deepEqual(codes(await Promise.all([...old, young])), [
        "OUTBOX_EXPIRED",
        "OUTBOX_EXPIRED",
        undefined,
      ]);
      deepEqual(await values(1), [3]);
    });
  });

  describe("an outbox on disk", () => {
    let folder: string;

    beforeEach(() => {
      folder = mkdtempSync(path.join(tmpdir(), "m1-outbox-"));
      useFolder(folder);
    });

    afterEach(async () => {
      await stopFlow();
      useFolder(undefined);
      rmSync(folder, { recursive: true });
    });

    it("keeps messages over a restart of Node-RED, and sends them before new ones", async () => {
      await context.sandbox.stop();
      await start({}, { outbox: "disk" });
      for (const payload of [1, 2, 3]) void input("out", { payload });
      await shows("out", ({ text }) => text === "nothing listens: 3 queued");
      await quit();
      await start({}, { outbox: "disk" });
      await shows("out", ({ text }) => text === "nothing listens: 3 queued");
      const later = accepts("out", { payload: 4 });
      await context.sandbox.start();
      await later;
      deepEqual(await values(4), [1, 2, 3, 4]);
      await shows("out", ({ text }) => text === "connected");
    });

    it("finishes each message once over a deploy", async () => {
      await context.sandbox.stop();
      await start({}, { outbox: "disk" });
      const inputs = [1, 2, 3].map((payload) => accepts("out", { payload }));
      await deploy(flowOf({ name: "changed" }, { outbox: "disk" }), "full");
      await context.sandbox.start();
      await Promise.all(inputs);
      deepEqual(await values(3), [1, 2, 3]);
    });

    it("is in memory, with a warning, where Node-RED has no folder", async () => {
      useFolder(undefined);
      await start({}, { outbox: "disk" });
      await accepts("out", { payload: 1 });
      const warnings = logged().filter(({ level, id }) => level === 30 && id === "m1");
      equal(warnings.length, 1);
      match(String(warnings[0]?.msg), /memory/);
    });
  });

  describe("a deploy with messages waiting", () => {
    for (const type of ["full", "flows", "nodes"] as const) {
      it(`keeps them, and finishes each once (${type})`, async () => {
        await context.sandbox.stop();
        await start();
        const inputs = [1, 2, 3].map((payload) => input("out", { payload }));
        await deploy(flowOf({ name: "changed" }), type);
        const later = input("out", { payload: 4 });
        await context.sandbox.start();
        deepEqual(codes(await Promise.all([...inputs, later])), Array(4).fill(undefined));
        deepEqual(await values(4), [1, 2, 3, 4]);
      });
    }

    it("keeps them when it changes the connection's own settings", async () => {
      await context.sandbox.stop();
      await start();
      const inputs = [1, 2].map((payload) => input("out", { payload }));
      await deploy(flowOf({}, { keepalive: "30", outboxLimit: "2" }), "nodes");
      equal((await input("out", { payload: 3 })).error?.code, "OUTBOX_FULL");
      await context.sandbox.start();
      deepEqual(codes(await Promise.all(inputs)), [undefined, undefined]);
      deepEqual(await values(2), [1, 2]);
    });

    it("keeps what was sent and not acknowledged", async () => {
      let answers = false;
      const broker = await ScriptedBroker.start(({ cmd }) => cmd === "publish" && !answers);
      const flow = [connectionTo(broker), eventOut()];
      await startFlow(flow);
      const inputs = [1, 2].map((payload) => input("out", { payload }));
      await broker.packet((packet) => isPublished(packet, { value: 2 }));
      answers = true;
      await deploy(flow, "full");
      deepEqual(codes(await Promise.all(inputs)), [undefined, undefined]);
    });

    for (const [what, settings] of [
      ["user", { userMqtt: OTHER_USER.userMqtt }],
      ["project", { projectMqtt: "other-project" }],
    ] as const) {
      it(`discards them when the ${what} changes: they are never sent as another's`, async () => {
        await context.sandbox.stop();
        await start();
        const inputs = [1, 2].map((payload) => input("out", { payload }));
        await deploy(flowOf({}, settings), "full");
        deepEqual(codes(await Promise.all(inputs)), ["OUTBOX_DISCARDED", "OUTBOX_DISCARDED"]);
        const connected = once(context.sandbox, what === "user" ? "connected" : "refusal");
        await context.sandbox.start();
        await connected;
        if (what === "user") await accepts("out", { payload: 3 });
        const events = await storedEvents(context.sandbox, what === "user" ? 1 : 0);
        deepEqual(
          events.map(({ userMqtt, eventData }) => [userMqtt, eventData.value]),
          what === "user" ? [["other-user", 3]] : [],
        );
      });
    }

    it("discards them when the connection is deleted, each with an error", async () => {
      await context.sandbox.stop();
      await start();
      const inputs = [1, 2].map((payload) => input("out", { payload }));
      await deploy([...catching()], "full");
      deepEqual(codes(await Promise.all(inputs)), ["OUTBOX_DISCARDED", "OUTBOX_DISCARDED"]);
    });

    it("discards them, too, when the connection had become unusable before that", async () => {
      await context.sandbox.stop();
      await start();
      const inputs = [1, 2].map((payload) => input("out", { payload }));
      await deploy(flowOf({}, { projectMqtt: "" }), "full");
      await deploy([...catching()], "full");
      deepEqual(codes(await Promise.all(inputs)), ["OUTBOX_DISCARDED", "OUTBOX_DISCARDED"]);
    });

    it("does not mix up the queues of two connections", async () => {
      await context.sandbox.stop();
      const flow = [
        connectionTo(context.sandbox),
        connectionTo(context.sandbox, { id: "m2", userMqtt: OTHER_USER.userMqtt }),
        eventOut(),
        eventOut({ id: "out2", connection: "m2" }),
      ];
      await startFlow(flow, { m1: demoCredentials(), m2: demoCredentials() });
      const inputs = [input("out", { payload: 1 }), input("out2", { payload: 2 })];
      await deploy(flow, "full");
      await context.sandbox.start();
      deepEqual(codes(await Promise.all(inputs)), [undefined, undefined]);
      deepEqual(
        new Map(
          (await storedEvents(context.sandbox, 2)).map((event) => [
            event.userMqtt,
            event.eventData.value,
          ]),
        ),
        new Map([
          ["demo-user", 1],
          ["other-user", 2],
        ]),
      );
    });
  });
});

function codes(outcomes: readonly Outcome[]): (string | undefined)[] {
  return outcomes.map(({ error }) => error && (error.code ?? error.message));
}

function isPublished(packet: Packet, eventData: object): boolean {
  if (packet.cmd !== "publish") return false;
  const event = JSON.parse(packet.payload.toString()) as { event_data: unknown };
  return isDeepStrictEqual(event.event_data, eventData);
}

/** Gives the node a context store whose value "late" takes a while, and "broken" fails. */
function readsSlowly(target: Node, milliseconds: number): void {
  let read = 0;
  const answers = new Map([
    ["late", milliseconds],
    ["early", 0],
  ]);
  let current = "";
  const get = (_key: string, _store: unknown, done: (error: unknown, value?: unknown) => void) => {
    read += 1;
    const device = current;
    const delay = answers.get(device);
    if (delay === undefined) done(new Error(`store failed at read ${read}`));
    else setTimeout(() => done(null, device), delay);
  };
  const receive = target.receive.bind(target);
  target.receive = (message) => {
    current = String((message as { device?: unknown }).device);
    receive(message);
  };
  Object.defineProperty(target, "context", { value: () => ({ flow: { get } }) });
}
