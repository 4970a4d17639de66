// What a broker is spared because it has said that it does not take it: too many events at a time, or too large ones.
import { strict as assert } from "node:assert";
import { generate, type IPublishPacket } from "mqtt-packet";
import { BrokerLimits } from "../../nodes/connection/broker-limits";
import type { QoS } from "../../nodes/protocol/settings";

function event(payload: string, topic = "0/p/u/d") {
  return { topic, payload, qos: 2, done: () => undefined } as const;
}

const QOS = [0, 1, 2] as const;

/** Bytes of the PUBLISH that carries the payload. */
function bytesOnTheWire(payload: string, qos: QoS = 2): number {
  const { topic } = event(payload);
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
    assert.equal(limits.excess(event("€".repeat(1_000_000)), 2), undefined);
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
    "whose length takes one byte": "x".repeat(110),
    "whose length takes three bytes": "x".repeat(16_380),
  })) {
    for (const qos of QOS) {
      it(`${what} is sent at QoS ${qos} if its packet is as large as the broker takes, and no larger`, () => {
        const maximumPacketSize = bytesOnTheWire(payload, qos);
        const fits = new BrokerLimits({ maximumPacketSize });
        assert.equal(fits.excess(event(payload), qos), undefined);

        const limits = new BrokerLimits({ maximumPacketSize: maximumPacketSize - 1 });
        assert.equal(limits.excess(event(payload), qos)?.code, "EVENT_TOO_LARGE");
      });
    }
  }

  it("whose topic alone makes its packet too large is not sent", () => {
    const limits = new BrokerLimits({ maximumPacketSize: 100 });
    const fault = limits.excess(event("{}", "0/p/u/".padEnd(98, "d")), 1);
    assert.equal(fault?.code, "EVENT_TOO_LARGE");
  });

  it("that is not sent is told with its size and the broker's limit, in bytes", () => {
    const limits = new BrokerLimits({ maximumPacketSize: 1_000 });
    const { size, limit } = limits.excess(event("€".repeat(400)), 2)?.details ?? {};
    assert.equal(limit, 1_000);
    assert.equal(size, bytesOnTheWire("€".repeat(400)));
  });
});
