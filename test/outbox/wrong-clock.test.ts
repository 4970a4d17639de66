// What becomes of waiting events on a machine whose clock is wrong, and is set.
import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import path from "node:path";
import { ClassicLevel } from "classic-level";
import type { Clock } from "../../nodes/outbox/clock";
import type { Delivery, Handover, OutgoingEvent } from "../../nodes/outbox/event";
import { type Changes, EventStore } from "../../nodes/outbox/event-store";
import { Outbox, type OutboxOptions } from "../../nodes/outbox/outbox";
import { unseal } from "../../nodes/outbox/seal";
import { encodeEvent } from "../../nodes/protocol/event";
import { timestamp } from "../../nodes/protocol/timestamp";
import { Machine } from "../support/machine";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** More than a queue on disk keeps in memory. */
const BACKLOG = 9_000;
const TODAY = "2026-03-04T05:06:07.000Z";
const AT_BOOT = "1970-01-01T00:00:10.000Z";

describe("on a machine whose clock is set", () => {
  let machine: Machine;
  let folder: string;
  let removeFolder: () => Promise<void>;
  const open = new Set<Outbox>();
  const stores = new Map<Outbox, WatchedStore>();

  beforeEach(async () => {
    machine = new Machine(AT_BOOT);
    const temporary = await temporaryFolder();
    folder = path.join(temporary.folder, "m1-outbox", "c1");
    removeFolder = temporary.remove;
  });

  afterEach(async () => {
    for (const outbox of open) await outbox.close();
    open.clear();
    stores.clear();
    await removeFolder();
  });

  interface Place extends OutboxOptions {
    readonly maxAge?: number;
  }

  function inMemory(clock: Clock, { maxAge = Number.POSITIVE_INFINITY, ...more }: Place = {}) {
    const outbox = new Outbox(
      { limit: 1_000_000, full: "reject", bytes: Number.POSITIVE_INFINITY, maxAge },
      { clock, ...more },
    );
    open.add(outbox);
    return outbox;
  }

  function onDisk(clock: Clock, options: Place = {}): Outbox {
    const store = new WatchedStore(folder, WHO);
    const outbox = inMemory(clock, { store, ...options });
    stores.set(outbox, store);
    return outbox;
  }

  function add(outbox: Outbox, event: OutgoingEvent): void {
    outbox.add(event);
    const store = stores.get(outbox);
    if (store) store.added += 1;
  }

  /** All that was added, if the outbox is on disk. */
  async function written(outbox: Outbox): Promise<void> {
    await stores.get(outbox)?.written();
  }

  function close(outbox: Outbox): Promise<Handover> {
    open.delete(outbox);
    return outbox.close();
  }

  /** Stamped on arrival, which is now. */
  function stamped(n: number, clock: Clock): OutgoingEvent {
    clock.now();
    return { ...stating(n, timestamp(machine.wall)), stampedIn: clock.era };
  }

  /** With a time of its own. */
  function stating(n: number, observedAt: string | undefined): OutgoingEvent {
    const payload = encodeEvent({ eventData: { n } }, { observedAt });
    return { topic: "0/p/u/d", payload, qos: 1, done: () => undefined };
  }

  /** From one number to another, a millisecond apart. */
  function addAll(outbox: Outbox, clock: Clock, from: number, to: number): void {
    for (let n = from; n <= to; n += 1) {
      add(outbox, stamped(n, clock));
      machine.wait(1);
    }
  }

  /** How far each event's time is from the one that `trueTime` tells of its number, in milliseconds. */
  function errors(sent: readonly Sent[], trueTime: (n: number) => number): number[] {
    return sent.map(({ n, observedAt }) => observedAt - trueTime(n));
  }

  function assertRight(sent: readonly Sent[], trueTime: (n: number) => number): void {
    const wrong = errors(sent, trueTime).filter((error) => error > 0 || error < -8);
    assert.deepEqual(wrong, []);
  }

  for (const kind of ["in memory", "on disk"] as const) {
    const make = (clock: Clock, options?: Place) =>
      (kind === "on disk" ? onDisk : inMemory)(clock, options);

    describe(`an outbox ${kind}`, () => {
      it("sends what was stamped before the step with the right time, still before what came after it", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock);
        addAll(outbox, clock, 1, 3);
        await written(outbox);
        machine.setClock(TODAY);
        addAll(outbox, clock, 4, 6);

        const sent = await drain(outbox, 6);

        assertRight(sent, (n) => Date.parse(TODAY) + n - 4);
        const times = sent.map(({ observedAt }) => observedAt);
        assert.deepEqual(times, [...new Set(times)].sort(byNumber), "each later than the last");
      });

      it("leaves events that state their own time, or leave it to the server, as they are", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock);
        const events = [stating(1, timestamp(machine.wall)), stating(2, undefined)];
        for (const event of events) add(outbox, event);
        await written(outbox);
        machine.setClock(TODAY);

        const sent = await drain(outbox, 2);

        assert.deepEqual(payloads(sent), payloads(events));
      });

      it("sends an event again byte for byte as the first time, over lost connections and a deploy", async () => {
        const clock = machine.startProcess();
        const first = make(clock);
        addAll(first, clock, 1, 3);
        const sent = await given(first, 2);
        machine.setClock(TODAY);
        first.rewind();

        const again = await given(first, 3);
        const handover = await close(first);
        machine.setClock(Date.parse(TODAY) + HOUR);
        const second = make(clock, { handover });
        const [afterDeploy] = await given(second, 1);
        machine.setClock(Date.parse(TODAY) + 2 * HOUR);
        second.rewind();
        const after = await given(second, 3);

        assert.deepEqual(payloads(again).slice(0, 2), payloads(sent));
        assert.deepEqual(afterDeploy, sent[0]);
        assert.deepEqual(payloads(after), payloads(again));
        assertRight(after.slice(2), () => Date.parse(TODAY) - 1);
      });

      it("puts the time right of an event that was taken to be sent, and put back", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock);
        addAll(outbox, clock, 1, 2);
        await given(outbox, 1);
        outbox.next();
        outbox.putBack();
        machine.setClock(TODAY);

        const [second] = await given(outbox, 1);

        assert.ok(second);
        assertRight([second], () => Date.parse(TODAY) - 1);
      });

      it("adds several steps up, forward and back", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock);
        addAll(outbox, clock, 1, 1);
        for (const hours of [5, -3, 4]) {
          await written(outbox);
          machine.setClock(machine.wall + hours * HOUR);
          clock.now();
        }

        const sent = await drain(outbox, 1);

        assertRight(sent, () => Date.parse(AT_BOOT) + 6 * HOUR);
      });

      it("changes nothing over small steps, however many", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock);
        const event = stamped(1, clock);
        add(outbox, event);
        for (let count = 0; count < 10; count += 1) {
          await written(outbox);
          machine.setClock(machine.wall + 50_000);
          clock.now();
        }

        assert.deepEqual(payloads(await drain(outbox, 1)), [event.payload]);
      });

      it("puts right what was stamped before the step and accepted after it", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock, { maxAge: HOUR });
        const events = [stamped(1, clock), stamped(2, clock)];
        machine.setClock(TODAY);
        for (const event of events) add(outbox, event);

        const sent = await drain(outbox, 1);
        machine.wait(61 * MINUTE);

        assertRight(sent, () => Date.parse(TODAY));
        assert.equal(outbox.next(), undefined);
        assert.equal(outbox.losses.expired, 1);
      });

      it("puts right what a deploy hands over, also if the step comes in its middle", async () => {
        const clock = machine.startProcess();
        const first = make(clock);
        addAll(first, clock, 1, 3);
        await written(first);
        const handover = await close(first);
        machine.setClock(TODAY);
        const second = make(clock, { handover });

        assertRight(await drain(second, 3), (n) => Date.parse(TODAY) + n - 4);
      });

      it("gives up none of 100 events by a step, and each when it is too old", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock, { maxAge: HOUR });
        addAll(outbox, clock, 1, 100);
        await written(outbox);
        machine.setClock(TODAY);
        machine.wait(50 * MINUTE);

        const sent = await drain(outbox, 1);
        machine.wait(11 * MINUTE);

        assert.deepEqual(numbers(sent), [1]);
        assert.equal(outbox.next(), undefined);
        assert.equal(outbox.losses.expired, 99);
      });

      it("goes by the time that has passed while the clock goes back and forth", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock, { maxAge: HOUR });
        addAll(outbox, clock, 1, 1);
        await written(outbox);
        machine.setClock(machine.wall - 5 * HOUR);
        addAll(outbox, clock, 2, 2);
        await written(outbox);
        machine.setClock(machine.wall + 4.5 * HOUR);
        machine.wait(20 * MINUTE);

        const sent = await drain(outbox, 2);

        assert.deepEqual(numbers(sent), [1, 2]);
      });

      it("counts the sleep of the machine as time that has passed, and moves no time by it", async () => {
        const clock = machine.startProcess();
        const outbox = make(clock, { maxAge: HOUR });
        const events = [stamped(1, clock), stamped(2, clock)];
        for (const event of events) add(outbox, event);
        await written(outbox);
        machine.sleep(50 * MINUTE);

        const sent = await drain(outbox, 1);
        machine.sleep(11 * MINUTE);

        assert.deepEqual(payloads(sent), payloads(events).slice(0, 1));
        assert.equal(outbox.next(), undefined);
      });
    });
  }

  describe("what is on disk only", () => {
    it("is put right when it is read back, and what waits to be written as well", async () => {
      const clock = machine.startProcess();
      const outbox = onDisk(clock);
      addAll(outbox, clock, 1, BACKLOG);
      await written(outbox);
      addAll(outbox, clock, BACKLOG + 1, BACKLOG + 10);
      machine.setClock(TODAY);
      addAll(outbox, clock, BACKLOG + 11, BACKLOG + 20);

      const sent = await drain(outbox, BACKLOG + 20);

      assert.deepEqual(numbers(sent), upTo(BACKLOG + 20));
      assertRight(sent, (n) => Date.parse(TODAY) + n - BACKLOG - 11);
    });

    it("is put right also where it was being written at the moment of the step", async () => {
      const clock = machine.startProcess();
      const outbox = onDisk(clock);
      addAll(outbox, clock, 1, BACKLOG);
      await stores.get(outbox)?.writing();
      machine.setClock(TODAY);
      clock.now();
      await close(outbox);

      const sent = await drain(onDisk(machine.startProcess()), BACKLOG);

      assertRight(sent, (n) => Date.parse(TODAY) + n - BACKLOG - 1);
    });

    it("keeps its age over a step", async () => {
      const clock = machine.startProcess();
      const outbox = onDisk(clock, { maxAge: HOUR });
      addAll(outbox, clock, 1, BACKLOG);
      await written(outbox);
      machine.setClock(TODAY);
      machine.wait(50 * MINUTE);

      const sent = await drain(outbox, BACKLOG);

      assert.equal(outbox.losses.expired, 0);
      assert.deepEqual(numbers(sent), upTo(BACKLOG));
    });

    it("is put right though the folder was replaced by an empty one, in which numbers begin anew", async () => {
      await leaveOnDisk(5, Date.parse(TODAY));
      const clock = machine.startProcess();
      const first = onDisk(clock);
      await ready(first);
      await close(first);
      await rm(folder, { recursive: true });
      const second = onDisk(clock);
      addAll(second, clock, 1, 3);
      await written(second);
      machine.setClock(TODAY);
      clock.now();
      await close(second);

      const sent = await drain(onDisk(machine.startProcess()), 3);

      assertRight(sent, (n) => Date.parse(TODAY) + n - 4);
    });

    it("keeps its age while its node is disabled, whatever the clock does", async () => {
      const clock = machine.startProcess();
      machine.wait(5 * HOUR);
      const first = onDisk(clock);
      addAll(first, clock, 1, 3);
      await close(first);
      machine.setClock(TODAY);
      machine.wait(30 * MINUTE);

      const second = onDisk(clock, { maxAge: HOUR });

      assertRight(await drain(second, 3), (n) => Date.parse(TODAY) + n - 4);
    });
  });

  describe("a later process", () => {
    it("puts right what was stamped before the step, and nothing else", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      addAll(first, clock, 1, 3);
      add(first, stating(4, AT_BOOT));
      await written(first);
      machine.setClock(TODAY);
      addAll(first, clock, 5, 6);
      await close(first);
      machine.wait(MINUTE);

      const sent = await drain(onDisk(machine.startProcess()), 6);

      assertRight(
        sent.filter(({ n }) => n < 4),
        (n) => Date.parse(TODAY) + n - 4,
      );
      assert.equal(sent[3]?.observedAt, Date.parse(AT_BOOT));
      assertRight(
        sent.filter(({ n }) => n > 4),
        (n) => Date.parse(TODAY) + n - 5,
      );
    });

    it("puts right what was stamped before the step and accepted or handed over after it", async () => {
      const clock = machine.startProcess();
      const before = inMemory(clock);
      addAll(before, clock, 1, 2);
      const handover = await close(before);
      const event = stamped(3, clock);
      machine.setClock(TODAY);
      clock.now();
      const first = onDisk(clock, { handover });
      add(first, event);
      await close(first);

      const sent = await drain(onDisk(machine.startProcess()), 3);

      assertRight(sent, (n) => Date.parse(TODAY) + n - 3);
    });

    it("corrects no event that got the number of one that was never written", async () => {
      await leaveOnDisk(1, Date.parse(TODAY));
      const db = new ClassicLevel(folder);
      await db.put("clock/p/u", `1-100>0 ${HOUR}`);
      await db.close();
      machine.setClock(TODAY);
      const clock = machine.startProcess();
      const first = onDisk(clock);
      addAll(first, clock, 2, 3);
      await close(first);

      const sent = await drain(onDisk(machine.startProcess()), 3);

      assertRight(sent.slice(1), (n) => Date.parse(TODAY) + n - 2);
    });

    it("knows each of several steps", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      for (const [n, hours] of [2, -1, 4].entries()) {
        addAll(first, clock, n + 1, n + 1);
        await written(first);
        machine.setClock(machine.wall + hours * HOUR);
        clock.now();
      }
      await close(first);

      const sent = await drain(onDisk(machine.startProcess()), 3);

      assertRight(sent, (n) => Date.parse(AT_BOOT) + 5 * HOUR + n - 1);
    });

    it("sends what may have arrived as it was sent the first time", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      addAll(first, clock, 1, 4);
      const sent = await given(first, 2);
      machine.setClock(TODAY);
      sent.push(...(await given(first, 1)));
      machine.setClock(machine.wall + HOUR);
      clock.now();
      await close(first);

      const again = await given(onDisk(machine.startProcess()), 4);

      assert.deepEqual(payloads(again).slice(0, 3), payloads(sent));
      assertRight(again.slice(3), () => Date.parse(TODAY) + HOUR - 1);
    });

    it("changes nothing of an earlier one when its own clock is set", async () => {
      machine.setClock(TODAY);
      const clock = machine.startProcess();
      const first = onDisk(clock);
      const events = [1, 2].map((n) => stamped(n, clock));
      for (const event of events) add(first, event);
      await close(first);
      machine.setClock(AT_BOOT);
      const later = machine.startProcess();
      const second = onDisk(later);
      await ready(second);
      addAll(second, later, 3, 3);
      await written(second);
      machine.setClock("2026-03-04T06:00:00.000Z");
      later.now();
      assert.deepEqual(payloads(await given(second, 2)), payloads(events));
      await close(second);

      const sent = await drain(onDisk(machine.startProcess()), 3);

      assert.deepEqual(payloads(sent).slice(0, 2), payloads(events));
      assertRight(sent.slice(2), () => machine.wall - 1);
    });

    it("puts the time right of an event that was taken to be sent before the step, and put back", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      addAll(first, clock, 1, 2);
      await given(first, 1);
      first.next();
      first.putBack();
      machine.setClock(TODAY);
      clock.now();
      await close(first);

      const sent = await drain(onDisk(machine.startProcess()), 2);

      assertRight(sent.slice(1), () => Date.parse(TODAY) - 1);
    });

    it("finds no correction by a process that had no event on disk, and none of events that have left", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      addAll(first, clock, 1, 1);
      await written(first);
      machine.setClock(TODAY);
      await drain(first, 1);
      addAll(first, clock, 2, 2);
      await close(first);
      const left = await corrections();
      const later = machine.startProcess();
      const second = onDisk(later);
      await ready(second);
      machine.setClock(machine.wall + HOUR);
      later.now();
      await close(second);
      assert.match(left ?? "", /^1-1>0 \d+$/);
      assert.equal(await corrections(), left);

      const last = machine.startProcess();
      const third = onDisk(last);
      addAll(third, last, 3, 3);
      await written(third);
      machine.setClock(machine.wall - HOUR);
      last.now();
      await close(third);

      assert.match((await corrections()) ?? "", /^3-3>0 -\d+$/);
    });

    it("takes what is left of a correction that makes no sense for none", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      const event = stamped(1, clock);
      add(first, event);
      await close(first);
      const db = new ClassicLevel(folder);
      await db.put("clock/p/u", "1-1>0 rubbish\n\n1-");
      await db.close();

      assert.deepEqual(payloads(await drain(onDisk(machine.startProcess()), 1)), [event.payload]);
    });

    it("gives up what its predecessor accepted too long ago, by the clock", async () => {
      machine.setClock(TODAY);
      const first = onDisk(machine.startProcess());
      add(first, stating(1, TODAY));
      await close(first);
      machine.wait(50 * MINUTE);
      const second = onDisk(machine.startProcess(), { maxAge: HOUR });
      await ready(second);
      machine.wait(11 * MINUTE);

      assert.equal(second.next(), undefined);
      assert.equal(second.losses.expired, 1);
    });

    it("knows the age of what was accepted before the step", async () => {
      const clock = machine.startProcess();
      const first = onDisk(clock);
      add(first, stating(1, TODAY));
      await written(first);
      machine.setClock(TODAY);
      machine.wait(50 * MINUTE);
      clock.now();
      await close(first);
      const second = onDisk(machine.startProcess(), { maxAge: HOUR });
      await ready(second);
      machine.wait(11 * MINUTE);

      assert.equal(second.next(), undefined);
      assert.equal(second.losses.expired, 1);
    });

    for (const [name, acceptedAt] of [
      ["in its future", Date.parse(TODAY) + 24 * HOUR],
      ["before 2020", Date.parse(AT_BOOT)],
      ["at no time that there is", 1e20],
    ] as const) {
      it(`counts from its own start the age of what was accepted ${name}`, async () => {
        await leaveOnDisk(2, acceptedAt);
        machine.setClock(TODAY);
        const outbox = onDisk(machine.startProcess(), { maxAge: HOUR });
        machine.wait(50 * MINUTE);
        const sent = await drain(outbox, 1);
        machine.wait(11 * MINUTE);

        assert.deepEqual(numbers(sent), [1]);
        assert.equal(outbox.next(), undefined);
        assert.equal(outbox.losses.expired, 1);
      });
    }

    it("that starts in the past gives nothing up when it hears the time", async () => {
      await leaveOnDisk(BACKLOG, Date.parse(TODAY) - 72 * HOUR);
      const clock = machine.startProcess();
      const outbox = onDisk(clock, { maxAge: HOUR });
      await ready(outbox);
      machine.setClock(TODAY);

      const sent = await drain(outbox, BACKLOG);

      assert.deepEqual(numbers(sent), upTo(BACKLOG));
    });
  });

  /** As they stand on disk. */
  async function corrections(): Promise<string | undefined> {
    const db = new ClassicLevel(folder);
    const text = await db.get("clock/p/u");
    await db.close();
    return text && unseal("clock/p/u", text);
  }

  /** An earlier process accepted them then, by its clock. */
  async function leaveOnDisk(count: number, acceptedAt: number): Promise<void> {
    const store = new EventStore(folder, WHO);
    await store.open();
    const { topic, qos } = stating(0, TODAY);
    const add = upTo(count).map((sequence) => {
      const { payload } = stating(sequence, TODAY);
      return { sequence, acceptedAt, topic, payload, qos };
    });
    await store.write({ add });
    await store.close();
  }
});

interface Sent {
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly observedAt: number;
  readonly payload: string;
}

function sentOf({ payload }: Delivery): Sent {
  const { event_data, observed_at = "" } = JSON.parse(payload);
  return { n: event_data.n, observedAt: Date.parse(`${observed_at.slice(0, 23)}Z`), payload };
}

/** Sends so many, and acknowledges none. */
async function given(outbox: Outbox, count: number): Promise<Sent[]> {
  const sent: Sent[] = [];
  while (sent.length < count) {
    const delivery = outbox.next();
    if (delivery) sent.push(sentOf(delivery));
    else await ready(outbox);
  }
  return sent;
}

/** Sends and acknowledges so many. */
async function drain(outbox: Outbox, count: number): Promise<Sent[]> {
  const sent: Sent[] = [];
  while (sent.length < count) {
    const delivery = outbox.next();
    if (delivery) {
      sent.push(sentOf(delivery));
      outbox.acknowledge(delivery);
    } else await ready(outbox);
  }
  return sent;
}

function ready(outbox: Outbox): Promise<void> {
  return new Promise((resolve) => {
    outbox.onReady = resolve;
  });
}

/** Tells when what was added to its outbox is on disk. */
class WatchedStore extends EventStore {
  /** How many events. */
  added = 0;
  #written = 0;
  #told: () => void = () => undefined;
  #begun: () => void = () => undefined;

  override async write(changes: Changes): Promise<void> {
    this.#begun();
    await super.write(changes);
    this.#written += changes.add?.length ?? 0;
    this.#told();
  }

  /** The next writing has begun. */
  writing(): Promise<void> {
    return new Promise((resolve) => {
      this.#begun = resolve;
    });
  }

  async written(): Promise<void> {
    while (this.#written < this.added) {
      await new Promise<void>((resolve) => {
        this.#told = resolve;
      });
    }
    // Its outbox hears of it after that.
    await new Promise(setImmediate);
  }
}

function payloads(events: readonly { readonly payload: string }[]): string[] {
  return events.map(({ payload }) => payload);
}

function numbers(sent: readonly Sent[]): number[] {
  return sent.map(({ n }) => n);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

function byNumber(one: number, other: number): number {
  return one - other;
}
