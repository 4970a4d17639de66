// What a broker has shown of QoS 2, by its answers and by how connections ended.
import { strict as assert } from "node:assert";
import { QoS2Support } from "../../nodes/connection/qos-2-support";

function event() {
  return { topic: "", payload: "", qos: 2, done: () => undefined, removed: false } as const;
}

describe("QoS 2", () => {
  it("is tried first", () => {
    const support = new QoS2Support();
    assert.deepEqual([support.isTried, support.isMissing], [true, false]);
  });

  it("is missing for good where it is answered by PUBACK", () => {
    const support = new QoS2Support();
    support.answeredAtQoS1();
    assert.deepEqual([support.isTried, support.isMissing], [false, true]);
  });

  it("is not tried while the event that a connection ended over is under way at QoS 1", () => {
    const support = new QoS2Support();
    const suspect = event();
    support.failed(suspect);
    assert.deepEqual([support.isTried, support.isMissing], [false, false]);
    support.acknowledgedAtQoS1(event());
    assert.equal(support.isTried, false);
    support.acknowledgedAtQoS1(suspect);
    assert.deepEqual([support.isTried, support.isMissing], [true, false]);
  });

  it("is missing when that has happened twice in a row", () => {
    const support = new QoS2Support();
    for (const suspect of [event(), event()]) {
      support.failed(suspect);
      support.acknowledgedAtQoS1(suspect);
    }
    assert.deepEqual([support.isTried, support.isMissing], [false, true]);
  });

  it("is not missing if an exchange was completed in between", () => {
    const support = new QoS2Support();
    for (const suspect of [event(), event()]) {
      support.failed(suspect);
      support.acknowledgedAtQoS1(suspect);
      support.completed();
    }
    assert.deepEqual([support.isTried, support.isMissing], [true, false]);
  });

  it("is not to blame for an event that fails at QoS 1 as well", () => {
    const support = new QoS2Support();
    for (let time = 0; time < 5; time += 1) {
      const suspect = { ...event(), removed: false };
      support.failed(suspect);
      suspect.removed = true;
    }
    assert.deepEqual([support.isTried, support.isMissing], [true, false]);
  });
});
