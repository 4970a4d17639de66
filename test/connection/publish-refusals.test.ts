// Which refusals of an MQTT 5 broker are for good, and how long events wait after the others.
import { strict as assert } from "node:assert";
import { PublishRefusals } from "../../nodes/connection/publish-refusals";
import { TIMING } from "../../nodes/connection/timing";
import type { Delivery } from "../../nodes/outbox/event";

function delivery(): Delivery {
  return { topic: "", payload: "", qos: 1, done: () => undefined, removed: false };
}

/** Whether each of so many refusals of one event is final. */
function verdicts(refusals: PublishRefusals, reasonCode: number, count: number): boolean[] {
  const refused = delivery();
  return Array.from({ length: count }, () => refusals.isFinal(refused, reasonCode));
}

describe("a refused event", () => {
  const forGood = {
    "not authorised": 0x87,
    "topic name invalid": 0x90,
    "payload format invalid": 0x99,
    "a reason that is not known": 0xee,
  };
  for (const [reason, code] of Object.entries(forGood)) {
    it(`is set aside at once: ${reason}`, () => {
      assert.deepEqual(verdicts(new PublishRefusals(TIMING), code, 1), [true]);
    });
  }

  for (const [reason, code] of Object.entries({
    unspecified: 0x80,
    "implementation specific": 0x83,
  })) {
    it(`is set aside at the third time: ${reason}`, () => {
      assert.deepEqual(verdicts(new PublishRefusals(TIMING), code, 3), [false, false, true]);
    });
  }

  for (const [reason, code] of Object.entries({
    "quota exceeded": 0x97,
    "identifier in use": 0x91,
  })) {
    it(`is never set aside: ${reason}`, () => {
      const refusals = new PublishRefusals(TIMING);
      assert.ok(verdicts(refusals, code, 100).every((final) => !final));
    });
  }

  it("is counted apart from the others", () => {
    const refusals = new PublishRefusals(TIMING);
    for (let count = 0; count < 10; count += 1) {
      assert.deepEqual(verdicts(refusals, 0x80, 2), [false, false]);
    }
  });
});

describe("the pause after a refusal", () => {
  it("doubles from one second to a minute", () => {
    const refusals = new PublishRefusals(TIMING);
    const seconds = Array.from({ length: 8 }, () => refusals.nextPause() / 1_000);
    assert.deepEqual(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
  });

  it("is one second again once an event was accepted", () => {
    const refusals = new PublishRefusals(TIMING);
    refusals.nextPause();
    refusals.nextPause();
    refusals.accepted();
    assert.equal(refusals.nextPause(), 1_000);
  });
});
