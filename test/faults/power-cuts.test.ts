// What a power cut leaves of the outbox: a real Node-RED's disk is recorded, and made again as it was at random moments.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import type { Socket } from "node:net";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { type Operation, readTrace, traced } from "../support/disk-trace";
import { drained } from "../support/drained-outbox";
import { feedFlow, openFeed } from "../support/feed";
import { type Installation, installation } from "../support/installation";
import { type Written, writtenEvents } from "../support/level-log";
import { type Launch, NodeRed } from "../support/node-red";
import { PowerCut } from "../support/power-cut";
import { preloadTiming } from "../support/preload-timing";
import { freePort, temporaryFolder } from "../support/processes";
import { Random } from "../support/random";
import { RecordingBroker, seconds, type UserRecord } from "../support/recording-broker";

/** Printed, and taken from the environment to run it again. */
const SEED = Number(process.env.M1_TEST_SEED ?? Date.now() % 1_000_000);
const SYNCS = ["second", "always", "never"] as const;
type Sync = (typeof SYNCS)[number];
const CUTS = 50;
/** At so many of these moments a real Node-RED starts, with all three settings; else the outbox alone. */
const NODE_REDS = 5;
/** Seconds without a broker and with one, in turn. In the last of them all is delivered, and some pass after that. */
const PHASES = [8, 10, 5, 14];
/** No events come from this phase on. */
const QUIET = 3;
const EVENTS_PER_SECOND = 600;
/** So that what waits gets less. */
const ACKNOWLEDGED_PER_SECOND = 3 * EVENTS_PER_SECOND;
/** What "second" promises, and 0.3 s for a machine that traces every call and does other things. */
const A_SECOND = 1.3;
/** Seconds. What was acknowledged longer ago must not come again. */
const LONGEST_REPEAT = 6;
/** Seconds that LevelDB needs for a table. */
const TABLE = 0.1;

interface Recording {
  /** Those on its files, and on no other connection's: their syncs must not count for it. */
  readonly operations: readonly Operation[];
  readonly written: ReadonlyMap<number, Written>;
  readonly broker: UserRecord;
}

describe(`a power cut (M1_TEST_SEED=${SEED})`, function () {
  this.timeout(240_000);

  let broker: RecordingBroker;
  let place: Installation;
  let feedPort: number;
  let launch: Launch;
  let scratch: Awaited<ReturnType<typeof temporaryFolder>>;
  const recordings = new Map<Sync, Recording>();
  let fed = 0;
  let begin = 0;
  let end = 0;

  before(async () => {
    scratch = await temporaryFolder();
    broker = await RecordingBroker.start(SYNCS.length * ACKNOWLEDGED_PER_SECOND);
    feedPort = await freePort();
    place = await installation(threeConnections(broker.url, feedPort));
    const timing = await preloadTiming(place.userDir, { firstRetry: 50, longestRetry: 200 });
    launch = { nodeOptions: ["--require", timing] };
    const trace = path.join(scratch.folder, "trace");
    broker.leave();
    begin = seconds();
    const nodeRed = await NodeRed.start(place.userDir, {}, { ...launch, wrapper: traced(trace) });
    const feed = await openFeed(feedPort);
    const stopFeeding = feeding(feed);
    for (const [index, phase] of PHASES.entries()) {
      if (index === QUIET) fed = stopFeeding();
      if (index % 2 === 0) broker.leave();
      else broker.comeBack();
      await pause(phase * 1_000);
    }
    end = seconds();
    await nodeRed.stop("SIGKILL");
    feed.destroy();
    const operations = await readTrace(trace, outboxes());
    await rm(trace);
    for (const sync of SYNCS) {
      const others = SYNCS.map(idOf).filter((id) => id !== idOf(sync));
      const own = operations.filter(({ path: name }) => !others.some((id) => name.includes(id)));
      const record = broker.of(userOf(sync));
      recordings.set(sync, { operations: own, written: writtenEvents(own), broker: record });
    }
  });

  after(async () => {
    await broker.stop();
    await place.remove();
    await scratch.remove();
  });

  function outboxes(): string {
    return path.join(place.userDir, "m1-outbox");
  }

  function recording(sync: Sync): Recording {
    const found = recordings.get(sync);
    assert.ok(found);
    return found;
  }

  /** Half of them while LevelDB makes a table of its log, or one of several. */
  function moments(sync: Sync, random: Random): number[] {
    const tables = recording(sync).operations.filter(
      ({ kind, path: name }) => kind === "create" && name.endsWith(".ldb"),
    );
    assert.ok(tables.length >= 5, `${tables.length} tables`);
    return Array.from({ length: CUTS }, (_, index) =>
      index % 2 === 0
        ? begin + random.fraction() * (end - begin)
        : random.pick(tables).start + random.fraction() * TABLE,
    );
  }

  async function cut(sync: Sync, moment: number, to: string, random?: Random): Promise<void> {
    await new PowerCut(recording(sync).operations, moment).leave(outboxes(), to, random);
  }

  for (const sync of SYNCS) {
    it(`with "${sync}" leaves what it promises, at ${CUTS} moments`, async () => {
      const random = new Random(SEED);
      const tally = new Tally(sync, recording(sync));
      const folder = path.join(scratch.folder, "left");
      for (const moment of moments(sync, random)) {
        for (const more of [undefined, random]) {
          await cut(sync, moment, folder, more);
          const { payloads, told } = await drained(path.join(folder, idOf(sync)), userOf(sync));
          tally.check(moment, payloads, told);
          await rm(folder, { recursive: true, force: true });
        }
      }
      console.log(`      ${tally}`);
    });
  }

  it(`leaves it to a Node-RED, too, at ${NODE_REDS} moments`, async () => {
    const random = new Random(SEED);
    const tallies = SYNCS.map((sync) => new Tally(sync, recording(sync)));
    for (let count = 1; count <= NODE_REDS; count += 1) {
      const moment = begin + random.fraction() * (end - begin);
      await rm(outboxes(), { recursive: true });
      for (const sync of SYNCS) await cut(sync, moment, outboxes(), count % 2 ? undefined : random);
      broker.forget();
      const last = fed + count;

      const nodeRed = await NodeRed.start(place.userDir, {}, launch);
      const feed = await openFeed(feedPort);
      feed.write(lineOf(last));
      await broker.has(last, SYNCS.map(userOf));
      await nodeRed.stop();
      feed.destroy();

      for (const tally of tallies) {
        const { received } = broker.of(userOf(tally.sync));
        received.delete(last);
        tally.check(
          moment,
          [...received.values()].map(({ payload }) => payload),
        );
      }
    }
    for (const tally of tallies) console.log(`      ${tally}`);
  });

  it('with "always" finds no event that is sent on a disk that does not have it', () => {
    const { written, broker: record } = recording("always");
    const early = [...record.received.keys()].filter((number) => {
      const received = record.received.get(number)?.at ?? 0;
      return !((written.get(number)?.syncedAt ?? Number.POSITIVE_INFINITY) < received);
    });

    assert.equal(early.length, 0, `${early.length} events, ${early[0]} the first`);
    assert.equal(record.received.size, fed);
  });
});

/** What has come after the cuts, and what has not. */
class Tally {
  readonly sync: Sync;
  readonly #recording: Recording;
  #came = 0;
  #lost = 0;
  #told = 0;
  #repeated = 0;
  /** Seconds before the cut. */
  #newestKept = 0;
  #longestRepeat = 0;

  constructor(sync: Sync, recording: Recording) {
    this.sync = sync;
    this.#recording = recording;
  }

  /** Nothing but what was accepted comes, unchanged, once, in order, and all that is promised; `told` as lost is no more than was. */
  check(moment: number, payloads: readonly string[], told = 0): void {
    const { written, broker } = this.#recording;
    const before = [...written.values()].filter(({ at }) => at <= moment);
    const numbers = payloads.map((payload) => this.#numberOf(payload));
    const came = new Set(numbers);
    assert.deepEqual(
      numbers,
      before.map(({ number }) => number).filter((number) => came.has(number)),
    );
    const missing = before.filter(({ number }) => !came.has(number));
    assert.ok(told <= missing.length, `${told} are told as lost, ${missing.length} are`);
    const lost = missing.filter(({ number }) => !broker.wasAcknowledged(number, moment));
    const promised = lost.filter((event) => this.#isPromised(event, moment));
    assert.deepEqual(promised.slice(0, 10), [], `${promised.length} events at ${moment}`);
    const repeated = numbers.filter((number) => broker.wasAcknowledged(number, moment));
    for (const number of repeated) {
      const acknowledged = broker.lastAcknowledged.get(number) ?? 0;
      this.#longestRepeat = Math.max(this.#longestRepeat, moment - acknowledged);
    }
    for (const { at } of lost) this.#newestKept = Math.max(this.#newestKept, moment - at);
    this.#came += came.size;
    this.#lost += lost.length;
    this.#told += told;
    this.#repeated += repeated.length;
    if (this.sync !== "never") assert.ok(this.#longestRepeat < LONGEST_REPEAT, String(this));
  }

  toString(): string {
    return (
      `"${this.sync}": ${this.#came} events came, ${this.#lost} did not, written at most ` +
      `${this.#newestKept.toFixed(2)} s before, ${this.#told} told; ${this.#repeated} came again, ` +
      `acknowledged at most ${this.#longestRepeat.toFixed(1)} s before`
    );
  }

  #isPromised({ number, at }: Written, moment: number): boolean {
    if (this.sync === "never") return false;
    if (at < moment - A_SECOND) return true;
    const sent = this.#recording.broker.received.get(number)?.at ?? Number.POSITIVE_INFINITY;
    return this.sync === "always" && sent <= moment;
  }

  #numberOf(payload: string): number {
    const { number, text } = JSON.parse(payload).event_data;
    assert.equal(text, textOf(number));
    // With its time, too.
    assert.equal(payload, this.#recording.broker.received.get(number)?.payload);
    return number;
  }
}

/** The same events over three connections, each with a setting and a user of its own. */
function threeConnections(url: string, feedPort: number) {
  const [tab, connection, feed, out] = feedFlow(url, feedPort);
  return [
    tab,
    { ...feed, wires: [SYNCS.map((sync) => `out-${sync}`)] },
    ...SYNCS.flatMap((sync) => [
      { ...connection, id: idOf(sync), userMqtt: userOf(sync), outboxSync: sync },
      { ...out, id: `out-${sync}`, connection: idOf(sync) },
    ]),
  ] as { id: string; type: string }[];
}

/** Node-RED takes any property that is a node's id for a reference to it. */
function idOf(sync: Sync): string {
  return `connection-${sync}`;
}

function userOf(sync: Sync): string {
  return `user-${sync}`;
}

/** Sends numbered events until the returned function is called, which tells how many. */
function feeding(feed: Socket): () => number {
  let next = 0;
  const began = seconds();
  const timer = setInterval(() => {
    for (; next < (seconds() - began) * EVENTS_PER_SECOND; next += 1) feed.write(lineOf(next));
  }, 20);
  return () => {
    clearInterval(timer);
    return next;
  };
}

function lineOf(number: number): string {
  return `${JSON.stringify({ number, text: textOf(number) })}\n`;
}

/** Nothing that LevelDB could compress: its logs and tables are to become full. */
function textOf(number: number): string {
  return createHash("shake256", { outputLength: 1_200 }).update(String(number)).digest("base64");
}
