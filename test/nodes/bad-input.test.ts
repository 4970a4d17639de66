// Messages that no event can be made of: each is one error on its message, and none harms the next.
import { deepEqual, equal, ifError, match } from "node:assert/strict";
import {
  allCaught,
  catching,
  caught,
  connectionTo,
  eachWithSandbox,
  eventOut,
  input,
  logged,
  node,
  startFlow,
  status,
  storedEvents,
} from "../support/flows";

interface BadInput {
  readonly title: string;
  readonly settings?: object;
  readonly message: Record<string, unknown>;
  readonly code: string;
  readonly text: string | RegExp;
}

const UNSET = "$" + "{M1_TEST_UNSET}";
const BLANK = "$" + "{M1_TEST_BLANK}";

const circular: Record<string, unknown> = { a: 1 };
circular.list = [{ self: circular }];

/** Event data whose event has that many characters, from opening to closing brace. */
function dataOfLength(length: number): object {
  const around = '{"event_data":{"text":""}}'.length;
  return { text: "x".repeat(length - around) };
}

const cases: BadInput[] = [
  {
    title: "payload null",
    message: { payload: null },
    code: "INPUT_MISSING",
    text: "event data: msg.payload is null",
  },
  {
    title: "payload undefined",
    message: { payload: undefined },
    code: "INPUT_MISSING",
    text: "event data: msg.payload is undefined",
  },
  {
    title: "no payload",
    message: {},
    code: "INPUT_MISSING",
    text: "event data: msg.payload is undefined",
  },
  {
    title: "NaN",
    message: { payload: Number.NaN },
    code: "DATA_UNSUPPORTED",
    text: "event_data.value is NaN, which JSON cannot carry",
  },
  {
    title: "NaN inside a nested array",
    message: { payload: { list: [1, { deep: [0, Number.NaN] }] } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.list[1].deep[1] is NaN, which JSON cannot carry",
  },
  {
    title: "Infinity in an envelope",
    message: { payload: { event_data: { "odd key": -Infinity } } },
    code: "DATA_UNSUPPORTED",
    text: 'event_data["odd key"] is -Infinity, which JSON cannot carry',
  },
  {
    title: "an undefined item of a list",
    message: { payload: { a: [undefined] } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.a[0] is undefined, which JSON cannot carry",
  },
  {
    title: "nearly a whole event",
    message: { payload: { event_data: { a: 1 }, observedAt: 5 } },
    code: "ENVELOPE_KEY",
    text: /^observedAt is not a key of an event/,
  },
  {
    title: "a circular structure",
    message: { payload: circular },
    code: "DATA_CIRCULAR",
    text: "event_data.list[0].self refers back to an object that contains it, which JSON cannot carry",
  },
  {
    title: "a BigInt",
    message: { payload: { big: 1n } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.big is a BigInt, which JSON cannot carry",
  },
  {
    title: "a function",
    message: { payload: () => 1 },
    code: "DATA_UNSUPPORTED",
    text: "event_data.value is a function, which JSON cannot carry",
  },
  {
    title: "a symbol",
    message: { payload: { tag: Symbol("s") } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.tag is a symbol, which JSON cannot carry",
  },
  {
    title: "a Map",
    message: { payload: { map: new Map([["a", 1]]) } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.map is an instance of Map, which JSON cannot carry",
  },
  {
    title: "an invalid Date",
    message: { payload: { at: new Date(Number.NaN) } },
    code: "DATA_UNSUPPORTED",
    text: "event_data.at is an invalid Date, which JSON cannot carry",
  },
  {
    title: "65,537 characters",
    message: { payload: dataOfLength(65_537) },
    code: "EVENT_TOO_LONG",
    text: "The event has 65537 characters; Medium One accepts 65536",
  },
  {
    title: "bytes that are not UTF-8",
    message: { payload: Buffer.from([0xff, 0xfe]) },
    code: "DATA_NOT_UTF8",
    text: "The bytes are not UTF-8 text",
  },
  {
    title: "data without a tag to go under",
    settings: { tag: "" },
    message: { payload: 21.5 },
    code: "TAG_EMPTY",
    text: "Data that is not an object needs a tag to go under, and the tag is missing",
  },
  {
    title: "an envelope with a blank stream",
    message: { payload: { event_data: {}, stream: "" } },
    code: "ENVELOPE_STREAM",
    text: "stream must be text that is not empty, not an empty text",
  },
  {
    title: "an envelope with a stream that is a number",
    message: { payload: { event_data: {}, stream: 5 } },
    code: "ENVELOPE_STREAM",
    text: "stream must be text that is not empty, not 5",
  },
  {
    title: "an envelope with add_client_ip that is text",
    message: { payload: { event_data: {}, add_client_ip: "yes" } },
    code: "ENVELOPE_ADD_CLIENT_IP",
    text: "add_client_ip must be true or false, not yes",
  },
  ...[
    { time: "2001-01-01T00:10:10", code: "TIME_NO_ZONE", text: /has no zone: add Z for UTC/ },
    {
      time: "2001-02-30T00:00:00Z",
      code: "TIME_INVALID",
      text: /2001-02-30T00:00:00Z is not a time/,
    },
    { time: "yesterday", code: "TIME_INVALID", text: /yesterday is not a time/ },
    { time: "", code: "TIME_INVALID", text: /is not a time/ },
    { time: Number.NaN, code: "TIME_INVALID", text: /NaN is not a time/ },
    { time: 1e18, code: "TIME_RANGE", text: /outside the years 0000 to 9999/ },
    { time: {}, code: "TIME_TYPE", text: /The time is an object/ },
    { time: true, code: "TIME_TYPE", text: /The time is true/ },
    { time: new Date(Number.NaN), code: "TIME_INVALID", text: /NaN is not a time/ },
  ].flatMap(({ time, code, text }) => [
    {
      title: `observed_at ${String(time)} of the message`,
      settings: { observedAt: "time", observedAtType: "msg" },
      message: { payload: 1, time },
      code,
      text,
    },
    {
      title: `observed_at ${String(time)} of an envelope`,
      message: { payload: { event_data: {}, observed_at: time } },
      code,
      text,
    },
  ]),
  {
    title: "observed_at that the message lacks",
    settings: { observedAt: "time", observedAtType: "msg" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "observed at: msg.time is undefined",
  },
  {
    title: "observed_at that is null in the message",
    settings: { observedAt: "time", observedAtType: "msg" },
    message: { payload: 1, time: null },
    code: "INPUT_MISSING",
    text: "observed at: msg.time is null",
  },
  {
    title: "observed_at that is null in an envelope",
    message: { payload: { event_data: {}, observed_at: null } },
    code: "TIME_TYPE",
    text: /^The time is null/,
  },
  {
    title: "a device id with a slash",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1, device: "a/b" },
    code: "LEVEL_CHARACTER",
    text: 'The device ID has "/" as character 2: printable ASCII except #, + and / is allowed',
  },
  {
    title: "a device id with a control character",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1, device: "pump\u0007" },
    code: "LEVEL_CHARACTER",
    text: "The device ID has U+0007 as character 5: printable ASCII except #, + and / is allowed",
  },
  {
    title: "the device id of everyone",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1, device: "_all" },
    code: "LEVEL_RESERVED",
    text: "The device ID _all is reserved: it addresses everyone",
  },
  {
    title: "a device id that is an object",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1, device: { id: "pump" } },
    code: "LEVEL_TYPE",
    text: "The device ID must be text or a number, not of type object",
  },
  {
    title: "a device id that is NaN",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1, device: Number.NaN },
    code: "LEVEL_TYPE",
    text: "The device ID must be text or a number, not of type NaN",
  },
  {
    title: "a device id that the message lacks",
    settings: { deviceId: "device", deviceIdType: "msg" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "device ID: msg.device is undefined",
  },
  ...["", "  "].map((topic) => ({
    title: `a device id that is ${JSON.stringify(topic)} in the message, as in those of an inject node,`,
    settings: { deviceId: "topic", deviceIdType: "msg" },
    message: { payload: 1, topic },
    code: "INPUT_BLANK",
    text: "The device ID is missing: msg.topic is blank",
  })),
  {
    title: "a device id that an expression leaves blank",
    settings: { deviceId: '$trim("  ")', deviceIdType: "jsonata" },
    message: { payload: 1 },
    code: "INPUT_BLANK",
    text: 'The device ID is missing: $trim("  ") is blank',
  },
  {
    title: "a device id in a variable that is set to nothing",
    settings: { deviceId: "M1_TEST_BLANK", deviceIdType: "env" },
    message: { payload: 1 },
    code: "INPUT_BLANK",
    text: `The device ID is missing: ${BLANK} is blank`,
  },
  {
    title: "a device id whose parent the message lacks",
    settings: { deviceId: "device.id", deviceIdType: "msg" },
    message: { payload: 1 },
    code: "INPUT_NOWHERE",
    text: "device ID: there is no msg.device.id, because msg.device is undefined",
  },
  {
    title: "event data behind something that has no properties",
    settings: { eventData: "msg.payload[0].reading.value", eventDataType: "msg" },
    message: { payload: [{ reading: 21.5 }] },
    code: "INPUT_NOWHERE",
    text: "event data: there is no msg.payload[0].reading.value, because msg.payload[0].reading is 21.5",
  },
  {
    title: "a time behind a list that is too short",
    settings: { observedAt: 'payload.times[2]["taken at"].utc', observedAtType: "msg" },
    message: { payload: { times: [] } },
    code: "INPUT_NOWHERE",
    text: 'observed at: there is no msg.payload.times[2]["taken at"].utc, because msg.payload.times[2] is undefined',
  },
  {
    title: "event data at a place that the message does not name",
    settings: { eventData: "readings[msg.index]", eventDataType: "msg" },
    message: { readings: [1] },
    code: "INPUT_FAILED",
    text: /^event data: msg\.readings\[msg\.index\] cannot be read: Invalid expression/,
  },
  {
    title: "a time that the global context lacks",
    settings: { observedAt: "clock.time", observedAtType: "global" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "observed at: global.clock.time is undefined",
  },
  {
    title: "a device id for which an expression finds nothing",
    settings: { deviceId: "payload.id", deviceIdType: "jsonata" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "device ID: payload.id is undefined",
  },
  {
    title: "event data that is the JSON null",
    settings: { eventData: "null", eventDataType: "json" },
    message: {},
    code: "INPUT_MISSING",
    text: "event data: null is null",
  },
  {
    title: "a device id that the flow's context lacks",
    settings: { deviceId: "device", deviceIdType: "flow" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "device ID: flow.device is undefined",
  },
  {
    title: "a device id that the global context lacks",
    settings: { deviceId: "#:(default)::device", deviceIdType: "global" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "device ID: global.device (default) is undefined",
  },
  {
    title: "event data in a context store that there is not",
    settings: { eventData: "#:(nowhere)::reading", eventDataType: "global" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "event data: global.reading (nowhere) is undefined",
  },
  {
    title: "an expression that throws",
    settings: { eventData: '$error("sensor offline")', eventDataType: "jsonata" },
    message: { payload: 1 },
    code: "INPUT_FAILED",
    text: 'event data: $error("sensor offline") cannot be read: sensor offline',
  },
  {
    title: "an expression that adds text",
    settings: { observedAt: "payload + 1", observedAtType: "jsonata" },
    message: { payload: "x" },
    code: "INPUT_FAILED",
    text: /^observed at: payload \+ 1 cannot be read: .*"\+"/,
  },
  {
    title: "an expression without a value",
    settings: { eventData: "nothing.here", eventDataType: "jsonata" },
    message: { payload: 1 },
    code: "INPUT_MISSING",
    text: "event data: nothing.here is undefined",
  },
];

/** Settings that no message can mend. */
const settingCases: { settings: object; code: string; text: string | RegExp }[] = [
  {
    settings: { deviceId: "a+b" },
    code: "LEVEL_CHARACTER",
    text: 'The device ID has "+" as character 2: printable ASCII except #, + and / is allowed',
  },
  {
    settings: { observedAt: "yesterday", observedAtType: "str" },
    code: "TIME_INVALID",
    text: /^yesterday is not a time/,
  },
  {
    settings: { complete: "" },
    code: "SETTING_CHOICE",
    text: "done: an empty text is not one of delivered, stored",
  },
  { settings: { qos: "3" }, code: "SETTING_CHOICE", text: "QoS: 3 is not one of 0, 1, 2" },
  {
    settings: { numericText: "always" },
    code: "SETTING_CHOICE",
    text: "numbers in text: always is not one of auto, keep",
  },
  {
    settings: { numericText: UNSET },
    code: "ENV_UNSET",
    text: "numbers in text: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { eventData: "a", eventDataType: "xml" },
    code: "SETTING_CHOICE",
    text: /^event data: xml is not one of str, msg/,
  },
  {
    settings: { eventData: "{ broken", eventDataType: "jsonata" },
    code: "INPUT_FAILED",
    text: /^event data: \{ broken cannot be read: /,
  },
  {
    settings: { eventData: '{"a": }', eventDataType: "json" },
    code: "INPUT_FAILED",
    text: /^event data: \{"a": \} cannot be read: /,
  },
  {
    settings: { deviceId: "topic..id", deviceIdType: "msg" },
    code: "INPUT_FAILED",
    text: /^device ID: msg\.topic\.\.id cannot be read: .*position 6/,
  },
  ...["msg", "flow", "global", "env", "jsonata", "json", "num", "bool"].map((type) => ({
    settings: { eventData: " ", eventDataType: type },
    code: "SETTING_BLANK",
    text: "event data: nothing is entered",
  })),
  {
    settings: { deviceId: "", deviceIdType: "msg" },
    code: "SETTING_BLANK",
    text: "device ID: nothing is entered",
  },
  {
    settings: { observedAt: "", observedAtType: "str" },
    code: "SETTING_BLANK",
    text: "observed at: nothing is entered",
  },
  {
    settings: { deviceId: "M1_TEST_UNSET", deviceIdType: "env" },
    code: "ENV_UNSET",
    text: "device ID: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { deviceId: `north-${UNSET}`, deviceIdType: "env" },
    code: "ENV_UNSET",
    text: "device ID: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { deviceId: UNSET },
    code: "ENV_UNSET",
    text: "device ID: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { deviceId: `north-${UNSET}` },
    code: "ENV_UNSET",
    text: "device ID: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { addClientIp: UNSET },
    code: "ENV_UNSET",
    text: "tag ip_address: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { eventData: UNSET, eventDataType: "msg" },
    code: "ENV_UNSET",
    text: "event data: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { stream: UNSET },
    code: "ENV_UNSET",
    text: "stream: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { tag: UNSET },
    code: "ENV_UNSET",
    text: "tag: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { complete: UNSET },
    code: "ENV_UNSET",
    text: "done: the environment variable M1_TEST_UNSET is not set",
  },
  {
    settings: { qos: UNSET },
    code: "ENV_UNSET",
    text: "QoS: the environment variable M1_TEST_UNSET is not set",
  },
];

describe("bad input", () => {
  const context = eachWithSandbox();

  before(() => {
    process.env.M1_TEST_BLANK = "";
  });

  after(() => {
    delete process.env.M1_TEST_BLANK;
  });

  /** A second node without the settings in question shows what the first has left behind. */
  async function start(settings: object = {}): Promise<void> {
    await startFlow([
      connectionTo(context.sandbox),
      eventOut({ id: "bad", ...settings }),
      eventOut({ id: "good", observedAtType: "server" }),
      ...catching(),
    ]);
  }

  async function onlyTheNextArrives(): Promise<void> {
    const { error } = await input("good", { payload: "next" });
    ifError(error);
    const events = await storedEvents(context.sandbox, 1);
    deepEqual(
      events.map(({ raw }) => raw),
      ['{"event_data":{"value":"next"}}'],
    );
    deepEqual(context.sandbox.refusals, []);
    equal(context.sandbox.wire.filter(({ cmd }) => cmd === "connect").length, 1);
  }

  for (const { title, settings, message, code, text } of cases) {
    it(`${title} is one ${code}, and the next message is unharmed`, async () => {
      await start({ observedAtType: "server", ...settings });
      const { error } = await input("bad", message);
      equal(error?.code, code);
      check(error?.message ?? "", text);
      const { error: told } = await caught();
      deepEqual([told.source.id, told.code], ["bad", code]);
      check(told.message, text);
      await onlyTheNextArrives();
      equal(allCaught().length, 1);
    });
  }

  for (const { settings, code, text } of settingCases) {
    it(`${JSON.stringify(settings)} is told at the start, and with each message`, async () => {
      await start(settings);
      const { error: told } = await caught();
      deepEqual([told.source.id, told.code], ["bad", code]);
      check(told.message, text);
      deepEqual(status("bad"), { fill: "red", shape: "ring", text: "not configured" });
      for (const payload of [1, 2]) {
        const { error } = await input("bad", { payload });
        equal(error?.code, code);
        check(error?.message ?? "", text);
      }
      await onlyTheNextArrives();
      equal(allCaught().length, 3);
    });
  }

  it("exactly 65,536 characters pass", async () => {
    await start();
    const { error } = await input("good", { payload: dataOfLength(65_536) });
    ifError(error);
    const [event] = await storedEvents(context.sandbox, 1);
    equal(event?.raw.length, 65_536);
  });

  it("a message that fails stays as it was", async () => {
    await start();
    const payload = { list: [1, Number.NaN] };
    await input("bad", { payload, topic: "kept" });
    deepEqual(payload, { list: [1, Number.NaN] });
    equal((await caught()).topic, "kept");
  });

  for (const [how, settings] of [
    ["at once", {}],
    ["later", { deviceId: '"pump"', deviceIdType: "jsonata" }],
  ] as const) {
    it(`a message that Node-RED cannot copy for a Catch node is logged (read ${how})`, async () => {
      await start(settings);
      const payload = {
        get broken(): never {
          throw new Error("no such sensor");
        },
      };
      const { error } = await input("bad", { payload });
      equal(error?.message, "event_data.broken cannot be read: no such sensor");
      await onlyTheNextArrives();
      const errors = logged().filter(({ level, id }) => level === 20 && id === "bad");
      deepEqual(
        errors.map(({ msg }) => String(msg)),
        [
          "Catch and Complete nodes did not get the message, because Node-RED cannot copy it: no such sensor",
        ],
      );
      ifError((await input("bad", { payload: "after" })).error);
    });
  }

  it("a message that Node-RED cannot copy for a Complete node is sent all the same", async () => {
    await startFlow([
      connectionTo(context.sandbox),
      eventOut({ id: "good", observedAtType: "server" }),
      { id: "complete", type: "complete", scope: ["good"] },
    ]);
    const { error } = await input("good", {
      payload: "first",
      sensor: {
        get broken(): never {
          throw new Error("no such sensor");
        },
      },
    });
    ifError(error);
    ifError((await input("good", { payload: "next" })).error);
    const events = await storedEvents(context.sandbox, 2);
    deepEqual(
      events.map(({ eventData }) => eventData.value),
      ["first", "next"],
    );
  });

  it("a failing context store is one error, and the next message is unharmed", async () => {
    await start({ deviceId: "device", deviceIdType: "flow" });
    const get = (_key: string, _store: unknown, done: (error: Error) => void) =>
      done(new Error("store is down"));
    Object.defineProperty(node("bad"), "context", { value: () => ({ flow: { get } }) });
    const { error } = await input("bad", { payload: 1 });
    equal(error?.message, "device ID: flow.device cannot be read: store is down");
    await onlyTheNextArrives();
  });
});

function check(message: string, expected: string | RegExp): void {
  if (typeof expected === "string") equal(message, expected);
  else match(message, expected);
}
