// An outage that is longer than the outbox is large, or than events are worth keeping: what is given up is told.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { eachBehindProxy } from "../support/bad-network";
import { type FedInstallation, fedInstallation } from "../support/fed-installation";
import { isQueued, openFeed, sendNumbers } from "../support/feed";
import {
  allCaught,
  catching,
  caught,
  connectionTo,
  eventOut,
  input,
  online,
  shows,
  startFlow,
} from "../support/flows";
import { NodeRed } from "../support/node-red";
import { prints } from "../support/printed";

describe("an outage during which the outbox becomes full", () => {
  const LIMIT = 30;
  const EVENTS = 50;

  const network = eachBehindProxy();

  /** The code of each message's error, once all is over; and what arrived. */
  async function outage(config: object): Promise<{ codes: unknown[]; arrived: number[] }> {
    const limited = { outboxLimit: String(LIMIT), ...config };
    await startFlow([connectionTo(network.proxy, limited), eventOut(), ...catching()]);
    await online();
    network.proxy.refuse();
    await shows("out", ({ fill }) => fill === "red");
    const outcomes = upTo(EVENTS).map((value) => input("out", { payload: value }));
    network.proxy.restore();
    const codes = (await Promise.all(outcomes)).map(({ error }) => error?.code);
    await network.observer.numbers(LIMIT);
    // Whatever should not have come would come before this one.
    assert.equal((await input("out", { payload: EVENTS })).error, undefined);
    return { codes, arrived: await network.observer.numbers(LIMIT + 1) };
  }

  it("refuses each new event with an error on its message, and delivers the others", async () => {
    const { codes, arrived } = await outage({ outboxFull: "reject" });

    assert.deepEqual(
      codes,
      upTo(EVENTS).map((value) => (value < LIMIT ? undefined : "OUTBOX_FULL")),
    );
    assert.deepEqual(arrived, [...upTo(LIMIT), EVENTS]);
    const refused = allCaught().filter(({ error }) => error.code === "OUTBOX_FULL");
    assert.deepEqual(
      refused.map(({ payload }) => payload),
      upTo(EVENTS).slice(LIMIT),
    );
  });

  it("drops the oldest with an error on their messages, and tells their number once", async () => {
    const { codes, arrived } = await outage({ outboxFull: "drop-oldest" });
    while (!losses().length) await caught();
    // Whatever is told a second time is told by the time that these are done.
    for (const payload of [EVENTS + 1, EVENTS + 2]) await input("out", { payload });

    const dropped = EVENTS - LIMIT;
    assert.deepEqual(
      codes,
      upTo(EVENTS).map((value) => (value < dropped ? "OUTBOX_DROPPED" : undefined)),
    );
    assert.deepEqual(arrived, upTo(EVENTS + 1).slice(dropped));
    assert.deepEqual(losses(), [
      `Events that were not sent: ${dropped} dropped from the full outbox`,
    ]);
  });

  function losses(): string[] {
    const told = allCaught().filter(({ error }) => error.code === "OUTBOX_LOSSES");
    return told.map(({ error }) => error.message);
  }
});

describe("an outage that is longer than events are worth keeping", () => {
  const OLD = 20;
  const YOUNG = 5;
  const MAX_AGE_MS = 8_000;

  let place: FedInstallation;
  beforeEach(async () => {
    place = await fedInstallation({ outboxMaxAge: String(MAX_AGE_MS / 3_600_000) });
  });
  afterEach(() => place.remove());

  it("gives up what is too old, tells its number once, over a restart too, and delivers the rest", async () => {
    const { userDir, feedPort, proxy, observer } = place;
    proxy.refuse();
    const before = await NodeRed.start(userDir);
    const first = await openFeed(feedPort);
    await sendNumbers(first, 0, OLD);
    await isQueued(before, OLD);
    first.destroy();
    await before.stop();
    // Growing old can only be waited for.
    await pause(MAX_AGE_MS);

    const after = await NodeRed.start(userDir);
    const second = await openFeed(feedPort);
    await sendNumbers(second, OLD, OLD + YOUNG);
    await isQueued(after, OLD + YOUNG);
    proxy.restore();
    await observer.has(YOUNG);
    const told = `Events that were not sent: ${OLD} too old`;
    await prints(after, told);
    await sendNumbers(second, OLD + YOUNG, OLD + YOUNG + 1);
    await observer.has(YOUNG + 1);
    second.destroy();
    await after.stop();

    assert.deepEqual(observer.firsts, upTo(OLD + YOUNG + 1).slice(OLD));
    assert.equal(after.output.split("Events that were not sent").length - 1, 1, after.output);
  });
});

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
