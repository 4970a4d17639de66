// When written events are made sure of, and when that can be left out.
import assert from "node:assert/strict";
import { type CommitOwner, GroupCommit } from "../../nodes/outbox/group-commit";

/** Milliseconds between two looks. */
const INTERVAL = 5;

class Store implements CommitOwner {
  newest = 0;
  watermark = 1;
  commits = 0;
  isQuarantineUnsafe = false;
  #committed: () => void = () => undefined;

  hasPresent(first: number, last: number): boolean {
    return last >= Math.max(first, this.watermark);
  }

  async commit(): Promise<void> {
    this.commits += 1;
    this.#committed();
  }

  next(): Promise<void> {
    return new Promise((resolve) => {
      // What comes of a commit is noted right after it.
      this.#committed = () => setImmediate(resolve);
    });
  }
}

describe("group commits", () => {
  let store: Store;
  let commits: GroupCommit;
  beforeEach(() => {
    store = new Store();
    commits = new GroupCommit(store, INTERVAL);
  });
  afterEach(() => commits.stop());

  /** Looks have been made meanwhile: timers of one duration end in the order in which they began. */
  async function looks(count: number): Promise<void> {
    for (let look = 0; look < count; look += 1) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
    }
  }

  it("make sure of an event that has not left", async () => {
    store.newest = 1;
    commits.written();

    await store.next();
  });

  it("leave out events that leave soon, however many come", async () => {
    for (let number = 1; number <= 40; number += 1) {
      store.newest = number;
      store.watermark = number + 1;
      commits.written();
      await looks(1);
    }

    assert.equal(store.commits, 0);
  });

  it("make sure of what went into quarantine, though no event is left", async () => {
    store.isQuarantineUnsafe = true;
    commits.written();

    await store.next();
  });

  it("come once more when events that were safe have left, and not again", async () => {
    store.newest = 100;
    commits.written();
    await store.next();
    store.watermark = 101;
    commits.written();
    assert.equal(commits.wouldRepeat, true);

    await store.next();
    assert.equal(commits.wouldRepeat, false);
    await looks(30);

    assert.equal(store.commits, 2);
  });
});
