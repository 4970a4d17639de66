// Packet identifiers: each in use once, and none higher than there are in use at a time.
import { strict as assert } from "node:assert";
import { parser } from "mqtt-packet";
import { PacketIdentifiers, releases } from "../../nodes/connection/packet-identifiers";

describe("packet identifiers", () => {
  it("count from 1, and are used again once they are free", () => {
    const identifiers = new PacketIdentifiers();
    assert.deepEqual(
      [1, 2, 3].map(() => identifiers.allocate()),
      [1, 2, 3],
    );
    identifiers.deallocate(2);
    assert.equal(identifiers.allocate(), 2);
    assert.equal(identifiers.getLastAllocated(), 2);
    assert.equal(identifiers.allocate(), 4);
  });

  it("end at 65,535, until one is free again", () => {
    const identifiers = new PacketIdentifiers();
    for (let count = 0; count < 65_535; count += 1) assert.notEqual(identifiers.allocate(), null);
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(7);
    assert.equal(identifiers.allocate(), 7);
  });

  it("begin anew when all are given up", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.clear();
    assert.equal(identifiers.allocate(), 1);
  });

  for (const protocolVersion of [4, 5]) {
    it(`are released by packets that MQTT ${protocolVersion} has`, () => {
      const released: unknown[] = [];
      const reader = parser({ protocolVersion });
      reader.on("packet", ({ cmd, messageId }) => released.push([cmd, messageId]));
      reader.parse(Buffer.from(releases(300)));
      const expected = Array.from({ length: 300 }, (_, index) => ["pubrel", index + 1]);
      assert.deepEqual(released, expected);
    });
  }
});
