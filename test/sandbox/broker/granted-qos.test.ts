// Which filters match a topic, and what QoS they grant to it.
import { strict as assert } from "node:assert";
import type { QoS } from "../../../nodes/protocol/settings";
import { grantedQos } from "../../../sandbox/broker/granted-qos";

describe("sandbox: the QoS granted to a topic", () => {
  const matching: [filter: string, topic: string][] = [
    ["1/p/u/d/event", "1/p/u/d/event"],
    ["1/p/u/+/event", "1/p/u/d/event"],
    ["1/p/u/#", "1/p/u/d/event"],
    ["1/p/u/d/event/#", "1/p/u/d/event"],
    ["1/p/u/+/event", "1/p/u//event"],
  ];
  for (const [filter, topic] of matching) {
    it(`of ${topic} is that of ${filter}`, () => {
      assert.equal(grantedQos(new Map([[filter, 0]]), topic), 0);
    });
  }

  const other: [filter: string, topic: string][] = [
    ["1/p/u/d/event", "1/p/u/d/event/x"],
    ["1/p/u/d/event", "1/p/u/d"],
    ["1/p/u/+", "1/p/u/d/event"],
    ["1/p/u/e/#", "1/p/u/d/event"],
  ];
  for (const [filter, topic] of other) {
    it(`of ${topic} is not that of ${filter}`, () => {
      assert.equal(grantedQos(new Map([[filter, 0]]), topic), 2);
    });
  }

  it("is the greatest of all that match", () => {
    const subscriptions = new Map<string, QoS>([
      ["1/p/u/#", 0],
      ["1/p/u/d/#", 1],
      ["1/p/u/e/#", 2],
    ]);
    assert.equal(grantedQos(subscriptions, "1/p/u/d/event"), 1);
  });
});
