// What becomes of an outbox's events when a deploy replaces or removes its config node.
import { strict as assert } from "node:assert";
import { type Handover, queuedEvent } from "../../nodes/outbox/event";
import { claimHandover, discardHandover, leaveHandover } from "../../nodes/outbox/handover";

const WHO = { projectMqtt: "p", userMqtt: "u" };

let configs = 0;
/** The id of a config node that no other test knows. */
const newId = () => `config-${++configs}`;

/** One event in memory, one on disk. */
function leftOver(): { handover: Handover; fates: (string | undefined)[] } {
  const fates: (string | undefined)[] = [];
  const done: Handover["events"][number]["done"] = (error) => fates.push(error?.code);
  const events = [queuedEvent({ topic: "0/p/u/a", payload: "{}", qos: 1, done }, 0)];
  return { handover: { events, callbacks: new Map([[7, done]]) }, fates };
}

describe("outbox handover", () => {
  it("gives the successor all that was left", () => {
    const id = newId();
    const { handover, fates } = leftOver();
    leaveHandover(id, WHO, handover);
    assert.equal(claimHandover(id, { ...WHO }), handover);
    assert.deepEqual(fates, []);
  });

  it("gives it once", () => {
    const id = newId();
    leaveHandover(id, WHO, leftOver().handover);
    claimHandover(id, WHO);
    assert.equal(claimHandover(id, WHO), undefined);
  });

  it("keeps those of different config nodes apart", () => {
    const [one, two] = [newId(), newId()];
    const { handover } = leftOver();
    leaveHandover(one, WHO, handover);
    assert.equal(claimHandover(two, WHO), undefined);
    assert.equal(claimHandover(one, WHO), handover);
  });

  it("keeps nothing where nothing was left", () => {
    const id = newId();
    leaveHandover(id, WHO, { events: [], callbacks: new Map() });
    assert.equal(claimHandover(id, WHO), undefined);
  });

  for (const other of [
    { projectMqtt: "p", userMqtt: "v" },
    { projectMqtt: "q", userMqtt: "u" },
  ]) {
    it(`never gives one user's events to another: ${Object.values(other).join("/")}`, () => {
      const id = newId();
      const { handover, fates } = leftOver();
      leaveHandover(id, WHO, handover);
      assert.equal(claimHandover(id, other), undefined);
      assert.deepEqual(fates, ["OUTBOX_DISCARDED", "OUTBOX_KEPT"]);
      assert.equal(claimHandover(id, WHO), undefined);
    });
  }

  it("tells each event of a removed config node whether it is gone or kept on disk", () => {
    const { handover, fates } = leftOver();
    discardHandover(handover);
    assert.deepEqual(fates, ["OUTBOX_DISCARDED", "OUTBOX_KEPT"]);
  });
});
