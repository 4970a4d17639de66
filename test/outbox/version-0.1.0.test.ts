// What version 0.1.0 left on a user's disk is read by today's outbox, event by event.
import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import path from "node:path";
import type { Delivery, OutgoingEvent, StoredEvent } from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox, type OutboxOptions, type OutboxPolicy } from "../../nodes/outbox/outbox";
import type { NumberedEntry } from "../../nodes/outbox/quarantine-entry";
import { M1Error } from "../../nodes/protocol/errors";
import type { QoS } from "../../nodes/protocol/settings";
import { Machine } from "../support/machine";
import { temporaryFolder } from "../support/processes";

/** How it was made is in its README. */
const FIXTURE = path.join(__dirname, "fixtures/0.1.0");
const NEWEST = 1_200;
/** Milliseconds since 1970; each event was accepted so many after that as its number says. */
const START = 1_760_000_000_000;
const HOUR = 3_600_000;

describe("an outbox that version 0.1.0 left", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;
  let opened: (Outbox | EventStore)[];

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    removeFolder = temporary.remove;
    await cp(FIXTURE, temporary.folder, { recursive: true });
    folder = path.join(temporary.folder, "c1");
    opened = [];
  });

  afterEach(async () => {
    for (const each of opened) await each.close();
    await removeFolder();
  });

  function storeOf(userMqtt: string): EventStore {
    return new EventStore(folder, { projectMqtt: "p", userMqtt });
  }

  /** With what there was to say of it. */
  async function openStore(userMqtt = "u"): Promise<[EventStore, M1Error | undefined]> {
    const store = storeOf(userMqtt);
    opened.push(store);
    return [store, (await store.open()).warning];
  }

  function openOutbox(options: OutboxOptions = {}, policy: Partial<OutboxPolicy> = {}): Outbox {
    const rules = {
      limit: 2_000,
      full: "reject",
      bytes: Number.POSITIVE_INFINITY,
      maxAge: Number.POSITIVE_INFINITY,
    } as const;
    const outbox = new Outbox({ ...rules, ...policy }, { store: storeOf("u"), ...options });
    opened.push(outbox);
    return outbox;
  }

  it("opens without a word, and counts what had not left", async () => {
    const [store, warning] = await openStore();

    assert.equal(warning, undefined);
    assert.equal(store.count, LEFT.length);
    assert.equal(store.newest, NEWEST);
  });

  it("gives every event that had not left, with its number, its time and all it held", async () => {
    const [store] = await openStore();

    const events = await readAll(store);

    assert.deepEqual(events, LEFT.map(stored));
  });

  it("is sent in order, and is empty then", async () => {
    const outbox = openOutbox();
    const warnings: M1Error[] = [];
    const restored: number[] = [];
    outbox.onWarning = (warning) => warnings.push(warning);
    outbox.onRestored = (count) => restored.push(count);

    const sent = await drain(outbox, LEFT.length);
    await outbox.close();

    assert.deepEqual(sent, LEFT.map(content));
    assert.deepEqual({ restored, warnings }, { restored: [LEFT.length], warnings: [] });
    const [store] = await openStore();
    assert.equal(store.count, 0);
    assert.equal(store.newest, NEWEST);
  });

  it("comes before what is accepted now, and stays in front of it at the next start", async () => {
    const first = openOutbox();
    first.add({ topic: "0/p/u/new", payload: "new", qos: 1, done: () => undefined });
    const sent = await drain(first, 100);
    await first.close();

    const rest = await drain(openOutbox(), LEFT.length - 100 + 1);

    assert.deepEqual(
      [...sent, ...rest],
      [...LEFT.map(content), { topic: "0/p/u/new", payload: "new", qos: 1 }],
    );
  });

  it("has the age that it had there", async () => {
    const clock = new Machine(START + 701 + HOUR).startProcess();
    const outbox = openOutbox({ clock }, { maxAge: HOUR });

    const sent = await drain(outbox, 500);

    assert.deepEqual(sent, LEFT.filter((n) => n > 700).map(content));
    assert.deepEqual(outbox.losses, {
      dropped: 0,
      expired: LEFT.length - 500,
      unreadable: 0,
      quarantined: 0,
    });
  });

  it("keeps the events of another user apart", async () => {
    const [store, warning] = await openStore("u2");

    const events = await readAll(store);

    assert.equal(warning, undefined);
    assert.deepEqual(events, [1, 2, 3].map(stored));
  });

  it("has its quarantine taken over, once, and continued", async () => {
    const [first] = await openStore();
    await first.close();
    const [store] = await openStore();

    await store.setAside(stored(102), new M1Error("EVENT_REFUSED", { reason: "too blue" }));

    const entries = await store.quarantine.read(Number.MAX_SAFE_INTEGER, 10, {});
    assert.deepEqual(entries.reverse().map(quarantined), [
      { reason: "The broker refused the event: too pink", ...stored(111) },
      { reason: "The broker refused the event: too pink", ...stored(103) },
      { reason: "The broker refused the event: too blue", ...stored(102) },
    ]);
    assert.equal(store.count, LEFT.length - 1);
    await assert.rejects(readFile(`${folder}.quarantine.jsonl`), { code: "ENOENT" });
  });
});

// --- what went in -----------------------------------------------------------------------------

/** The numbers of the events that had not left. */
const LEFT = Array.from({ length: NEWEST }, (_, index) => index + 1).filter((n) => {
  const inOrder = n <= 101;
  const backwards = n >= 120 && n <= 180;
  const everyThird = n >= 200 && n <= 290 && n % 3 === 2;
  return !inOrder && !backwards && !everyThird && ![103, 105, 111].includes(n);
});

const PAYLOADS = [
  (n: number) => `{"event_data":{"n":${n}}}`,
  (n: number) => ` line ${n}\nbreak\n`,
  (n: number) => `{"n":${n},"text":"ü € 😀"}`,
  (n: number) => `1750000000000 1 3 0/p/u/a\n${n}`,
  () => "",
];

type Content = Pick<OutgoingEvent, "topic" | "payload" | "qos">;

function content(n: number): Content {
  const payload = PAYLOADS[n % 5]?.(n) ?? "";
  return { topic: `0/p/u/sensor ${n % 7}`, payload, qos: (n % 3) as QoS };
}

function stored(n: number): StoredEvent {
  return { sequence: n, acceptedAt: START + n, ...content(n) };
}

// --- what comes out ---------------------------------------------------------------------------

async function readAll(store: EventStore): Promise<StoredEvent[]> {
  const events: StoredEvent[] = [];
  for (;;) {
    const after = events.at(-1)?.sequence ?? 0;
    const found = await store.read({
      after,
      upTo: store.newest,
      limit: 100,
      bytes: 1_000_000,
    });
    if (found.length === 0) return events;
    events.push(...found);
  }
}

/** Sends and acknowledges so many. */
async function drain(outbox: Outbox, count: number): Promise<Content[]> {
  const sent: Content[] = [];
  while (sent.length < count) {
    const delivery = outbox.next();
    if (delivery) sent.push(acknowledged(outbox, delivery));
    else await new Promise<void>((ready) => Object.assign(outbox, { onReady: ready }));
  }
  return sent;
}

function acknowledged(outbox: Outbox, delivery: Delivery): Content {
  const { topic, payload, qos } = delivery;
  outbox.acknowledge(delivery);
  return { topic, payload, qos };
}

/** The event of an entry, its number told by its time. */
function quarantined({ reason, event, quarantinedAt }: NumberedEntry) {
  assert.notEqual(quarantinedAt, 0);
  return { reason, sequence: (event?.acceptedAt ?? 0) - START, ...event };
}
