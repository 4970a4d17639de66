// Packet identifiers: each in use once, and none higher than there are in use at a time.
import { strict as assert } from "node:assert";
import { parser } from "mqtt-packet";
import { PacketIdentifiers, releases, SET_APART } from "../../nodes/connection/packet-identifiers";

describe("packet identifiers", () => {
  it("count on, and are used again once they are free", () => {
    const identifiers = new PacketIdentifiers();
    assert.deepEqual(
      [1, 2, 3].map(() => identifiers.allocate()),
      [33, 34, 35],
    );
    identifiers.deallocate(34);
    assert.equal(identifiers.allocate(), 34);
    assert.equal(identifiers.getLastAllocated(), 34);
    assert.equal(identifiers.allocate(), 36);
  });

  it("of events at QoS 2 are the first 32, and no others", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.qos2 = true;
    const numbers = Array.from({ length: 32 }, (_, index) => index + 1);
    assert.deepEqual(
      numbers.map(() => identifiers.allocate()),
      numbers,
    );
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(33);
    identifiers.deallocate(7);
    assert.equal(identifiers.allocate(), 7);
    identifiers.qos2 = false;
    assert.equal(identifiers.allocate(), 33);
  });

  it("end at 65,535, until one is free again", () => {
    const identifiers = new PacketIdentifiers();
    for (let next = 33; next <= 65_535; next += 1) assert.equal(identifiers.allocate(), next);
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(77);
    assert.equal(identifiers.allocate(), 77);
  });

  it("begin anew when all are given up", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.clear();
    assert.equal(identifiers.allocate(), 33);
  });

  for (const protocolVersion of [4, 5]) {
    it(`are released by packets that MQTT ${protocolVersion} has`, () => {
      const released: unknown[] = [];
      const reader = parser({ protocolVersion });
      reader.on("packet", ({ cmd, messageId }) => released.push([cmd, messageId]));
      reader.parse(Buffer.from(releases()));
      const expected = Array.from({ length: SET_APART }, (_, index) => ["pubrel", index + 1]);
      assert.deepEqual(released, expected);
    });
  }
});
