// Which events the sandbox accepts, and what it makes of them (wire-contract: Topics, Event payload).
import { strict as assert } from "node:assert";
import { closed, connect, EVENT, eachWithSandbox, OWN } from "../clients";

const NOW = "2026-01-02T03:04:05.678901Z";
const OBSERVED = "2001-01-01T00:10:10.000000Z";

describe("sandbox: events", () => {
  const context = eachWithSandbox({ now: () => NOW });

  /** The event as the sandbox stores it. */
  async function stored(topic: string, event: unknown) {
    const publisher = await connect(context.sandbox, { clientId: "publisher" });
    await publisher.publishAsync(topic, JSON.stringify(event), { qos: 1 });
    const [first] = context.sandbox.events;
    assert.deepEqual(context.sandbox.refusals, []);
    assert.ok(first);
    return first;
  }

  it("stores an event with what the server adds", async () => {
    const payload = { event_data: { hello: "world" } };
    assert.deepEqual(await stored(`0/${OWN}/device 1`, payload), {
      receivedAt: NOW,
      projectMqtt: "demo-project",
      userMqtt: "demo-user",
      clientId: "publisher",
      deviceId: "device 1",
      stream: "raw",
      observedAt: NOW,
      eventData: { hello: "world", device_id: "device 1" },
      raw: JSON.stringify(payload),
      qos: 1,
      dup: false,
    });
  });

  it("keeps the time and the stream that an event states", async () => {
    const event = { event_data: {}, observed_at: OBSERVED, stream: "processed" };
    const { observedAt, stream, receivedAt } = await stored(`0/${OWN}/d`, event);
    assert.deepEqual(
      { observedAt, stream, receivedAt },
      {
        observedAt: OBSERVED,
        stream: "processed",
        receivedAt: NOW,
      },
    );
  });

  it("accepts an event of no device and adds no device_id", async () => {
    const { deviceId, eventData } = await stored(`0/${OWN}/`, { event_data: { a: 1 } });
    assert.equal(deviceId, "");
    assert.deepEqual(eventData, { a: 1 });
  });

  it("accepts the trailing slash of older clients", async () => {
    assert.equal((await stored(`0/${OWN}/d/`, { event_data: {} })).deviceId, "d");
  });

  it("discards tags that are null, nested ones too", async () => {
    const event = { event_data: { a: null, b: { c: null, d: 0 }, e: false, f: [1] } };
    const { eventData } = await stored(`0/${OWN}/`, event);
    assert.deepEqual(eventData, { b: { d: 0 }, e: false, f: [1] });
  });

  it("adds the client's IP address when asked to", async () => {
    const event = { event_data: {}, add_client_ip: true };
    assert.deepEqual((await stored(`0/${OWN}/`, event)).eventData, { ip_address: "127.0.0.1" });
  });

  it("accepts an event of 65,536 characters", async () => {
    await stored(`0/${OWN}/`, { event_data: { a: "x".repeat(65_536 - 23) } });
  });

  it("accepts an event nested 200 levels deep", async () => {
    const publisher = await connect(context.sandbox);
    await publisher.publishAsync(`0/${OWN}/d`, nested(200), { qos: 1 });
    assert.equal(context.sandbox.events.length, 1);
  });

  for (const qos of [0, 1, 2] as const) {
    it(`stores an event of QoS ${qos} once`, async () => {
      const event = context.sandbox.next("event");
      const publisher = await connect(context.sandbox);
      await publisher.publishAsync(`0/${OWN}/d`, EVENT, { qos });
      assert.equal((await event).qos, qos);
      assert.equal(context.sandbox.events.length, 1);
    });
  }

  it("shows that an event is a duplicate", async () => {
    const publisher = await connect(context.sandbox);
    await publisher.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1, dup: true });
    assert.equal(context.sandbox.events[0]?.dup, true);
  });

  const tooLong = `{"event_data":{"a":"${"x".repeat(65_536 - 22)}"}}`;
  const refused: [what: string, code: string, topic: string, payload: string | Buffer][] = [
    ["to another project", "TOPIC_FOREIGN", "0/other/demo-user/d", EVENT],
    ["for another user", "TOPIC_FOREIGN", "0/demo-project/other/d", EVENT],
    ["to a device", "TOPIC_NOT_EVENT", `1/${OWN}/d/event`, EVENT],
    ["to a group", "TOPIC_NOT_EVENT", "2/demo-project/g/x", EVENT],
    ["to a topic of no contract", "TOPIC_NOT_EVENT", "sensors/1", EVENT],
    ["to a topic without the device level", "TOPIC_NOT_EVENT", `0/${OWN}`, EVENT],
    ["to a topic with a level too many", "TOPIC_NOT_EVENT", `0/${OWN}/d/extra`, EVENT],
    ["for the device _all", "LEVEL_RESERVED", `0/${OWN}/_all`, EVENT],
    ["for a device ID beyond ASCII", "LEVEL_CHARACTER", `0/${OWN}/größe`, EVENT],
    ["for a device ID with a control character", "LEVEL_CHARACTER", `0/${OWN}/a\tb`, EVENT],
    ["that is not UTF-8", "DATA_NOT_UTF8", `0/${OWN}/d`, Buffer.from([0x7b, 0xff, 0x7d])],
    ["that is not JSON", "DATA_NOT_JSON", `0/${OWN}/d`, '{"event_data":{"a":NaN}}'],
    ["that is empty", "DATA_NOT_JSON", `0/${OWN}/d`, ""],
    ["that is an array", "ENVELOPE_NOT_OBJECT", `0/${OWN}/d`, "[]"],
    ["without event_data", "ENVELOPE_EVENT_DATA", `0/${OWN}/d`, '{"stream":"x"}'],
    ["whose event_data is a number", "ENVELOPE_EVENT_DATA", `0/${OWN}/d`, '{"event_data":1}'],
    ["with an unknown key", "ENVELOPE_KEY", `0/${OWN}/d`, '{"event_data":{},"time":1}'],
    ["with an empty stream", "ENVELOPE_STREAM", `0/${OWN}/d`, '{"event_data":{},"stream":""}'],
    [
      "whose add_client_ip is text",
      "ENVELOPE_ADD_CLIENT_IP",
      `0/${OWN}/d`,
      '{"event_data":{},"add_client_ip":"yes"}',
    ],
    ["of 65,537 characters", "EVENT_TOO_LONG", `0/${OWN}/d`, tooLong],
    ["nested 201 levels deep", "DATA_TOO_DEEP", `0/${OWN}/d`, nested(201)],
    ["nested as deep as its length allows", "DATA_TOO_DEEP", `0/${OWN}/d`, nested(10_000)],
    ["with a number too great", "DATA_UNSUPPORTED", `0/${OWN}/d`, '{"event_data":{"a":1e999}}'],
    ["observed to the millisecond", ...observedAt('"2001-01-01T00:10:10.000Z"')],
    ["observed to the second", ...observedAt('"2001-01-01T00:10:10Z"')],
    ["observed without a zone", ...observedAt('"2001-01-01T00:10:10.000000"')],
    ["observed at a number", ...observedAt("978307810000")],
    ["observed on 30 February", ...observedAt('"2001-02-30T00:00:00.000000Z"', "TIME_INVALID")],
  ];
  for (const [what, code, topic, payload] of refused) {
    it(`drops the connection for an event ${what}, and says why`, async () => {
      const publisher = await connect(context.sandbox, { clientId: "publisher" });
      const isClosed = closed(publisher);
      const disconnected = context.sandbox.next("disconnected");
      publisher.publish(topic, payload, { qos: 1 });
      await isClosed;
      const { at, reason, ...refusal } = context.sandbox.refusals[0] ?? assert.fail("no refusal");
      assert.deepEqual(refusal, {
        what: "publish",
        clientId: "publisher",
        username: OWN,
        topic,
        code,
      });
      assert.deepEqual(await disconnected, {
        clientId: "publisher",
        username: OWN,
        graceful: false,
        reason,
      });
      assert.deepEqual(context.sandbox.events, []);
    });
  }

  it("drops the connection for an event with the retain flag", async () => {
    const publisher = await connect(context.sandbox);
    const isClosed = closed(publisher);
    publisher.publish(`0/${OWN}/d`, EVENT, { retain: true });
    await isClosed;
    assert.equal(context.sandbox.refusals[0]?.code, "EVENT_RETAINED");
  });

  it("looks at nothing that follows a refused event", async () => {
    const publisher = await connect(context.sandbox);
    const isClosed = closed(publisher);
    for (const payload of ["wrong", EVENT, "wrong again"]) {
      publisher.publish(`0/${OWN}/d`, payload, { qos: 1 });
    }
    await isClosed;
    assert.equal(context.sandbox.refusals.length, 1);
    assert.deepEqual(context.sandbox.events, []);
  });

  it("says what would be right when the topic is wrong", async () => {
    const publisher = await connect(context.sandbox);
    const refusal = context.sandbox.next("refusal");
    publisher.publish("sensors/1", EVENT);
    assert.equal(
      (await refusal).reason,
      `A device publishes events only, to 0/${OWN}/<device_id>, and nothing to sensors/1`,
    );
  });
});

function nested(levels: number): string {
  return `{"event_data":${'{"a":'.repeat(levels)}null${"}".repeat(levels)}}`;
}

function observedAt(json: string, code = "TIME_NOT_MICROSECONDS"): [string, string, string] {
  return [code, `0/${OWN}/d`, `{"event_data":{},"observed_at":${json}}`];
}
