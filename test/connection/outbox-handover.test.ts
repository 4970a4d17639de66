// What becomes of an outbox's events when a deploy replaces or removes its config node.
import { strict as assert } from "node:assert";
import { type Legacy, plainly } from "../../nodes/connection/outbox";
import { abandonLegacy, claimLegacy, parkLegacy } from "../../nodes/connection/outbox-handover";

const WHO = { projectMqtt: "p", userMqtt: "u" };

let configs = 0;
/** The id of a config node that no other test knows. */
const newId = () => `config-${++configs}`;

/** One event in memory, one on disk. */
function leftOver(): { legacy: Legacy; fates: (string | undefined)[] } {
  const fates: (string | undefined)[] = [];
  const done: Legacy["events"][number]["done"] = (error) => fates.push(error?.code);
  const events = [{ topic: "0/p/u/a", payload: "{}", qos: 1 as const, done, acceptedAt: 0 }];
  return { legacy: { events, awaited: new Map([[7, done]]) }, fates };
}

describe("outbox handover", () => {
  it("gives the successor all that was left", () => {
    const id = newId();
    const { legacy, fates } = leftOver();
    parkLegacy(id, WHO, legacy);
    assert.equal(claimLegacy(id, { ...WHO }, plainly), legacy);
    assert.deepEqual(fates, []);
  });

  it("gives it once", () => {
    const id = newId();
    parkLegacy(id, WHO, leftOver().legacy);
    claimLegacy(id, WHO, plainly);
    assert.equal(claimLegacy(id, WHO, plainly), undefined);
  });

  it("keeps those of different config nodes apart", () => {
    const [one, two] = [newId(), newId()];
    const { legacy } = leftOver();
    parkLegacy(one, WHO, legacy);
    assert.equal(claimLegacy(two, WHO, plainly), undefined);
    assert.equal(claimLegacy(one, WHO, plainly), legacy);
  });

  it("keeps nothing where nothing was left", () => {
    const id = newId();
    parkLegacy(id, WHO, { events: [], awaited: new Map() });
    assert.equal(claimLegacy(id, WHO, plainly), undefined);
  });

  for (const other of [
    { projectMqtt: "p", userMqtt: "v" },
    { projectMqtt: "q", userMqtt: "u" },
  ]) {
    it(`never gives one user's events to another: ${Object.values(other).join("/")}`, () => {
      const id = newId();
      const { legacy, fates } = leftOver();
      parkLegacy(id, WHO, legacy);
      assert.equal(claimLegacy(id, other, plainly), undefined);
      assert.deepEqual(fates, ["OUTBOX_DISCARDED", "OUTBOX_KEPT"]);
      assert.equal(claimLegacy(id, WHO, plainly), undefined);
    });
  }

  it("tells each event of a removed config node whether it is gone or kept on disk", () => {
    const { legacy, fates } = leftOver();
    abandonLegacy(legacy, plainly);
    assert.deepEqual(fates, ["OUTBOX_DISCARDED", "OUTBOX_KEPT"]);
  });
});
