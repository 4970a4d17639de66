// What MQTT 3.1.1 forbids ends the connection, and is told with the rule.
import { strict as assert } from "node:assert";
import { generate, type Packet } from "mqtt-packet";
import { BareClient } from "../bare-client";
import { connectBytes, EVENT, eachWithSandbox, OWN } from "../clients";

const PUBLISH = {
  cmd: "publish",
  topic: `0/${OWN}/d`,
  payload: EVENT,
  qos: 1,
  messageId: 5,
  dup: false,
  retain: false,
} as const;
const SUBSCRIBE = {
  cmd: "subscribe",
  messageId: 5,
  subscriptions: [{ topic: `1/${OWN}/ab`, qos: 1 }],
} as const;
const UNSUBSCRIBE = { cmd: "unsubscribe", messageId: 5, unsubscriptions: [`1/${OWN}/ab`] } as const;

const WITH_WILL = connectBytes({
  will: { topic: `0/${OWN}/d`, payload: Buffer.from(EVENT), qos: 2, retain: false },
});

/** Its remaining length has two bytes. */
const WILL_FLAGS = 10;

/** A packet with other bytes at places; before its beginning they are counted from its end. */
function altered(packet: Packet | Buffer, ...changes: [place: number, byte: number][]): Buffer {
  const bytes = Buffer.from(Buffer.isBuffer(packet) ? packet : generate(packet as Packet));
  for (const [place, byte] of changes) bytes[place < 0 ? bytes.length + place : place] = byte;
  return bytes;
}

describe("sandbox: a connection ends on", () => {
  const context = eachWithSandbox();

  const forbidden: [what: string, bytes: Buffer, reason: RegExp][] = [
    [
      "an event at QoS 0 with the DUP flag",
      altered({ ...PUBLISH, qos: 0 } as Packet, [0, 0x38]),
      /MQTT-3\.3\.1-2/,
    ],
    [
      "an event with the packet ID 0",
      altered(PUBLISH, [-EVENT.length - 1, 0]),
      /PUBLISH.*MQTT-2\.3\.1-1/,
    ],
    [
      "a SUBSCRIBE with the packet ID 0",
      altered(SUBSCRIBE as unknown as Packet, [3, 0]),
      /SUBSCRIBE.*MQTT-2\.3\.1-1/,
    ],
    [
      "an UNSUBSCRIBE with the packet ID 0",
      altered(UNSUBSCRIBE as unknown as Packet, [3, 0]),
      /UNSUBSCRIBE.*MQTT-2\.3\.1-1/,
    ],
    ["an UNSUBSCRIBE without a filter", Buffer.from([0xa2, 2, 0, 5]), /MQTT-3\.10\.3-2/],
    ["a SUBSCRIBE with U+0000", altered(SUBSCRIBE as unknown as Packet, [-2, 0]), /MQTT-1\.5\.3-2/],
    [
      "a SUBSCRIBE that is not UTF-8",
      altered(SUBSCRIBE as unknown as Packet, [-2, 0xff]),
      /MQTT-1\.5\.3-1/,
    ],
    [
      "an UNSUBSCRIBE with U+0000",
      altered(UNSUBSCRIBE as unknown as Packet, [-1, 0]),
      /MQTT-1\.5\.3-2/,
    ],
    [
      "an UNSUBSCRIBE that is not UTF-8",
      altered(UNSUBSCRIBE as unknown as Packet, [-1, 0xff]),
      /MQTT-1\.5\.3-1/,
    ],
    ["a PINGREQ with a body", Buffer.from([0xc0, 1, 0]), /PINGREQ has 0 bytes .* not 1/],
    ["a DISCONNECT with a body", Buffer.from([0xe0, 1, 0]), /DISCONNECT has 0 bytes .* not 1/],
    ["a PUBACK that is too long", Buffer.from([0x40, 3, 0, 5, 0]), /PUBACK has 2 bytes .* not 3/],
    ["a PUBREL that is too long", Buffer.from([0x62, 3, 0, 5, 0]), /PUBREL has 2 bytes .* not 3/],
    [
      "a CONNACK, which is a server's",
      Buffer.from([0x20, 2, 0, 0]),
      /a client does not send CONNACK/,
    ],
    [
      "a SUBACK, which is a server's",
      Buffer.from([0x90, 3, 0, 5, 0]),
      /a client does not send SUBACK/,
    ],
    [
      "an UNSUBACK, which is a server's",
      Buffer.from([0xb0, 2, 0, 5]),
      /a client does not send UNSUBACK/,
    ],
    ["a PINGRESP, which is a server's", Buffer.from([0xd0, 0]), /a client does not send PINGRESP/],
  ];
  for (const [what, bytes, reason] of forbidden) {
    it(`${what}, and nothing of it is answered`, async () => {
      const refusal = context.sandbox.next("refusal");
      const client = new BareClient(context.sandbox);
      await client.next("connack");
      client.send(bytes);
      assert.deepEqual(await client.end(), []);
      const { code, clientId, reason: told } = await refusal;
      assert.deepEqual([code, clientId], ["PACKET", "raw"]);
      assert.match(told, reason);
      assert.equal(context.sandbox.events.length, 0);
    });
  }

  it("a will at QoS 3", async () => {
    const refusal = context.sandbox.next("refusal");
    const client = new BareClient(context.sandbox, altered(WITH_WILL, [WILL_FLAGS, 0xde]));
    assert.deepEqual(await client.end(), []);
    assert.match((await refusal).reason, /MQTT-3\.1\.2-14/);
  });

  for (const level of [0, 6]) {
    it(`a CONNECT of the protocol level ${level}, which is answered with return code 1`, async () => {
      const refusal = context.sandbox.next("refusal");
      const client = new BareClient(context.sandbox, altered(connectBytes(), [8, level]));
      assert.equal((await client.next("connack")).returnCode, 1);
      await client.end();
      assert.match((await refusal).reason, /protocol version/);
    });
  }
});
