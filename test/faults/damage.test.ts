// Damage to what lies on disk: what a real Node-RED sends of it is as it was accepted, and the rest is told by its number.
import assert from "node:assert/strict";
import { cp, mkdir, readdir, rm, stat } from "node:fs/promises";
import path from "node:path";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { damage } from "../support/damage";
import { drained } from "../support/drained-outbox";
import { type Installation, installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { DEMO_BROKER, type Heard, Observer } from "../support/observer";
import { temporaryFolder } from "../support/processes";
import { Random } from "../support/random";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
/** Connections of one Node-RED, each with an outbox of its own, and starts. */
const OUTBOXES = 20;
const STARTS = 10;
/** Events in each outbox, by as many processes; so many of the first were acknowledged. */
const ACCEPTED = 3_000;
const PROCESSES = 3;
const ACKNOWLEDGED = 600;
/** Sent behind them. */
const MARKER = '"end"';

describe("damage to an outbox on disk", function () {
  this.timeout(300_000);

  let bases: string;
  let removeBases: () => Promise<void>;
  let broker: Mosquitto;
  let installed: Installation;

  before(async () => {
    const temporary = await temporaryFolder();
    bases = temporary.folder;
    removeBases = temporary.remove;
    for (const id of ids()) await leaveOutbox(path.join(bases, id), id);
    broker = await Mosquitto.start(DEMO_BROKER);
    installed = await installation(flow(broker.url));
  });

  after(async () => {
    await installed.remove();
    await broker.stop();
    await removeBases();
  });

  it("costs what it hit at the most, told by its number, in 200 faults of all kinds", async () => {
    const seed = Number(process.env.M1_TEST_SEED ?? Date.now() % 1_000_000);
    const random = new Random(seed);
    const outboxes = path.join(installed.userDir, "m1-outbox");
    let lost = 0;
    let undamaged = 0;

    for (let start = 1; start <= STARTS; start += 1) {
      await rm(outboxes, { recursive: true, force: true });
      await mkdir(outboxes);
      const faults = new Map<string, string>();
      for (const id of ids()) {
        const folder = path.join(outboxes, id);
        await cp(path.join(bases, id), folder, { recursive: true });
        faults.set(id, await damage(folder, random));
      }

      const { heard, told } = await run();

      for (const id of ids()) {
        const what = `seed ${seed}, start ${start}, ${id}: ${faults.get(id)}`;
        const numbers = numbersOf(heard, id, what);
        const missing = told.get(id) ?? 0;
        assert.equal(numbers.length + missing, ACCEPTED - ACKNOWLEDGED, what);
        lost += missing;
        if (missing === 0) undamaged += 1;
      }
      const left = (await readdir(outboxes)).filter((name) => /\.(opening|repairing)/.test(name));
      assert.deepEqual(left, [], "copies are gone");
    }
    const events = OUTBOXES * STARTS * (ACCEPTED - ACKNOWLEDGED);
    console.log(
      `      seed ${seed}: ${undamaged} of ${OUTBOXES * STARTS} outboxes lost nothing, ${lost} of ${events} events were lost and told`,
    );
  });

  /** A run of Node-RED, until all that it finds has been sent; what it said was lost, by connection. */
  async function run() {
    const observer = await Observer.start(broker);
    const nodeRed = await NodeRed.start(installed.userDir);
    try {
      const isMarker = ({ payload }: Heard) => payload.includes(MARKER);
      let markers = 0;
      let read = 0;
      const all = observer.until((heard) => {
        for (; read < heard.length; read += 1) if (isMarker(heard[read] as Heard)) markers += 1;
        return markers === OUTBOXES;
      });
      await Promise.race([all, nodeRed.ended()]);
      await nodeRed.stop();
      const lines = nodeRed.output.matchAll(
        /m1 connection:(c\d+)\] Events that were not sent: (\d+) lost on a damaged disk/g,
      );
      const told = new Map<string, number>();
      for (const [, id = "", count] of lines) told.set(id, (told.get(id) ?? 0) + Number(count));
      return { heard: observer.heard.filter((each) => !isMarker(each)), told };
    } finally {
      await nodeRed.stop();
      await observer.stop();
    }
  }

  it("leaves no hole that keeps the folder from shrinking", async () => {
    const [whole, holed] = ["whole", "holed"].map((name) => path.join(bases, name));
    assert.ok(whole && holed);
    for (const folder of [whole, holed])
      await cp(path.join(bases, "c0"), folder, { recursive: true });
    const log = (await readdir(holed)).find((name) => name.endsWith(".log"));
    await rm(path.join(holed, log ?? ""));

    const sizes = [];
    for (const folder of [whole, holed]) {
      const { told } = await drained(folder, userMqtt);
      assert.equal(told > 0, folder === holed);
      await passThrough(folder, 20_000);
      sizes.push(await bytesIn(folder));
    }

    const [intact = 0, repaired = 0] = sizes;
    assert.ok(repaired < intact * 1.2, `${repaired} bytes beside ${intact}`);
  });
});

function ids(): string[] {
  return Array.from({ length: OUTBOXES }, (_, index) => `c${index}`);
}

/** For each outbox a connection, a node that sends over it, and one event at the start. */
function flow(url: string) {
  const nodes = ids().flatMap((id) => [
    { id, type: "m1 connection", url, projectMqtt, userMqtt, outbox: "disk" },
    { id: `${id}o`, z: "t", type: "m1 event out", connection: id, deviceId: id, wires: [] },
    {
      ...{ id: `${id}i`, z: "t", type: "inject", once: true, onceDelay: 0.1, wires: [[`${id}o`]] },
      props: [{ p: "payload", v: "end", vt: "str" }],
    },
  ]);
  return [{ id: "t", type: "tab", label: "t" }, ...nodes];
}

function payloadOf(id: string, number: number): string {
  const random = new Random(number);
  const text = Array.from({ length: 10 }, () => random.fraction());
  return JSON.stringify({ event_data: { id, number, text } });
}

function openOutbox(folder: string): Outbox {
  const endless = Number.POSITIVE_INFINITY;
  const policy = { limit: 1_000_000, full: "reject", bytes: endless, maxAge: endless } as const;
  return new Outbox(policy, { store: new EventStore(folder, DEMO_ACCOUNT) });
}

/** What several processes leave. */
async function leaveOutbox(folder: string, id: string): Promise<void> {
  const topic = `0/${projectMqtt}/${userMqtt}/${id}`;
  for (let round = 0; round < PROCESSES; round += 1) {
    const outbox = openOutbox(folder);
    const share = ACCEPTED / PROCESSES;
    for (let number = round * share + 1; number <= (round + 1) * share; number += 1) {
      outbox.add({ topic, payload: payloadOf(id, number), qos: 1, done: () => undefined });
    }
    if (round === PROCESSES - 1) await acknowledge(outbox, ACKNOWLEDGED);
    await outbox.close();
  }
}

async function acknowledge(outbox: Outbox, count: number): Promise<void> {
  let left = count;
  while (left > 0) {
    const ready = new Promise<void>((resolve) => {
      outbox.onReady = resolve;
    });
    for (let event = outbox.next(); event && left > 0; left -= 1) {
      outbox.acknowledge(event);
      event = left > 1 ? outbox.next() : undefined;
    }
    if (left > 0) await ready;
  }
}

async function passThrough(folder: string, count: number): Promise<void> {
  const outbox = openOutbox(folder);
  for (let done = 0; done < count; done += 1_000) {
    for (let number = 1; number <= 1_000; number += 1) {
      outbox.add({ topic: "t", payload: payloadOf("p", number), qos: 1, done: () => undefined });
    }
    await acknowledge(outbox, 1_000);
  }
  await outbox.close();
}

/** Those that came of an outbox: each as it was accepted, once and in order, none that had been acknowledged. */
function numbersOf(heard: readonly Heard[], id: string, what: string): number[] {
  const own = heard
    .filter(({ topic }) => topic.endsWith(`/${id}`))
    .map(({ payload }) => String(payload));
  const numbers = own.map((payload) => Number(JSON.parse(payload).event_data.number));
  assert.deepEqual(
    own,
    numbers.map((number) => payloadOf(id, number)),
    what,
  );
  const inOrder = [...new Set(numbers)].sort((one, other) => one - other);
  assert.deepEqual(numbers, inOrder, what);
  assert.ok((numbers[0] ?? Number.POSITIVE_INFINITY) > ACKNOWLEDGED, what);
  return numbers;
}

async function bytesIn(folder: string): Promise<number> {
  const names = await readdir(folder);
  const sizes = await Promise.all(
    names.map(async (name) => (await stat(path.join(folder, name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
