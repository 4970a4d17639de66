// What the disk is told of events that have left: with the next write, and none is forgotten on the way.
import { equal, rejects } from "node:assert/strict";
import { ClassicLevel } from "classic-level";
import { EventStore } from "../../nodes/outbox/event-store";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const EVENTS = [1, 2, 3].map((sequence) => ({
  ...{ sequence, acceptedAt: 1_000, topic: "0/p/u/d", payload: String(sequence) },
  qos: 1 as const,
}));

describe("an event store", () => {
  const { batch } = ClassicLevel.prototype;
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
    ClassicLevel.prototype.batch = batch;
    await store.close();
    await removeFolder();
  });

  /** Has `before` called when the next write has begun, and before anything is written. */
  function inNextWrite(before: () => unknown): void {
    ClassicLevel.prototype.batch = async function (this: ClassicLevel, ...operations: unknown[]) {
      ClassicLevel.prototype.batch = batch;
      await before();
      await Reflect.apply(batch, this, operations);
    } as typeof batch;
  }

  async function found(): Promise<number> {
    await store.close();
    store = new EventStore(folder, WHO);
    await store.open();
    return store.count;
  }

  it("tells the disk with the next write of what has left", async () => {
    store.remove(1);
    await store.write();
    equal(await found(), 2);
  });

  it("tells it with the next but one of what left while a write was under way", async () => {
    // The ledger would tell of the first one.
    store.remove(3);
    inNextWrite(() => store.remove(2));
    await store.write();
    await store.write();
    equal(await found(), 1);
  });

  it("tells it again after a write that failed", async () => {
    store.remove(3);
    inNextWrite(() => Promise.reject(new Error("disk full")));
    await rejects(store.write(), /disk full/);
    await store.write();
    equal(await found(), 2);
  });

  it("does not wait for that to know that an event has left: it needs to be made sure of no more", () => {
    store.remove(2);
    equal(store.hasPresent(1, 1), true);
    equal(store.hasPresent(2, 2), false);
  });
});
