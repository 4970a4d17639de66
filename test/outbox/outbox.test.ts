// What becomes of accepted events until they are acknowledged.
import { strict as assert } from "node:assert";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import type { Delivery, Handover } from "../../nodes/outbox/event";
import { discardHandover } from "../../nodes/outbox/handover";
import { Outbox, type OutboxPolicy } from "../../nodes/outbox/outbox";
import { M1Error } from "../../nodes/protocol/errors";
import type { OutboxFull } from "../../nodes/protocol/settings";
import { steadyClock } from "../support/machine";

const ROOMY: OutboxPolicy = {
  limit: 1_000_000,
  full: "reject",
  bytes: Number.POSITIVE_INFINITY,
  maxAge: Number.POSITIVE_INFINITY,
};
const HOUR = 3_600_000;

interface Scene {
  readonly outbox: Outbox;
  /** What became of the events, in the order it became known: `1 ok`, `2 OUTBOX_DROPPED`. */
  readonly fates: string[];
  /** Milliseconds. */
  clock: { now: number };
  /** Accepts events by these names. */
  add(...names: (string | number)[]): void;
  /** Takes the next to send; its name. */
  send(): string | undefined;
  /** Ends the delivery of the event by this name. */
  end(name: string | number, error?: M1Error): void;
}

function scene(policy: Partial<OutboxPolicy> = {}, handover?: Handover): Scene {
  const clock = { now: 0 };
  const fates: string[] = [];
  const deliveries = new Map<string, Delivery>();
  const outbox = new Outbox(
    { ...ROOMY, ...policy },
    { clock: steadyClock(() => clock.now), handover },
  );
  return {
    outbox,
    fates,
    clock,
    add(...names) {
      for (const name of names) {
        const done = (error?: M1Error) => fates.push(`${name} ${error ? error.code : "ok"}`);
        outbox.add({ topic: String(name), payload: "", qos: 1, done });
      }
    },
    send() {
      const delivery = outbox.next();
      if (delivery) deliveries.set(delivery.topic, delivery);
      return delivery?.topic;
    },
    end(name, error) {
      const delivery = deliveries.get(String(name));
      assert.ok(delivery, `${name} was never sent`);
      if (error) outbox.setAside(delivery, error);
      else outbox.acknowledge(delivery);
    },
  };
}

const full = (code: string) => (error: unknown) => error instanceof M1Error && error.code === code;

describe("outbox", () => {
  it("hands events out in the order they came, each once", () => {
    const { add, send } = scene();
    add(1, 2);
    assert.equal(send(), "1");
    add(3);
    assert.deepEqual([send(), send(), send()], ["2", "3", undefined]);
    add(4);
    assert.equal(send(), "4");
  });

  it("counts an event until it is acknowledged", () => {
    const { outbox, add, send, end } = scene();
    add(1, 2);
    send();
    assert.equal(outbox.size, 2);
    end(1);
    assert.equal(outbox.size, 1);
  });

  it("tells each event's fate once", () => {
    const { outbox, fates, add, send, end } = scene();
    add(1, 2);
    send();
    send();
    end(2, new M1Error("EVENT_REFUSED", { reason: "x" }));
    end(2);
    end(1);
    end(1);
    assert.deepEqual(fates, ["2 EVENT_REFUSED", "1 ok"]);
    assert.equal(outbox.size, 0);
  });

  it("sends what was not acknowledged again, in its old order, before what is new", () => {
    const { outbox, add, send, end } = scene();
    add(1, 2, 3, 4);
    send();
    send();
    send();
    end(2);
    outbox.rewind();
    add(5);
    assert.deepEqual([send(), send(), send(), send(), send()], ["1", "3", "4", "5", undefined]);
  });

  it("keeps what is in flight and what waits, in order, however many are dropped in between", () => {
    const { outbox, fates, add, send } = scene({ limit: 4, full: "drop-oldest" });
    add(1, 2);
    assert.deepEqual([send(), send()], ["1", "2"]);
    add(...Array.from({ length: 100 }, (_, index) => index + 3));
    assert.equal(fates.length, 98);
    assert.deepEqual([send(), send(), send()], ["101", "102", undefined]);
    outbox.rewind();
    assert.deepEqual([send(), send(), send(), send()], ["1", "2", "101", "102"]);
  });

  it("accepts a late acknowledgement of what waits again", () => {
    const { outbox, fates, add, send, end } = scene();
    add(1, 2);
    send();
    outbox.rewind();
    end(1);
    assert.equal(send(), "2");
    assert.deepEqual(fates, ["1 ok"]);
  });

  it("can hold a hundred thousand events and let them go in any order", () => {
    const { outbox, add, send, end } = scene();
    const names = Array.from({ length: 100_000 }, (_, index) => index);
    add(...names.slice(0, 50_000));
    add(...names.slice(50_000));
    for (const name of names) assert.equal(send(), String(name));
    for (const name of names.reverse()) end(name);
    assert.equal(outbox.size, 0);
    add("after");
    assert.equal(send(), "after");
  });
});

describe("outbox: full", () => {
  it("rejects the new event and keeps the old ones", () => {
    const { outbox, fates, add, send } = scene({ limit: 2 });
    add(1, 2);
    assert.throws(() => add(3), { code: "OUTBOX_FULL", details: { events: 2, megabytes: 0.1 } });
    assert.deepEqual([send(), send(), send()], ["1", "2", undefined]);
    assert.deepEqual(fates, [], "whoever was rejected learns it from the error");
    assert.deepEqual(outbox.losses, { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 });
  });

  it("counts what is in flight", () => {
    const { add, send, end } = scene({ limit: 1 });
    add(1);
    send();
    assert.throws(() => add(2), full("OUTBOX_FULL"));
    end(1);
    add(2);
  });

  it("drops the oldest event that waits, if told so", () => {
    const { outbox, fates, add, send } = scene({ limit: 2, full: "drop-oldest" });
    add(1, 2, 3, 4);
    assert.deepEqual(fates, ["1 OUTBOX_DROPPED", "2 OUTBOX_DROPPED"]);
    assert.equal(outbox.losses.dropped, 2);
    assert.equal(outbox.size, 2);
    assert.deepEqual([send(), send(), send()], ["3", "4", undefined]);
  });

  it("keeps what a deploy handed over above the limit, and drops one for each new event", async () => {
    const before = scene();
    before.add(1, 2, 3, 4, 5);
    const { outbox, add, send } = scene(
      { limit: 2, full: "drop-oldest" },
      await before.outbox.close(),
    );
    assert.equal(outbox.size, 5);
    add(6, 7);
    assert.deepEqual(before.fates, ["1 OUTBOX_DROPPED", "2 OUTBOX_DROPPED"]);
    assert.equal(outbox.size, 5);
    assert.deepEqual([send(), send(), send(), send(), send()], ["3", "4", "5", "6", "7"]);
  });

  it("counts bytes of topics and payloads beside events, whichever are reached first", () => {
    const { outbox, add, end, send } = scene({ limit: 10, bytes: 6 });
    add("aa", "bb", "cc");
    assert.equal(outbox.bytes, 6);
    assert.equal(outbox.isFull, true);

    assert.throws(() => add("d"), { code: "OUTBOX_FULL", details: { events: 3, megabytes: 0.1 } });
    end(send() ?? "");

    add("d", "e");
    assert.equal(outbox.bytes, 6);
    assert.throws(() => add("f"), full("OUTBOX_FULL"));
  });

  it("drops as many as a large event needs, and none for one that can never have room", () => {
    const { outbox, fates, add } = scene({ bytes: 6, full: "drop-oldest" });
    add("aa", "bb", "cc");

    add("dddd");
    assert.deepEqual(fates, ["aa OUTBOX_DROPPED", "bb OUTBOX_DROPPED"]);

    assert.throws(() => add("eeeeeee"), full("OUTBOX_FULL"));
    assert.equal(outbox.size, 2);
  });

  it("does not drop what is in flight", () => {
    const { fates, add, send } = scene({ limit: 2, full: "drop-oldest" });
    add(1, 2);
    send();
    add(3);
    assert.deepEqual(fates, ["2 OUTBOX_DROPPED"]);
    send();
    assert.throws(() => add(4), full("OUTBOX_FULL"), "all in flight: nothing can be dropped");
  });
});

describe("outbox: age", () => {
  it("passes over what has waited too long", () => {
    const { outbox, fates, clock, add, send } = scene({ maxAge: HOUR });
    add(1);
    clock.now = 1;
    add(2);
    clock.now = HOUR + 1;
    assert.equal(send(), "2", "exactly as old as allowed");
    assert.deepEqual(fates, ["1 OUTBOX_EXPIRED"]);
    assert.equal(outbox.losses.expired, 1);
    assert.equal(outbox.size, 1);
  });

  it("names the hours", () => {
    const errors: (M1Error | undefined)[] = [];
    let now = 0;
    const clock = steadyClock(() => now);
    const outbox = new Outbox({ ...ROOMY, maxAge: 1.5 * HOUR }, { clock });
    outbox.add({ topic: "", payload: "", qos: 1, done: (error) => errors.push(error) });
    now = 2 * HOUR;
    assert.equal(outbox.next(), undefined);
    assert.deepEqual(errors[0]?.details, { hours: 1.5 });
  });

  it("does not matter once an event is on its way", () => {
    const { fates, clock, add, send, end } = scene({ maxAge: HOUR });
    add(1);
    send();
    clock.now = 2 * HOUR;
    assert.equal(send(), undefined);
    end(1);
    assert.deepEqual(fates, ["1 ok"]);
  });

  it("makes room for what is new, also while nothing is sent", () => {
    const { fates, clock, add, send } = scene({ limit: 2, maxAge: HOUR });
    add(1);
    clock.now = 1;
    add(2);
    clock.now = HOUR + 1;
    add(3);
    assert.throws(() => add(4), full("OUTBOX_FULL"));
    assert.deepEqual(fates, ["1 OUTBOX_EXPIRED"]);
    assert.deepEqual([send(), send()], ["2", "3"]);
  });

  it("is told before anything that is still good is dropped", () => {
    const { outbox, fates, clock, add } = scene({
      limit: 2,
      full: "drop-oldest",
      bytes: Number.POSITIVE_INFINITY,
      maxAge: HOUR,
    });
    add(1);
    clock.now = HOUR;
    add(2);
    clock.now = HOUR + 1;
    add(3);
    assert.deepEqual(fates, ["1 OUTBOX_EXPIRED"]);
    assert.deepEqual(outbox.losses, { dropped: 0, expired: 1, unreadable: 0, quarantined: 0 });
  });
});

describe("outbox: events that are done when they are stored", () => {
  function stored(outbox: Outbox, fates: string[], name: string): void {
    const done = (error?: M1Error) => fates.push(`${name} ${error ? error.code : "ok"}`);
    outbox.add({ topic: name, payload: "", qos: 1, done, isDoneWhenStored: true });
  }

  it("end at once in memory, and not again when they are delivered", () => {
    const { outbox, fates } = scene();
    stored(outbox, fates, "a");
    assert.deepEqual(fates, ["a ok"]);

    const delivery = outbox.next();
    assert.ok(delivery);
    outbox.acknowledge(delivery);

    assert.deepEqual(fates, ["a ok"]);
    assert.equal(outbox.size, 0);
  });

  it("end with an error if there is no room", () => {
    const { outbox, fates, add } = scene({ limit: 1 });
    add(1);

    assert.throws(() => stored(outbox, fates, "a"), full("OUTBOX_FULL"));

    assert.deepEqual(fates, []);
  });

  it("are counted when they are lost later, as nobody waits for them", () => {
    const { outbox, fates, clock } = scene({ limit: 2, full: "drop-oldest", maxAge: HOUR });
    for (const name of ["a", "b", "c"]) stored(outbox, fates, name);
    const delivery = outbox.next();
    assert.ok(delivery);
    outbox.setAside(delivery, new M1Error("EVENT_REFUSED", { reason: "too pink" }));
    clock.now = HOUR + 1;
    assert.equal(outbox.next(), undefined);

    assert.deepEqual(fates, ["a ok", "b ok", "c ok"]);
    assert.deepEqual(outbox.losses, { dropped: 1, expired: 1, unreadable: 0, quarantined: 1 });
  });
});

describe("outbox: closed", () => {
  it("leaves everything that it holds, in flight or not, to its successor", async () => {
    const { outbox, fates, add, send, end } = scene();
    add(1, 2, 3);
    send();
    send();
    end(1);
    const { events } = await outbox.close();
    assert.deepEqual(fates, ["1 ok"]);
    assert.deepEqual(
      events.map(({ topic }) => topic),
      ["2", "3"],
    );
    assert.throws(() => add(4), full("OUTBOX_CLOSED"));
  });
});

describe("outbox: memory", () => {
  before(() => setFlagsFromString("--expose-gc"));
  const collectGarbage = () => (runInNewContext("gc") as () => void)();

  it("holds nothing of an event that left", async () => {
    const { outbox } = scene();
    const left = (function pass() {
      const event = {
        topic: "",
        payload: "x".repeat(1_000),
        qos: 1,
        done: () => undefined,
      } as const;
      outbox.add(event);
      const delivery = outbox.next();
      assert.ok(delivery);
      outbox.acknowledge(delivery);
      return new WeakRef(event);
    })();
    // A WeakRef keeps its target alive to the end of the turn.
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
    assert.equal(left.deref(), undefined);
  });

  it("does not grow with the number of events that have passed", () => {
    const outbox = new Outbox(ROOMY);
    const pass = (count: number) => {
      for (let index = 0; index < count; index += 1) {
        outbox.add({ topic: "", payload: "", qos: 0, done: () => undefined });
        outbox.add({ topic: "", payload: "", qos: 0, done: () => undefined });
        for (let next = outbox.next(); next; next = outbox.next()) outbox.acknowledge(next);
      }
    };
    pass(10_000);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    pass(200_000);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 2_000_000, `${grown} bytes more`);
  });

  it("does not grow with the number of events dropped behind one that is in flight", () => {
    const outbox = new Outbox({ ...ROOMY, limit: 1_000, full: "drop-oldest" });
    const add = (count: number) => {
      for (let index = 0; index < count; index += 1) {
        outbox.add({ topic: "", payload: "", qos: 0, done: () => undefined });
      }
    };
    add(1_000);
    assert.ok(outbox.next());
    add(10_000);
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    add(200_000);
    collectGarbage();
    const grown = process.memoryUsage().heapUsed - before;
    assert.ok(grown < 2_000_000, `${grown} bytes more`);
    assert.equal(outbox.size, 1_000);
  });
});

// --- any sequence of operations --------------------------------------------------------------

type Step =
  | { readonly do: "add" }
  | { readonly do: "next" }
  | { readonly do: "rewind" }
  | { readonly do: "end"; readonly index: number; readonly refused: boolean }
  | { readonly do: "wait"; readonly milliseconds: number };

const policy: fc.Arbitrary<OutboxPolicy> = fc.record({
  limit: fc.integer({ min: 1, max: 8 }),
  bytes: fc.constant(Number.POSITIVE_INFINITY),
  full: fc.constantFrom<OutboxFull[]>("reject", "drop-oldest"),
  maxAge: fc.constantFrom(Number.POSITIVE_INFINITY, 10, 100),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.constant({ do: "add" as const }) },
  { weight: 30, arbitrary: fc.constant({ do: "next" as const }) },
  {
    weight: 30,
    arbitrary: fc.record({
      do: fc.constant("end" as const),
      index: fc.nat(),
      refused: fc.boolean(),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("wait" as const), milliseconds: fc.nat({ max: 40 }) }),
  },
  { weight: 5, arbitrary: fc.constant<Step>({ do: "rewind" }) },
);

interface ModelEvent {
  readonly name: number;
  readonly acceptedAt: number;
  sent: boolean;
}

/** The outbox as one would explain it: a list, searched from its beginning each time. */
class Model {
  events: ModelEvent[] = [];
  readonly fates: string[] = [];
  readonly losses = { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 };

  end(event: ModelEvent, fate: string): void {
    if (!this.events.includes(event)) return;
    this.events = this.events.filter((other) => other !== event);
    this.fates.push(`${event.name} ${fate}`);
  }

  /** The oldest that waits, once those before it that are too old are gone. */
  oldest({ maxAge }: OutboxPolicy, now: number): ModelEvent | undefined {
    for (const event of this.events.filter(({ sent }) => !sent)) {
      if (now - event.acceptedAt <= maxAge) return event;
      this.losses.expired += 1;
      this.end(event, "OUTBOX_EXPIRED");
    }
    return undefined;
  }

  /** False if there is no room. */
  add(name: number, rules: OutboxPolicy, now: number): boolean {
    if (this.events.length >= rules.limit) {
      const oldest = this.oldest(rules, now);
      if (this.events.length >= rules.limit) {
        if (rules.full === "reject" || !oldest) return false;
        this.losses.dropped += 1;
        this.end(oldest, "OUTBOX_DROPPED");
      }
    }
    this.events.push({ name, acceptedAt: now, sent: false });
    return true;
  }
}

describe("outbox: any sequence of operations", () => {
  it("does what a plain list would do", () => {
    fc.assert(
      fc.property(policy, fc.array(step, { maxLength: 200 }), (rules, steps) => {
        const { outbox, fates, clock, add, send, end } = scene(rules);
        const model = new Model();
        const sent: ModelEvent[] = [];
        let name = 0;
        for (const each of steps) {
          if (each.do === "add") {
            name += 1;
            const accepted = model.add(name, rules, clock.now);
            if (accepted) add(name);
            else assert.throws(() => add(name), full("OUTBOX_FULL"));
          } else if (each.do === "next") {
            const next = model.oldest(rules, clock.now);
            assert.equal(send(), next && String(next.name));
            if (next) {
              next.sent = true;
              sent.push(next);
            }
          } else if (each.do === "end") {
            const event = sent[each.index % Math.max(1, sent.length)];
            if (!event) continue;
            model.end(event, each.refused ? "EVENT_REFUSED" : "ok");
            end(
              event.name,
              each.refused ? new M1Error("EVENT_REFUSED", { reason: "" }) : undefined,
            );
          } else if (each.do === "rewind") {
            for (const event of model.events) event.sent = false;
            outbox.rewind();
          } else {
            clock.now += each.milliseconds;
          }
          assert.equal(outbox.size, model.events.length);
          assert.deepEqual(fates, model.fates);
          assert.deepEqual(outbox.losses, model.losses);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("tells every event's fate exactly once in the end", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 200 }), async (steps) => {
        const { outbox, fates, add, send, end } = scene({ limit: 5, full: "drop-oldest" });
        const sent: string[] = [];
        let accepted = 0;
        for (const each of steps) {
          if (each.do === "add") {
            try {
              add(accepted);
              accepted += 1;
            } catch (error) {
              assert.ok(full("OUTBOX_FULL")(error));
            }
          } else if (each.do === "next") sent.push(...[send() ?? []].flat());
          else if (each.do === "rewind") outbox.rewind();
          else if (each.do === "end" && sent.length > 0)
            end(sent[each.index % sent.length] as string);
        }
        discardHandover(await outbox.close());
        const named = fates.map((fate) => Number.parseInt(fate, 10)).sort((a, b) => a - b);
        assert.deepEqual(
          named,
          Array.from({ length: accepted }, (_, index) => index),
        );
      }),
    );
  });
});
