// What becomes of an outbox when a deploy replaces its config node.
import { strict as assert } from "node:assert";
import { MemoryOutbox } from "../../nodes/connection/outbox";
import { claimOutbox, discardOutbox, parkOutbox } from "../../nodes/connection/outbox-handover";
import type { M1Error } from "../../nodes/protocol/errors";

const WHO = { projectMqtt: "p", userMqtt: "u" };

let configs = 0;
/** The id of a config node that no other test knows. */
const newId = () => `config-${++configs}`;

function filledOutbox(): { outbox: MemoryOutbox; fates: (M1Error | undefined)[] } {
  const fates: (M1Error | undefined)[] = [];
  const outbox = new MemoryOutbox({ limit: 10, full: "reject", maxAge: Number.POSITIVE_INFINITY });
  for (const topic of ["0/p/u/a", "0/p/u/b"]) {
    outbox.add({ topic, payload: "{}", qos: 1, done: (error) => fates.push(error) });
  }
  return { outbox, fates };
}

describe("outbox handover", () => {
  it("gives the successor the outbox with all that waits in it", () => {
    const id = newId();
    const { outbox, fates } = filledOutbox();
    parkOutbox(id, WHO, outbox);
    assert.equal(claimOutbox(id, { ...WHO }), outbox);
    assert.equal(outbox.size, 2);
    assert.deepEqual(fates, []);
  });

  it("gives it once", () => {
    const id = newId();
    parkOutbox(id, WHO, filledOutbox().outbox);
    claimOutbox(id, WHO);
    assert.equal(claimOutbox(id, WHO), undefined);
  });

  it("keeps those of different config nodes apart", () => {
    const [one, two] = [newId(), newId()];
    const { outbox } = filledOutbox();
    parkOutbox(one, WHO, outbox);
    assert.equal(claimOutbox(two, WHO), undefined);
    assert.equal(claimOutbox(one, WHO), outbox);
  });

  it("keeps no empty outbox", () => {
    const id = newId();
    const policy = { limit: 10, full: "reject", maxAge: Number.POSITIVE_INFINITY } as const;
    parkOutbox(id, WHO, new MemoryOutbox(policy));
    assert.equal(claimOutbox(id, WHO), undefined);
  });

  for (const other of [
    { projectMqtt: "p", userMqtt: "v" },
    { projectMqtt: "q", userMqtt: "u" },
  ]) {
    it(`never gives one user's events to another: ${Object.values(other).join("/")}`, () => {
      const id = newId();
      const { outbox, fates } = filledOutbox();
      parkOutbox(id, WHO, outbox);
      assert.equal(claimOutbox(id, other), undefined);
      assert.deepEqual(
        fates.map((error) => error?.code),
        ["OUTBOX_DISCARDED", "OUTBOX_DISCARDED"],
      );
      assert.equal(claimOutbox(id, WHO), undefined);
    });
  }

  it("tells every event that is discarded with its config node", () => {
    const { outbox, fates } = filledOutbox();
    discardOutbox(outbox);
    assert.deepEqual(
      fates.map((error) => error?.code),
      ["OUTBOX_DISCARDED", "OUTBOX_DISCARDED"],
    );
    assert.equal(outbox.size, 0);
  });
});
