// What the disk is told of events that leave the queue: none is forgotten on the way, or in two places.
import { deepEqual, equal, rejects } from "node:assert/strict";
import { EventStore } from "../../nodes/outbox/event-store";
import { LogSync } from "../../nodes/outbox/log-sync";
import { M1Error } from "../../nodes/protocol/errors";
import { restoreWrites, write, writeBy } from "../support/disk-writing";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const EVENTS = [1, 2, 3].map((sequence) => ({
  ...{ sequence, acceptedAt: 1_000, topic: "0/p/u/d", payload: String(sequence) },
  qos: 1 as const,
}));

describe("an event store", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;
  let store: EventStore;
  beforeEach(async () => {
    ({ folder, remove: removeFolder } = await temporaryFolder());
    store = new EventStore(folder, WHO);
    await store.open();
    await store.write({ add: EVENTS });
  });
  afterEach(async () => {
    restoreWrites();
    await store.close();
    await removeFolder();
  });

  /** Has `before` called when the next write has begun, and before anything is written. */
  function inNextWrite(before: () => unknown): void {
    writeBy(async function (...operations) {
      restoreWrites();
      await before();
      await write.apply(this, operations);
    });
  }

  /** How many events are in the queue, and how many in quarantine. */
  async function found(): Promise<[number, number]> {
    await store.close();
    store = new EventStore(folder, WHO);
    await store.open();
    return [store.count, store.quarantine.count];
  }

  function setAside(index: number): Promise<void> {
    const event = EVENTS[index];
    if (!event) throw new RangeError(`there is no event ${index}`);
    return store.setAside(event, new M1Error("EVENT_HANGS_UP", { times: 3 }));
  }

  it("tells the disk with the next write of what has left", async () => {
    store.remove(1);
    await store.write();
    deepEqual(await found(), [2, 0]);
  });

  it("tells it with the next but one of what left while a write was under way", async () => {
    // The ledger would tell of the first one.
    store.remove(3);
    inNextWrite(() => store.remove(2));
    await store.write();
    await store.write();
    deepEqual(await found(), [1, 0]);
  });

  it("tells it again after a write that failed", async () => {
    store.remove(3);
    inNextWrite(() => Promise.reject(new Error("disk full")));
    await rejects(store.write(), /disk full/);
    await store.write();
    deepEqual(await found(), [2, 0]);
  });

  it("moves an event into quarantine, and what leaves meanwhile is told with the next write", async () => {
    inNextWrite(() => store.remove(2));
    await setAside(2);
    equal(store.hasPresent(3, 3), false);
    await store.write();
    deepEqual(await found(), [1, 1]);
  });

  it("leaves an event in the queue that it could not move, whatever it writes then", async () => {
    inNextWrite(() => Promise.reject(new Error("disk full")));
    await rejects(setAside(2), /disk full/);
    store.remove(2);
    await store.write();
    deepEqual(await found(), [2, 0]);
  });

  it("makes sure of what it has written before the ledger tells of it, although all has left", async () => {
    const { sync } = LogSync.prototype;
    let syncs = 0;
    LogSync.prototype.sync = async function () {
      syncs += 1;
      await sync.call(this);
    };
    try {
      for (const { sequence } of EVENTS) store.remove(sequence);
      await store.settle();
    } finally {
      LogSync.prototype.sync = sync;
    }
    equal(syncs, 1);
  });

  it("does not wait for that to know that an event has left: it needs to be made sure of no more", () => {
    store.remove(2);
    equal(store.hasPresent(1, 1), true);
    equal(store.hasPresent(2, 2), false);
  });
});
