// Who looks at an outbox sees what is in it, in order, and changes nothing; who empties it empties all that waits.
import assert from "node:assert/strict";
import path from "node:path";
import type { Handover, OutgoingEvent } from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox, type OutboxPolicy } from "../../nodes/outbox/outbox";
import { M1Error } from "../../nodes/protocol/errors";
import { Machine } from "../support/machine";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const UNLIMITED: OutboxPolicy = {
  limit: 1_000_000,
  full: "reject",
  bytes: Number.POSITIVE_INFINITY,
  maxAge: Number.POSITIVE_INFINITY,
};
/** More than a queue on disk keeps in memory. */
const MANY = 9_000;

function event(payload: number, done: OutgoingEvent["done"] = () => undefined): OutgoingEvent {
  return { topic: "0/p/u/d", payload: String(payload), qos: 1, done };
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

for (const place of ["memory", "disk"] as const) {
  describe(`an outbox ${place === "disk" ? "on disk" : "in memory"}, looked at`, () => {
    let folder: string;
    let remove: () => Promise<void>;
    let outbox: Outbox;

    beforeEach(async () => {
      const temporary = await temporaryFolder();
      remove = temporary.remove;
      folder = path.join(temporary.folder, "c1");
      outbox = open();
    });
    afterEach(async () => {
      await outbox.close();
      await remove();
    });

    function open(handover?: Handover): Outbox {
      const store = place === "disk" ? new EventStore(folder, WHO) : undefined;
      return new Outbox(UNLIMITED, { store, handover });
    }

    /** All that there is to see, a part at a time. */
    async function seen(limit = 700): Promise<number[]> {
      const found: number[] = [];
      let shown = await outbox.look(limit);
      for (;;) {
        found.push(...shown.events.map(({ payload }) => Number(payload)));
        if (!shown.next) return found;
        shown = await outbox.look(limit, shown.next);
      }
    }

    /** Resolves when an event can be given out. */
    async function ready(): Promise<void> {
      while (!outbox.next()) {
        await new Promise<void>((resolve) => {
          outbox.onReady = resolve;
        });
      }
      outbox.putBack();
    }

    it("shows nothing where nothing waits", async () => {
      assert.deepEqual(await outbox.look(10), { events: [] });
    });

    it(`shows ${MANY} events in order, and each of them once`, async () => {
      for (const n of numbers(1, MANY)) outbox.add(event(n));
      await ready();
      assert.deepEqual(await seen(), numbers(1, MANY));
    });

    it("shows what is not written yet, too", async () => {
      for (const n of numbers(1, 5)) outbox.add(event(n));
      assert.deepEqual(await seen(2), numbers(1, 5));
    });

    it("goes on behind any event", async () => {
      for (const n of numbers(1, 10)) outbox.add(event(n));
      await ready();
      const { events } = await outbox.look(10);
      const { events: rest } = await outbox.look(10, events[3]?.place);
      assert.deepEqual(
        rest.map(({ payload }) => Number(payload)),
        numbers(5, 10),
      );
    });

    it("shows what is in flight, and not what has left", async () => {
      for (const n of numbers(1, 4)) outbox.add(event(n));
      await ready();
      const [first, second] = [outbox.next(), outbox.next()];
      assert.ok(first && second);
      outbox.acknowledge(first);
      assert.deepEqual(await seen(), numbers(2, 4));
    });

    it("changes nothing: all are given out afterwards", async () => {
      for (const n of numbers(1, MANY)) outbox.add(event(n));
      await ready();
      await seen();
      const sent: number[] = [];
      while (outbox.size > 0) {
        const delivery = outbox.next();
        if (!delivery) {
          await ready();
          continue;
        }
        sent.push(Number(delivery.payload));
        outbox.acknowledge(delivery);
      }
      assert.deepEqual(sent, numbers(1, MANY));
    });

    it(`is emptied of ${MANY} events, each told who did it, and comes back empty`, async () => {
      const told: (string | undefined)[] = [];
      for (const n of numbers(1, MANY)) outbox.add(event(n, (error) => told.push(error?.message)));
      await ready();

      assert.equal(await outbox.empty(new M1Error("OUTBOX_EMPTIED", { value: "ann" })), MANY);

      assert.deepEqual(new Set(told), new Set(["Not sent: ann deleted the event from the outbox"]));
      assert.equal(told.length, MANY);
      assert.deepEqual([outbox.size, Math.round(outbox.bytes), await seen()], [0, 0, []]);
      await outbox.close();
      outbox = open();
      assert.deepEqual(await seen(), []);
      assert.equal(outbox.size, 0);
    });

    it("keeps what is in flight and what comes while it is emptied", async () => {
      const told: number[] = [];
      for (const n of numbers(1, MANY)) outbox.add(event(n, () => told.push(n)));
      await ready();
      const inFlight = [outbox.next(), outbox.next()];

      const emptied = outbox.empty(new M1Error("OUTBOX_EMPTIED", { value: "ann" }));
      outbox.add(event(MANY + 1));

      assert.equal(await emptied, MANY - 2);
      assert.deepEqual(told, numbers(3, MANY));
      assert.deepEqual(await seen(), [1, 2, MANY + 1]);
      for (const delivery of inFlight) if (delivery) outbox.acknowledge(delivery);
      assert.equal(outbox.size, 1);
    });

    it("keeps all that come while it is emptied, though it drains meanwhile", async () => {
      const left = new Map<number, string>();
      const note = (n: number) => (error?: M1Error) => left.set(n, error?.code ?? "delivered");
      for (const n of numbers(1, MANY)) outbox.add(event(n, note(n)));
      await ready();
      const emptied = outbox.empty(new M1Error("OUTBOX_EMPTIED", { value: "ann" }));
      let next = MANY;
      let isOver = false;
      void emptied.then(() => {
        isOver = true;
      });
      while (!isOver) {
        for (let sent = 0; sent < 400; sent += 1) {
          const delivery = outbox.next();
          if (delivery) outbox.acknowledge(delivery);
        }
        for (const n of numbers(next + 1, next + 400)) outbox.add(event(n, note(n)));
        next += 400;
        await new Promise(setImmediate);
      }
      const ends = (code: string) => [...left].filter(([, end]) => end === code).map(([n]) => n);
      assert.equal(await emptied, ends("OUTBOX_EMPTIED").length);
      assert.ok(Math.max(...ends("OUTBOX_EMPTIED")) <= MANY);
      assert.ok(ends("delivered").length > 0);
      assert.equal(outbox.size, next - left.size);
    });

    it("that is closed while it is emptied leaves the rest whole to its successor", async () => {
      const left: number[] = [];
      for (const n of numbers(1, MANY)) outbox.add(event(n, () => left.push(n)));
      await ready();
      const emptied = outbox.empty(new M1Error("OUTBOX_EMPTIED", { value: "ann" }));
      const [handover, count] = await Promise.all([outbox.close(), emptied]);
      assert.ok(count < MANY);
      assert.equal(left.length, count);
      outbox = open(handover);
      const there = await seen();
      assert.deepEqual(there, numbers(count + 1, MANY));
      assert.equal(outbox.size, there.length);
    });

    it("refuses to be looked at once it is closed, if it lies on disk", async () => {
      for (const n of numbers(1, MANY)) outbox.add(event(n));
      await ready();
      const looks = Promise.allSettled(numbers(1, 20).map(() => seen(100)));
      const closed = outbox.close();
      const [ends] = await Promise.all([looks, closed]);
      const reasons = ends.map((end) => (end.status === "rejected" ? end.reason.code : "seen"));
      const expected = place === "disk" ? "OUTBOX_CLOSED" : "seen";
      assert.deepEqual(new Set(reasons), new Set([expected]));
    });

    it("goes on where it was, though others leave meanwhile", async () => {
      for (const n of numbers(1, 20)) outbox.add(event(n));
      await ready();
      const first = await outbox.look(10);
      for (let sent = 0; sent < 8; sent += 1) {
        const delivery = outbox.next();
        if (delivery) outbox.acknowledge(delivery);
      }
      const rest = await outbox.look(10, first.next);
      const events = [...first.events, ...(first.next ? rest.events : [])];
      assert.deepEqual(
        events.map(({ payload }) => Number(payload)),
        numbers(1, 20),
      );
    });

    it("counts how many come and leave, by the second", async () => {
      const { setTimeout: pause } = await import("node:timers/promises");
      for (const n of numbers(1, 3)) outbox.add(event(n));
      await ready();
      const delivery = outbox.next();
      if (delivery) outbox.acknowledge(delivery);
      const sum = (counts: readonly number[]) => counts.reduce((all, count) => all + count, 0);
      // A second has to pass.
      while (sum(outbox.rates.out.perSecond) === 0) await pause(20);
      assert.deepEqual([sum(outbox.rates.in.perSecond), sum(outbox.rates.out.perSecond)], [3, 1]);
    });
  });
}

describe("an outbox in memory, looked at a part at a time", () => {
  it("leaves others their turn, however many parts are looked at", async () => {
    const outbox = new Outbox(UNLIMITED);
    for (const n of numbers(1, 50)) outbox.add(event(n));
    let turns = 0;
    let isOver = false;
    const count = () => {
      turns += 1;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    let shown = await outbox.look(1);
    while (shown.next) shown = await outbox.look(1, shown.next);
    isOver = true;
    assert.ok(turns >= 50, `${turns}`);
  });
});

describe("an outbox whose disk takes nothing new, looked at", () => {
  it("shows what is on disk and what is in memory behind it, each once, as it drains", async () => {
    const { folder, remove } = await temporaryFolder();
    const outboxOf = (storesNew: boolean) =>
      new Outbox(UNLIMITED, { store: new EventStore(path.join(folder, "c1"), WHO), storesNew });
    const earlier = outboxOf(true);
    for (const n of numbers(1, MANY)) earlier.add(event(n));
    await earlier.close();
    const outbox = outboxOf(false);
    for (const n of numbers(MANY + 1, 2 * MANY)) outbox.add(event(n));

    const shown: number[] = [];
    let part = await outbox.look(700);
    for (;;) {
      shown.push(...part.events.map(({ payload }) => Number(payload)));
      if (!part.next) break;
      for (let sent = 0; sent < 500; sent += 1) {
        const delivery = outbox.next();
        if (delivery) outbox.acknowledge(delivery);
      }
      part = await outbox.look(700, part.next);
    }

    assert.deepEqual(shown, numbers(1, 2 * MANY));
    await outbox.close();
    await remove();
  });
});

describe("an outbox on disk that has just been opened", () => {
  let folder: string;
  let remove: () => Promise<void>;
  let outbox: Outbox;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    folder = path.join(temporary.folder, "c1");
    const earlier = new Outbox(UNLIMITED, { store: new EventStore(folder, WHO) });
    for (const n of numbers(1, MANY)) earlier.add(event(n));
    await earlier.close();
  });
  afterEach(async () => {
    await outbox.close();
    await remove();
  });

  function open(storesNew: boolean): Outbox {
    return new Outbox(UNLIMITED, { store: new EventStore(folder, WHO), storesNew });
  }

  it("shows nothing of what a bad disk has changed, and the rest", async () => {
    const { ClassicLevel } = await import("classic-level");
    const db = new ClassicLevel(folder);
    const [key = ""] = await db.keys({ gte: "events/", lt: "events0" }).all();
    await db.put(key, String(await db.get(key)).replace("0/p/u/d", "0/p/u/e"));
    await db.close();
    outbox = open(true);
    const shown: string[] = [];
    let part = await outbox.look(700);
    for (;;) {
      shown.push(...part.events.map(({ topic }) => topic));
      if (!part.next) break;
      part = await outbox.look(700, part.next);
    }
    assert.deepEqual(new Set(shown), new Set(["0/p/u/d"]));
    assert.ok(shown.length > 0 && shown.length < MANY, `${shown.length}`);
  });

  it("is emptied of what an earlier process has left", async () => {
    outbox = open(true);
    assert.equal(await outbox.empty(new M1Error("OUTBOX_EMPTIED", { value: "ann" })), MANY);
  });

  it("tells what is to be done once it is safe, though the broker is away and the disk takes nothing new", async () => {
    outbox = open(false);
    const told = (n: number) =>
      new Promise<M1Error | undefined>((resolve) => {
        outbox.add({ ...event(n, resolve), isDoneWhenStored: true });
      });
    const early = told(MANY + 1);
    assert.equal(await early, undefined);
    assert.equal(await told(MANY + 2), undefined);
    assert.equal(outbox.size, MANY + 2);
  });
});

describe("an outbox on disk, looked at after the clock was set", () => {
  it("shows the times at which events were accepted, by the clock as it is now", async () => {
    const { folder, remove } = await temporaryFolder();
    const machine = new Machine("1970-01-01T00:00:10Z");
    const clock = machine.startProcess();
    const store = new EventStore(path.join(folder, "c1"), WHO);
    const outbox = new Outbox(UNLIMITED, { store, clock });
    const written = new Promise<void>((resolve) => {
      outbox.onReady = resolve;
    });
    const payload = '{"event_data":{},"observed_at":"1970-01-01T00:00:10.000000Z"}';
    outbox.add({ ...event(1), payload, stampedIn: clock.era });
    await written;
    machine.setClock("2026-03-04T05:06:07Z");
    clock.now();

    const { events } = await outbox.look(1);

    const off = Math.abs((events[0]?.acceptedAt ?? 0) - Date.parse("2026-03-04T05:06:07Z"));
    assert.ok(off < 1_000, `${off} ms`);
    assert.match(events[0]?.payload ?? "", /"observed_at":"2026-03-04T05:06:0/);
    await outbox.close();
    await remove();
  });
});
