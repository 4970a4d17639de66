// Packet identifiers: each in use once, and none higher than there are in use at a time.
import { strict as assert } from "node:assert";
import { parser } from "mqtt-packet";
import { PacketIdentifiers } from "../../nodes/connection/packet-identifiers";

function numbersFrom(first: number): number[] {
  return Array.from({ length: 32 }, (_, index) => first + index);
}

describe("packet identifiers", () => {
  it("count on, and are used again once they are free", () => {
    const identifiers = new PacketIdentifiers();
    assert.deepEqual(
      [1, 2, 3].map(() => identifiers.allocate()),
      [65, 66, 67],
    );
    identifiers.deallocate(66);
    assert.equal(identifiers.allocate(), 66);
    assert.equal(identifiers.getLastAllocated(), 66);
    assert.equal(identifiers.allocate(), 68);
  });

  for (const [from, first] of [
    ["released", 1],
    ["spare", 33],
  ] as const) {
    it(`of events at QoS 2 are 32 from ${first} on, round and round, and no others`, () => {
      const identifiers = new PacketIdentifiers();
      identifiers.allocate();
      identifiers.from = from;
      const numbers = numbersFrom(first);
      assert.deepEqual(
        numbers.map(() => identifiers.allocate()),
        numbers,
      );
      assert.equal(identifiers.allocate(), null);
      identifiers.deallocate(65);
      identifiers.deallocate(first + 6);
      identifiers.deallocate(first + 8);
      assert.equal(identifiers.allocate(), first + 6);
      identifiers.deallocate(first + 6);
      assert.equal(identifiers.allocate(), first + 8);
      identifiers.from = "others";
      assert.equal(identifiers.allocate(), 65);
    });
  }

  it("of events at QoS 2 go on over the next connection where they were", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.from = "released";
    for (let event = 0; event < 3; event += 1) identifiers.allocate();
    identifiers.clear();
    const next = new PacketIdentifiers(identifiers);
    next.from = "released";
    assert.equal(next.allocate(), 4);
  });

  it("end at 65,535, until one is free again", () => {
    const identifiers = new PacketIdentifiers();
    for (let next = 65; next <= 65_535; next += 1) assert.equal(identifiers.allocate(), next);
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(77);
    assert.equal(identifiers.allocate(), 77);
  });

  it("begin anew when all are given up", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.clear();
    assert.equal(identifiers.allocate(), 65);
  });

  for (const protocolVersion of [4, 5]) {
    it(`are released, oldest first, by packets that MQTT ${protocolVersion} has`, () => {
      const released: unknown[] = [];
      const reader = parser({ protocolVersion });
      reader.on("packet", ({ cmd, messageId }) => released.push([cmd, messageId]));
      const identifiers = new PacketIdentifiers();
      identifiers.from = "released";
      for (let event = 0; event < 30; event += 1) identifiers.allocate();
      reader.parse(Buffer.from(identifiers.releases()));
      const oldestFirst = [31, 32, ...numbersFrom(1).slice(0, 30), ...numbersFrom(33)];
      const expected = oldestFirst.map((identifier) => ["pubrel", identifier]);
      assert.deepEqual(released, expected);
    });
  }
});
