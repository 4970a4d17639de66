// At which QoS events go, after what a broker has said and shown.
import { strict as assert } from "node:assert";
import { OutgoingQoS } from "../../nodes/connection/outgoing-qos";

function event() {
  return { topic: "", payload: "", qos: 2, done: () => undefined, removed: false } as const;
}

/** What becomes of an event at QoS 2. */
function shown(qos: OutgoingQoS): "tried" | "missing" | "in doubt" {
  if (qos.of({ qos: 2 }, 2) === 2) return "tried";
  return qos.lowered({ qos: 2 }, 2) ? "missing" : "in doubt";
}

describe("the QoS of an event", () => {
  it("is what its node asks for, and no more than the broker says that it does", () => {
    const qos = new OutgoingQoS();
    for (const wanted of [0, 1, 2] as const) {
      for (const maximum of [0, 1, 2] as const) {
        const expected = Math.min(wanted, maximum);
        assert.equal(qos.of({ qos: wanted }, maximum), expected);
        const warning = qos.lowered({ qos: wanted }, maximum);
        const details = expected < wanted ? { wanted, qos: expected } : undefined;
        assert.deepEqual(warning?.details, details);
      }
    }
  });
});

describe("QoS 2", () => {
  it("is tried first", () => {
    const support = new OutgoingQoS();
    assert.equal(shown(support), "tried");
  });

  it("is missing for good where it is answered by PUBACK", () => {
    const support = new OutgoingQoS();
    support.answeredAtQoS1();
    assert.equal(shown(support), "missing");
  });

  it("is not tried while the event that a connection ended over is under way at QoS 1", () => {
    const support = new OutgoingQoS();
    const suspect = event();
    support.failed(suspect);
    assert.equal(shown(support), "in doubt");
    support.accepted(event(), 1);
    assert.equal(shown(support), "in doubt");
    support.accepted(suspect, 1);
    assert.equal(shown(support), "tried");
  });

  it("is missing when that has happened twice in a row", () => {
    const support = new OutgoingQoS();
    for (const suspect of [event(), event()]) {
      support.failed(suspect);
      support.accepted(suspect, 1);
    }
    assert.equal(shown(support), "missing");
  });

  it("is not missing if an exchange was completed in between", () => {
    const support = new OutgoingQoS();
    for (const suspect of [event(), event()]) {
      support.failed(suspect);
      support.accepted(suspect, 1);
      support.accepted(event(), 2);
    }
    assert.equal(shown(support), "tried");
  });

  it("is not to blame for an event that fails at QoS 1 as well", () => {
    const support = new OutgoingQoS();
    for (let time = 0; time < 5; time += 1) {
      const suspect = { ...event(), removed: false };
      support.failed(suspect);
      suspect.removed = true;
    }
    assert.equal(shown(support), "tried");
  });
});
