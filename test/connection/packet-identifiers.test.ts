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

  it("of events at QoS 2 are the first 32, round and round, and no others", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.apart = true;
    const numbers = Array.from({ length: 32 }, (_, index) => index + 1);
    assert.deepEqual(
      numbers.map(() => identifiers.allocate()),
      numbers,
    );
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(33);
    identifiers.deallocate(7);
    identifiers.deallocate(9);
    assert.equal(identifiers.allocate(), 7);
    identifiers.deallocate(7);
    assert.equal(identifiers.allocate(), 9);
    identifiers.apart = false;
    assert.equal(identifiers.allocate(), 33);
  });

  it("of events at QoS 2 go on over the next connection where they were", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.apart = true;
    for (let event = 0; event < 3; event += 1) identifiers.allocate();
    identifiers.clear();
    const next = new PacketIdentifiers(identifiers.nextApart);
    next.apart = true;
    assert.equal(next.allocate(), 4);
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
    it(`are released, oldest first, by packets that MQTT ${protocolVersion} has`, () => {
      const released: unknown[] = [];
      const reader = parser({ protocolVersion });
      reader.on("packet", ({ cmd, messageId }) => released.push([cmd, messageId]));
      reader.parse(Buffer.from(releases(31)));
      const oldestFirst = [
        31,
        32,
        ...Array.from({ length: SET_APART - 2 }, (_, index) => index + 1),
      ];
      const expected = oldestFirst.map((identifier) => ["pubrel", identifier]);
      assert.deepEqual(released, expected);
    });
  }
});
