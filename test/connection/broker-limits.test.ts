// What a broker is spared because it has said that it does not take it: too many events at a time, or too large ones.
import { strict as assert } from "node:assert";
import { generate, type IPublishPacket } from "mqtt-packet";
import { BrokerLimits } from "../../nodes/connection/broker-limits";

function event(payload: string, topic = "0/p/u/d") {
  return { topic, payload, qos: 2, done: () => undefined } as const;
}

/** Bytes of the PUBLISH that carries the payload. */
function bytesOnTheWire(payload: string): number {
  const { topic, qos } = event(payload);
  const packet: IPublishPacket = { cmd: "publish", topic, payload, qos, dup: false, retain: false };
  return generate({ ...packet, messageId: 65_535 }, { protocolVersion: 5 }).length;
}

describe("a broker that names no limits", () => {
  const limits = new BrokerLimits();

  it("gets 1,000 events at a time, of them 16 at QoS 2, at any QoS", () => {
    const { inFlight, inFlightQoS2, maximumQoS } = limits;
    assert.deepEqual([inFlight, inFlightQoS2, maximumQoS], [1_000, 16, 2]);
  });

  it("gets events of any size", () => {
    assert.equal(limits.excess(event("€".repeat(1_000_000))), undefined);
  });
});

describe("the events at a time", () => {
  for (const [receiveMaximum, inFlight, inFlightQoS2] of [
    [1, 1, 1],
    [10, 10, 10],
    [20, 20, 16],
    [65_535, 1_000, 16],
  ] as const) {
    it(`are ${inFlight} where the broker takes ${receiveMaximum}, of them ${inFlightQoS2} at QoS 2`, () => {
      const limits = new BrokerLimits({ receiveMaximum });
      assert.deepEqual([limits.inFlight, limits.inFlightQoS2], [inFlight, inFlightQoS2]);
    });
  }
});

describe("the highest QoS", () => {
  for (const maximumQoS of [0, 1]) {
    it(`is ${maximumQoS} where the broker says so`, () => {
      assert.equal(new BrokerLimits({ maximumQoS }).maximumQoS, maximumQoS);
    });
  }
});

describe("an event", () => {
  for (const [what, payload] of Object.entries({
    "of one byte a character": "x".repeat(300),
    "of two bytes a character": "ü".repeat(300),
    "of three bytes a character": "€".repeat(300),
    "of four bytes a character": "😀".repeat(300),
    "that is empty": "",
  })) {
    it(`${what} is never sent if its packet is larger than the broker takes`, () => {
      const limits = new BrokerLimits({ maximumPacketSize: bytesOnTheWire(payload) - 1 });
      assert.equal(limits.excess(event(payload))?.code, "EVENT_TOO_LARGE");
    });

    it(`${what} is sent if a few bytes are left in the largest packet`, () => {
      const limits = new BrokerLimits({ maximumPacketSize: bytesOnTheWire(payload) + 4 });
      assert.equal(limits.excess(event(payload)), undefined);
    });
  }

  it("whose topic alone makes its packet too large is not sent", () => {
    const limits = new BrokerLimits({ maximumPacketSize: 100 });
    assert.equal(limits.excess(event("{}", "0/p/u/".padEnd(98, "d")))?.code, "EVENT_TOO_LARGE");
  });

  it("that is not sent is told with its size and the broker's limit, in bytes", () => {
    const limits = new BrokerLimits({ maximumPacketSize: 1_000 });
    const { size, limit } = limits.excess(event("€".repeat(400)))?.details ?? {};
    assert.equal(limit, 1_000);
    const excess = Number(size) - bytesOnTheWire("€".repeat(400));
    assert.ok(excess >= 0 && excess <= 4, `${size} bytes`);
  });
});
