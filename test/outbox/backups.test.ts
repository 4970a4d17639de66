// An outbox on disk that was copied or put back, whole or in part, by somebody who knows nothing of it.
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, readdir, rm } from "node:fs/promises";
import path from "node:path";
import type { Delivery } from "../../nodes/outbox/event";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { temporaryFolder } from "../support/processes";

describe("an outbox on disk that", () => {
  let place: string;
  let removePlace: () => Promise<void>;
  const open = new Set<Outbox>();

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    place = temporary.folder;
    removePlace = temporary.remove;
  });

  afterEach(async () => {
    for (const outbox of open) await outbox.close();
    open.clear();
    await removePlace();
  });

  const at = (name: string) => path.join(place, name);

  function outboxIn(name: string): Outbox {
    const endless = Number.POSITIVE_INFINITY;
    const policy = { limit: 1_000_000, full: "reject", bytes: endless, maxAge: endless } as const;
    const store = new EventStore(at(name), { projectMqtt: "p", userMqtt: "u" });
    const outbox = new Outbox(policy, { store });
    open.add(outbox);
    return outbox;
  }

  async function close(outbox: Outbox): Promise<void> {
    open.delete(outbox);
    await outbox.close();
  }

  /** A run that accepts these, and has the first so many that wait acknowledged. */
  async function run(name: string, from: number, to: number, acknowledged = 0): Promise<Outbox> {
    const outbox = outboxIn(name);
    add(outbox, from, to);
    await sent(outbox, acknowledged);
    await close(outbox);
    return outbox;
  }

  /** All that waits, by number, and how many were told as lost; `end` comes behind it. */
  async function rest(name: string) {
    const outbox = outboxIn(name);
    add(outbox, END, END);
    const numbers: number[] = [];
    while (numbers.at(-1) !== END) numbers.push(...(await sent(outbox, 1)));
    await close(outbox);
    return { numbers: numbers.slice(0, -1), lost: outbox.losses.unreadable };
  }

  it("was copied while it was closed goes on in both places from there", async () => {
    await run("c1", 1, 1_000, 200);
    await cp(at("c1"), at("copy"), { recursive: true });

    assert.deepEqual(await rest("c1"), { numbers: numbers(201, 1_000), lost: 0 });
    assert.deepEqual(await rest("copy"), { numbers: numbers(201, 1_000), lost: 0 });
  });

  it("is copied while it is written holds nothing wrong, nothing twice and nothing out of order", async () => {
    await run("c1", 1, 1);
    const outbox = outboxIn("c1");
    let next = 2;
    let isCopied = false;
    const writing = (async () => {
      while (!isCopied) {
        add(outbox, next, next + 499);
        next += 500;
        await new Promise<void>((resolve) => {
          outbox.onReady = resolve;
        });
        if (next % 2_000 === 2) await sent(outbox, 700);
      }
    })();
    const copies = ["a", "b", "c", "d", "e"];
    for (const copy of copies) await copyLive(at("c1"), at(copy));
    isCopied = true;
    await writing;
    await close(outbox);

    for (const copy of copies) {
      const { numbers: found } = await rest(copy);
      const inOrder = [...new Set(found)].sort((one, other) => one - other);
      assert.deepEqual(found, inOrder);
      assert.ok((found.at(-1) ?? 0) < next);
    }
  });

  it("was put back whole sends again what was sent since, and loses nothing that is accepted then", async () => {
    await run("c1", 1, 1_000, 200);
    await cp(at("c1"), at("backup"), { recursive: true });
    await run("c1", 1_001, 1_500, 900);
    await rm(at("c1"), { recursive: true });
    await cp(at("backup"), at("c1"), { recursive: true });

    await run("c1", 2_001, 2_300);

    assert.deepEqual(await rest("c1"), {
      numbers: [...numbers(201, 1_000), ...numbers(2_001, 2_300)],
      lost: 0,
    });
  });

  it("was put back without its ledger does the same", async () => {
    await run("c1", 1, 1_000, 200);
    await cp(at("c1"), at("backup"), { recursive: true });
    await rm(at("c1"), { recursive: true });
    await cp(at("backup"), at("c1"), { recursive: true, filter: (file) => !/ledger-/.test(file) });

    assert.deepEqual(await rest("c1"), { numbers: numbers(201, 1_000), lost: 0 });
  });

  it("was put back beneath a newer ledger sends nothing again, and says how many of the newer events are gone", async () => {
    await run("c1", 1, 1_000, 200);
    await cp(at("c1"), at("backup"), { recursive: true });
    await run("c1", 1_001, 1_500, 600);
    const [ledger = ""] = (await readdir(at("c1"))).filter((name) => name.startsWith("ledger-"));
    await cp(path.join(at("c1"), ledger), path.join(at("backup"), ledger));
    await rm(at("c1"), { recursive: true });
    await cp(at("backup"), at("c1"), { recursive: true });

    assert.deepEqual(await rest("c1"), { numbers: numbers(801, 1_000), lost: 500 });
  });

  it("has an older ledger beside it goes by what it knows itself", async () => {
    await run("c1", 1, 1_000, 200);
    const [ledger = ""] = (await readdir(at("c1"))).filter((name) => name.startsWith("ledger-"));
    await cp(path.join(at("c1"), ledger), at(ledger));
    await run("c1", 1_001, 1_500, 600);
    await cp(at(ledger), path.join(at("c1"), ledger));

    assert.deepEqual(await rest("c1"), { numbers: numbers(801, 1_500), lost: 0 });
  });
});

const END = 1_000_000;

/** As `cp -r` does: what is gone when its turn comes is left out. */
async function copyLive(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(from)) {
    await copyFile(path.join(from, name), path.join(to, name)).catch(isGone);
  }
}

function isGone(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOENT") throw error;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

function add(outbox: Outbox, from: number, to: number): void {
  for (const number of numbers(from, to)) {
    const payload = JSON.stringify({ event_data: { number } });
    outbox.add({ topic: "0/p/u/d", payload, qos: 1, done: () => undefined });
  }
}

/** Sends and acknowledges so many; their numbers. */
async function sent(outbox: Outbox, count: number): Promise<number[]> {
  const found: number[] = [];
  while (found.length < count) {
    const delivery = outbox.next();
    if (delivery) found.push(acknowledged(outbox, delivery));
    else await new Promise<void>((ready) => Object.assign(outbox, { onReady: ready }));
  }
  return found;
}

function acknowledged(outbox: Outbox, delivery: Delivery): number {
  const { number } = JSON.parse(delivery.payload).event_data;
  outbox.acknowledge(delivery);
  return number;
}
