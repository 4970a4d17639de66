// A machine without a clock chip starts in the past, and its clock is set when a time server answers.
import assert from "node:assert/strict";
import { connectAsync } from "mqtt";
import { type FedInstallation, fedInstallation } from "../support/fed-installation";
import { isQueued, openFeed, sendNumbers } from "../support/feed";
import { NodeRed } from "../support/node-red";
import { printed, prints } from "../support/printed";
import { SystemClock } from "../support/system-clock";

const EVENTS = 100;
const SECOND = 1_000;

describe("a machine that starts in 1970 and hears the time", function () {
  this.timeout(60_000);
  let place: FedInstallation;
  let clock: SystemClock;

  beforeEach(async () => {
    place = await fedInstallation({ outboxMaxAge: "1" });
    clock = new SystemClock(place.userDir);
    await clock.startsAt("1970-01-01 00:00:10");
    place.proxy.refuse();
  });
  afterEach(() => place.remove());

  it("sends the 100 readings that it took before with the time at which it took them, and says so once", async () => {
    const observed = await observedTimes(place);
    const nodeRed = await NodeRed.start(place.userDir, {}, clock.launch);
    const { from, to } = await feedAll(nodeRed);
    await clock.hearTimeServer();
    const [line] = await printed(nodeRed, /The system's clock was set .*/);
    place.proxy.restore();
    const times = await observed(EVENTS);
    await nodeRed.stop();

    assertTaken(times, from, to);
    assert.match(line, / from 1970-01-01T00:0\d:\d\dZ to 20[2-9]\d-/);
    assert.equal(nodeRed.output.split("The system's clock was set").length, 2);
    assert.doesNotMatch(nodeRed.output, /Not sent/);
  });

  it("does so over a kill, too, and starts with the right time then", async () => {
    const observed = await observedTimes(place);
    const first = await NodeRed.start(place.userDir, {}, clock.launch);
    const { from, to } = await feedAll(first);
    await clock.hearTimeServer();
    await printed(first, /The system's clock was set .*/);
    // What is accepted now is written after the correction is.
    const feed = await openFeed(place.feedPort);
    await sendNumbers(feed, EVENTS, EVENTS + 1);
    await isQueued(first, EVENTS + 1);
    feed.destroy();
    await first.stop("SIGKILL");
    const second = await NodeRed.start(place.userDir, {}, clock.launch);
    await prints(second, `Events queued on disk: ${EVENTS + 1}`);
    place.proxy.restore();
    const times = await observed(EVENTS + 1);
    await place.observer.has(EVENTS + 1);
    await second.stop();

    assertTaken(times.slice(0, EVENTS), from, to);
    assert.deepEqual(place.observer.firsts, upTo(EVENTS + 1));
    assert.doesNotMatch(second.output, /The system's clock was set|Not sent/);
  });

  /** Between which moments of the machine's true clock the readings came. */
  async function feedAll(nodeRed: NodeRed): Promise<{ from: number; to: number }> {
    const feed = await openFeed(place.feedPort);
    const from = Date.now();
    await sendNumbers(feed, 0, EVENTS);
    await isQueued(nodeRed, EVENTS);
    const to = Date.now();
    feed.destroy();
    return { from, to };
  }
});

/** Resolves to a function that waits for so many events from now on, and tells the `observed_at` of each. */
async function observedTimes({ brokerUrl }: FedInstallation) {
  const times: string[] = [];
  const client = await connectAsync(brokerUrl, { reconnectPeriod: 0 });
  client.on("message", (_topic, payload) => times.push(JSON.parse(String(payload)).observed_at));
  await client.subscribeAsync("0/#");
  return async (count: number): Promise<string[]> => {
    while (times.length < count) {
      await new Promise<unknown>((resolve) => client.once("message", resolve));
    }
    await client.endAsync(true);
    return times;
  };
}

/** All within that time, each later than the one before. */
function assertTaken(times: readonly string[], from: number, to: number): void {
  assert.equal(times.length, EVENTS);
  assert.deepEqual(times, [...new Set(times)].sort());
  const wrong = times.filter((time) => {
    const taken = Date.parse(time);
    return !(taken >= from - SECOND && taken <= to + SECOND);
  });
  assert.deepEqual(wrong, []);
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
