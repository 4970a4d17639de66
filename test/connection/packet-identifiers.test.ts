// Packet identifiers: each in use once, and not again soon.
import { strict as assert } from "node:assert";
import { parser } from "mqtt-packet";
import { PacketIdentifiers } from "../../nodes/connection/packet-identifiers";

const FIRST_OTHER = 32 + 32_768 + 1;

describe("packet identifiers", () => {
  it("count on, and one that is free again is used when all others have been", () => {
    const identifiers = new PacketIdentifiers();
    assert.deepEqual(
      [1, 2, 3].map(() => identifiers.allocate()),
      [FIRST_OTHER, FIRST_OTHER + 1, FIRST_OTHER + 2],
    );
    identifiers.deallocate(FIRST_OTHER + 1);
    for (let next = FIRST_OTHER + 3; next <= 65_535; next += 1) {
      assert.equal(identifiers.allocate(), next);
      identifiers.deallocate(next);
    }
    assert.equal(identifiers.allocate(), FIRST_OTHER + 1);
    assert.equal(identifiers.getLastAllocated(), FIRST_OTHER + 1);
  });

  it("of QoS 2 exchanges are 1 to 32, round and round, and no others", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.source = "exchanges";
    const numbers = Array.from({ length: 32 }, (_, index) => index + 1);
    assert.deepEqual(
      numbers.map(() => identifiers.allocate()),
      numbers,
    );
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(FIRST_OTHER);
    identifiers.deallocate(7);
    identifiers.deallocate(9);
    assert.equal(identifiers.allocate(), 7);
    identifiers.deallocate(7);
    assert.equal(identifiers.allocate(), 9);
    identifiers.source = "others";
    assert.equal(identifiers.allocate(), FIRST_OTHER + 1);
  });

  for (const [random, first, second] of [
    [0, 33, 34],
    [0.5, 33 + 16_384, 34 + 16_384],
    [1 - 1e-9, 32 + 32_768, 33],
  ] as const) {
    it(`of probes begin where chance wills and go round: ${first}, ${second}`, () => {
      const identifiers = new PacketIdentifiers(undefined, () => random);
      identifiers.source = "probes";
      assert.equal(identifiers.allocate(), first);
      assert.equal(identifiers.allocate(), second);
    });
  }

  it("of QoS 2 go on over the next connection where they were", () => {
    const identifiers = new PacketIdentifiers(undefined, () => 0);
    identifiers.source = "exchanges";
    for (let event = 0; event < 3; event += 1) identifiers.allocate();
    identifiers.source = "probes";
    identifiers.allocate();
    identifiers.clear();
    const next = new PacketIdentifiers(identifiers);
    next.source = "exchanges";
    assert.equal(next.allocate(), 4);
    next.source = "probes";
    assert.equal(next.allocate(), 34);
  });

  it("end at 65,535, until one is free again", () => {
    const identifiers = new PacketIdentifiers();
    for (let next = FIRST_OTHER; next <= 65_535; next += 1) {
      assert.equal(identifiers.allocate(), next);
    }
    assert.equal(identifiers.allocate(), null);
    identifiers.deallocate(40_000);
    assert.equal(identifiers.allocate(), 40_000);
  });

  it("begin anew when all are given up", () => {
    const identifiers = new PacketIdentifiers();
    identifiers.allocate();
    identifiers.clear();
    assert.equal(identifiers.allocate(), FIRST_OTHER);
  });

  for (const protocolVersion of [4, 5]) {
    it(`are released, oldest first, by packets that MQTT ${protocolVersion} has`, () => {
      const released: unknown[] = [];
      const reader = parser({ protocolVersion });
      reader.on("packet", ({ cmd, messageId }) => released.push([cmd, messageId]));
      const before = new PacketIdentifiers(undefined, () => 0.25);
      before.source = "probes";
      const [done = 0, left = 0] = [before.allocate() ?? 0, before.allocate() ?? 0];
      before.completed(done);
      before.source = "exchanges";
      for (let event = 0; event < 30; event += 1) before.allocate();
      const identifiers = new PacketIdentifiers(before);
      identifiers.source = "probes";
      const underWay = identifiers.allocate() ?? 0;

      reader.parse(Buffer.from(identifiers.releases(underWay)));

      const exchanges = [31, 32, ...Array.from({ length: 30 }, (_, index) => index + 1)];
      const expected = [left, ...exchanges].map((identifier) => ["pubrel", identifier]);
      assert.deepEqual(released, expected);
    });
  }
});
