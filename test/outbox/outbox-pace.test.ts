// Whatever the pace of the disk: any sequence of operations on an outbox does what a plain list would.
import { strict as assert } from "node:assert";
import path from "node:path";
import fc from "fast-check";
import type { Delivery, Handover } from "../../nodes/outbox/event";
import { type Changes, EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { M1Error } from "../../nodes/protocol/errors";
import type { OutboxFull } from "../../nodes/protocol/settings";
import { temporaryFolder } from "../support/processes";

type Step =
  | { readonly do: "add" | "send" | "end"; readonly count: number }
  | { readonly do: "rewind" }
  /** The disk gets on with one of the calls that wait for it. */
  | { readonly do: "proceed"; readonly index: number }
  /** A deploy, or another process: then nobody waits for what is left any more. */
  | { readonly do: "restart"; readonly deploy: boolean };

interface Rules {
  readonly limit: number;
  readonly full: OutboxFull;
}

const rules: fc.Arbitrary<Rules> = fc.record({
  limit: fc.integer({ min: 1, max: 8 }),
  full: fc.constantFrom<OutboxFull[]>("reject", "drop-oldest", "drop-oldest"),
});

const counted = (name: "add" | "send" | "end", weight: number, max: number) => ({
  weight,
  arbitrary: fc.record({ do: fc.constant(name), count: fc.integer({ min: 1, max }) }),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  counted("add", 30, 12),
  counted("send", 10, 6),
  counted("end", 10, 6),
  { weight: 40, arbitrary: fc.record({ do: fc.constant("proceed" as const), index: fc.nat(5) }) },
  { weight: 4, arbitrary: fc.constant<Step>({ do: "rewind" }) },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("restart" as const), deploy: fc.boolean() }),
  },
);

/** Few of the shortest, which hardly get the disk to open. */
const steps = fc.array(step, { minLength: 20, maxLength: 60, size: "max" });

/** Each opening, reading and writing waits to be let begin, and once more to be let end. */
class PacedStore extends EventStore {
  #waiting: (() => void)[] = [];
  #busy = 0;
  #free = false;

  override open() {
    return this.#paced(() => super.open());
  }

  override read(...range: Parameters<EventStore["read"]>) {
    return this.#paced(() => super.read(...range));
  }

  override write(changes: Changes) {
    return this.#paced(() => super.write(changes));
  }

  /** Resolves when nothing more happens without the next call. */
  async proceed(index: number): Promise<void> {
    const [next] = this.#waiting.splice(index % Math.max(1, this.#waiting.length), 1);
    next?.();
    do await turns(3);
    while (this.#busy > 0);
  }

  /** From now on it waits for nothing. */
  free(): void {
    this.#free = true;
    for (const next of this.#waiting.splice(0)) next();
  }

  async #paced<T>(call: () => Promise<T>): Promise<T> {
    await this.#turn();
    this.#busy += 1;
    const result = await call().finally(() => {
      this.#busy -= 1;
    });
    await this.#turn();
    return result;
  }

  async #turn(): Promise<void> {
    if (!this.#free) await new Promise<void>((next) => this.#waiting.push(next));
  }
}

interface ModelEvent {
  readonly name: number;
  sent: boolean;
  awaited: boolean;
}

/** The outbox as one would explain it, on a disk that takes no time. */
class Model {
  events: ModelEvent[] = [];
  readonly fates = new Map<number, string[]>();
  dropped = 0;

  constructor(readonly rules: Rules) {}

  get waiting(): ModelEvent | undefined {
    return this.events.find(({ sent }) => !sent);
  }

  end(event: ModelEvent, fate: string): void {
    this.events.splice(this.events.indexOf(event), 1);
    if (event.awaited) note(this.fates, event.name, fate);
  }

  add(name: number): void {
    const { limit, full } = this.rules;
    if (this.events.length >= limit) {
      const { waiting } = this;
      if (full === "reject" || !waiting) {
        note(this.fates, name, "OUTBOX_FULL");
        return;
      }
      this.dropped += 1;
      this.end(waiting, "OUTBOX_DROPPED");
    }
    this.events.push({ name, sent: false, awaited: true });
  }

  restart(deploy: boolean): void {
    this.dropped = 0;
    for (const event of this.events) {
      event.sent = false;
      event.awaited &&= deploy;
    }
  }
}

/** An outbox that restarts, beside the model of it. */
class Trial {
  readonly #model: Model;
  readonly #fates = new Map<number, string[]>();
  #inFlight: { readonly delivery: Delivery; readonly event: ModelEvent }[] = [];
  #added = 0;
  #store: PacedStore;
  #outbox: Outbox;

  constructor(
    private readonly folder: string,
    private readonly rules: Rules,
  ) {
    this.#model = new Model(rules);
    this.#store = this.#newStore();
    this.#outbox = this.#newOutbox();
  }

  async do(step: Step): Promise<void> {
    if (step.do === "proceed") await this.#store.proceed(step.index);
    else if (step.do === "restart") await this.#restart(step.deploy);
    else if (step.do === "rewind") this.#rewind();
    else for (let time = 0; time < step.count; time += 1) this[step.do]();
    const { size } = this.#outbox;
    assert.ok(size >= 0 && size <= this.rules.limit, `${size} events of ${this.rules.limit}`);
  }

  add(): void {
    this.#added += 1;
    const name = this.#added;
    this.#model.add(name);
    const done = (error?: M1Error) => note(this.#fates, name, error?.code ?? "delivered");
    try {
      this.#outbox.add({ topic: "t", payload: String(name), qos: 1, done });
    } catch (error) {
      assert.ok(error instanceof M1Error);
      done(error);
    }
  }

  /** What is ready is the oldest that waits, and nothing that has had its end. */
  send(): boolean {
    const delivery = this.#outbox.next();
    if (!delivery) return false;
    const event = this.#model.waiting;
    assert.equal(delivery.payload, String(event?.name));
    assert.ok(event);
    event.sent = true;
    this.#inFlight.push({ delivery, event });
    return true;
  }

  /** Of what is in flight, every other time the newest. */
  end(): void {
    const ended = this.#added % 2 === 0 ? this.#inFlight.pop() : this.#inFlight.shift();
    if (!ended) return;
    this.#model.end(ended.event, "delivered");
    this.#outbox.acknowledge(ended.delivery);
  }

  /** Delivers all that is left; then nothing is, in memory or on disk. */
  async finish(): Promise<void> {
    this.#store.free();
    const end = performance.now() + ENOUGH;
    while (this.#model.events.length > 0 && performance.now() < end) {
      while (this.send());
      while (this.#inFlight.length > 0) this.end();
      await turns(1);
    }
    assert.deepEqual(this.#model.events, [], "all are given out");
    const handover = await this.#close();
    assert.deepEqual({ events: handover.events, awaited: handover.callbacks.size }, NOTHING);
    const left = new EventStore(this.folder, WHO);
    await left.open();
    assert.equal(left.count, 0);
    await left.close();
  }

  #rewind(): void {
    for (const { event } of this.#inFlight) event.sent = false;
    this.#inFlight = [];
    this.#outbox.rewind();
  }

  async #restart(deploy: boolean): Promise<void> {
    const handover = await this.#close();
    this.#inFlight = [];
    this.#model.restart(deploy);
    this.#store = this.#newStore();
    this.#outbox = this.#newOutbox(deploy ? handover : undefined);
  }

  /** At rest, all that has had its end in the model has had it, and no other. */
  async #close(): Promise<Handover> {
    this.#store.free();
    const handover = await this.#outbox.close();
    assert.equal(this.#outbox.size, this.#model.events.length);
    assert.deepEqual(this.#outbox.losses, {
      dropped: this.#model.dropped,
      expired: 0,
      unreadable: 0,
      quarantined: 0,
    });
    assert.deepEqual(sorted(this.#fates), sorted(this.#model.fates));
    return handover;
  }

  #newStore(): PacedStore {
    return new PacedStore(this.folder, WHO);
  }

  #newOutbox(handover?: Handover): Outbox {
    const policy = {
      ...this.rules,
      bytes: Number.POSITIVE_INFINITY,
      maxAge: Number.POSITIVE_INFINITY,
    };
    return new Outbox(policy, { store: this.#store, handover });
  }
}

const WHO = { projectMqtt: "p", userMqtt: "u" };
/** Milliseconds for a disk that waits for nothing. */
const ENOUGH = 3_000;
const NOTHING = { events: [], awaited: 0 };

describe("outbox: any sequence of operations on a disk of any pace", () => {
  it("does what a plain list would do", async () => {
    const { folder, remove } = await temporaryFolder();
    let runs = 0;
    try {
      await fc.assert(
        fc.asyncProperty(rules, steps, async (rules, steps) => {
          runs += 1;
          const trial = new Trial(path.join(folder, String(runs)), rules);
          for (const each of steps) await trial.do(each);
          await trial.finish();
        }),
        { numRuns: 50 },
      );
    } finally {
      await remove();
    }
  }).timeout(60_000);
});

function note(fates: Map<number, string[]>, name: number, fate: string): void {
  fates.set(name, [...(fates.get(name) ?? []), fate]);
}

function sorted(fates: ReadonlyMap<number, string[]>): [number, string[]][] {
  return [...fates].sort(([a], [b]) => a - b);
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn += 1) await new Promise(setImmediate);
}
