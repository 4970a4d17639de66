// What a person does to an outbox, and what a page or a download of it is like, where much lies in it.
import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { once } from "node:events";
import path from "node:path";
import { PassThrough } from "node:stream";
import { sendAgain } from "../../nodes/admin/outbox-actions";
import { waitingLines, write } from "../../nodes/admin/outbox-downloads";
import { quarantinePage, waitingPage } from "../../nodes/admin/outbox-pages";
import type { Connection } from "../../nodes/connection/connection";
import type { Place } from "../../nodes/outbox/event-queue";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { type QuarantineEntry, refusedEntry } from "../../nodes/outbox/quarantine-entry";
import { M1Error } from "../../nodes/protocol/errors";
import { temporaryFolder } from "../support/processes";

const WHO = { projectMqtt: "p", userMqtt: "u" };
const POLICY = {
  limit: 1_000_000,
  bytes: Number.POSITIVE_INFINITY,
  full: "reject",
  maxAge: Number.POSITIVE_INFINITY,
} as const;
/** The largest that the service takes, nearly. */
const LARGE = JSON.stringify({ text: "x".repeat(64_000) });
const WANTED = { after: "", limit: 200, device: "" };

function refused(payload: string): QuarantineEntry {
  const event = { acceptedAt: 1, topic: "0/p/u/pump", payload, qos: 1 as const };
  return refusedEntry(event, new M1Error("EVENT_REFUSED", { reason: "too pink" }));
}

describe("an outbox in which much lies", () => {
  let outbox: Outbox;
  beforeEach(() => {
    outbox = new Outbox(POLICY);
    for (let n = 0; n < 1_000; n += 1) {
      outbox.add({ topic: `0/p/u/d${n}`, payload: LARGE, qos: 1, done: () => undefined });
    }
  });

  it("is shown a megabyte at a time, and all of it", async () => {
    const first = await waitingPage(outbox, WANTED);
    ok(first.events.length < 20, `${first.events.length}`);
    let count = 0;
    for (let after: string | undefined = ""; after !== undefined; ) {
      const { events, next } = await waitingPage(outbox, { ...WANTED, after });
      count += events.length;
      after = next;
    }
    equal(count, 1_000);
  });

  it("is downloaded a megabyte at a time", async () => {
    let lines = 0;
    for await (const text of waitingLines(outbox)) {
      ok(text.length < 1_200_000, `${text.length}`);
      lines += text.split("\n").length - 1;
    }
    equal(lines, 1_000);
  });

  it("shows its quarantine a megabyte at a time", async () => {
    for (let n = 0; n < 50; n += 1) outbox.quarantine.keep(refused(LARGE));
    const { events, next } = await quarantinePage(outbox, WHO, WANTED);
    ok(events.length < 20 && next !== undefined);
  });

  it("says that a page is the last if nothing comes behind it", async () => {
    const small = new Outbox(POLICY);
    small.add({ topic: "0/p/u/d", payload: "1", qos: 1, done: () => undefined });
    const { events, next } = await waitingPage(small, { ...WANTED, limit: 1 });
    deepEqual([events.length, next], [1, undefined]);
  });
});

describe("a page", () => {
  it("of a disk on which all is missing is empty, and ends", async () => {
    let looks = 0;
    const look = async (limit: number, { sequence }: Place) => {
      looks += 1;
      return { events: [], next: { sequence: sequence + limit, inMemory: 0 } };
    };
    const { events, next } = await waitingPage({ look } as unknown as Outbox, WANTED);
    deepEqual(events, []);
    ok(next !== undefined && looks < 1_000);
  });

  it("of a search ends, however much is in quarantine", async () => {
    let reads = 0;
    const read = async (before: number, limit: number) => {
      reads += 1;
      return Array.from({ length: limit }, (_, n) => ({ ...refused("1"), id: before - n - 1 }));
    };
    const outbox = { quarantine: { read, reasons: {} } } as unknown as Outbox;
    const { events, next } = await quarantinePage(outbox, WHO, { ...WANTED, device: "none" });
    deepEqual(events, []);
    ok(next !== undefined && reads < 1_000);
  });
});

describe("a download", () => {
  async function* lines(count: number, onEnd: () => void = () => undefined) {
    try {
      for (let n = 0; n < count; n += 1) yield "x".repeat(100_000);
    } finally {
      onEnd();
    }
  }

  it("waits for a slow reader with one listener, however long it is", async () => {
    const reader = new PassThrough();
    const before = reader.listenerCount("close");
    const written = write(lines(100), reader);
    let most = 0;
    let bytes = 0;
    for await (const chunk of reader) {
      most = Math.max(most, reader.listenerCount("close") - before);
      bytes += chunk.length;
      await new Promise(setImmediate);
    }
    await written;
    equal(bytes, 10_000_000);
    ok(most <= 4, `${most} listeners`);
  });

  it("ends when the reader goes away, and closes what it read", async () => {
    const reader = new PassThrough();
    let isClosed = false;
    const written = write(
      lines(1_000, () => {
        isClosed = true;
      }),
      reader,
    );
    await once(reader, "readable");
    reader.destroy();
    await written;
    equal(isClosed, true);
  });
});

describe("to send again what is in quarantine", () => {
  let remove: () => Promise<void>;
  let store: EventStore;
  let outbox: Outbox;
  let sent: string[];
  let connection: Connection;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    store = new EventStore(path.join(temporary.folder, "c1"), WHO);
    outbox = new Outbox(POLICY, { store });
    outbox.add({ topic: "0/p/u/d", payload: "0", qos: 1, done: () => undefined });
    while (!outbox.next()) {
      await new Promise<void>((resolve) => {
        outbox.onReady = resolve;
      });
    }
    sent = [];
    const settings = { identity: WHO };
    const takes = async ({ payload }: { payload: string }) => void sent.push(payload);
    connection = { outbox, settings, sendAgain: takes } as unknown as Connection;
  });
  afterEach(async () => {
    await outbox.close();
    await remove();
  });

  it("sends what is on disk and what is in memory, each once, the oldest first", async () => {
    await store.write({ quarantine: [refused("1"), refused("2")] });
    outbox.quarantine.keep(refused("3"));
    deepEqual(await sendAgain(connection, {}), { count: 3 });
    deepEqual([sent, outbox.quarantine.count], [["1", "2", "3"], 0]);
  });

  it("sends many large ones, each once", async () => {
    const large = (n: number) => refused(JSON.stringify(`${n}${"x".repeat(40_000)}`));
    const entries = Array.from({ length: 300 }, (_, n) => large(n));
    await store.write({ quarantine: entries });
    deepEqual(await sendAgain(connection, {}), { count: 300 });
    deepEqual(
      sent,
      entries.map(({ event }) => event?.payload),
    );
  });

  it("leaves another user's where they are, and says how many", async () => {
    const event = { acceptedAt: 1, topic: "0/p/other/pump", payload: "theirs", qos: 1 as const };
    const theirs = refusedEntry(event, new M1Error("EVENT_REFUSED", { reason: "too pink" }));
    await store.write({ quarantine: [refused("1"), theirs, refused("2")] });
    const { count, error } = await sendAgain(connection, {});
    deepEqual([count, error?.code, error?.details], [2, "OUTBOX_FOREIGN", { count: 1 }]);
    deepEqual([sent, outbox.quarantine.count], [["1", "2"], 1]);
  });

  it("says how many were sent, and that the disk did not let them go", async () => {
    await store.write({ quarantine: [refused("1")] });
    outbox.quarantine.remove = () =>
      Promise.reject(new M1Error("OUTBOX_UNUSABLE", { reason: "r" }));
    const { count, error } = await sendAgain(connection, {});
    deepEqual([count, error?.code], [1, "OUTBOX_UNUSABLE"]);
  });

  it("throws what is no error of ours", async () => {
    await store.write({ quarantine: [refused("1")] });
    const broken = { ...connection, sendAgain: () => Promise.reject(new TypeError("a fault")) };
    await rejects(sendAgain(broken as unknown as Connection, {}), TypeError);
    equal(outbox.quarantine.count, 1);
  });
});
