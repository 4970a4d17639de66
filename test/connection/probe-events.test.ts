// What is sent once more to see whether a broker takes any events.
import { strict as assert } from "node:assert";
import { ProbeEvents } from "../../nodes/connection/probe-events";

function taken(...events: readonly (readonly [topic: string, payload: string])[]): ProbeEvents {
  const probes = new ProbeEvents();
  for (const [topic, payload] of events) probes.taken({ topic, payload });
  return probes;
}

describe("a probe", () => {
  it("is the event that the broker took last", () => {
    const probes = taken(["a", "1"], ["b", "2"], ["b", "3"]);

    assert.deepEqual(probes.against("c"), { topic: "b", payload: "3" });
  });

  it("is on another topic than the event under suspicion, if the broker has taken one there", () => {
    const probes = taken(["a", "1"], ["b", "2"], ["b", "3"]);

    assert.deepEqual(probes.against("b"), { topic: "a", payload: "1" });
    assert.deepEqual(taken(["a", "1"], ["b", "2"], ["a", "3"]).against("a"), {
      topic: "b",
      payload: "2",
    });
  });

  it("is on the same topic rather than none", () => {
    assert.deepEqual(taken(["a", "1"], ["a", "2"]).against("a"), { topic: "a", payload: "2" });
  });

  it("is none where the broker has taken nothing", () => {
    assert.equal(taken().against("a"), undefined);
  });

  it("is none any more after sixty connections in a row that ended over one", () => {
    const probes = taken(["a", "1"], ["b", "2"]);
    for (let time = 1; time < 60; time += 1) probes.failed();
    assert.notEqual(probes.against("c"), undefined);
    probes.answered();
    for (let time = 1; time < 60; time += 1) probes.failed();
    assert.notEqual(probes.against("c"), undefined);

    probes.failed();

    assert.equal(probes.against("c"), undefined);
    assert.equal(probes.against("b"), undefined);
    probes.taken({ topic: "d", payload: "4" });
    assert.deepEqual(probes.against("c"), { topic: "d", payload: "4" });
  });
});
