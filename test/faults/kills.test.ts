// Nothing accepted is lost when the broker or Node-RED is killed, again and again.
import assert from "node:assert/strict";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { EventStore } from "../../nodes/outbox/event-store";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { closeConnections, connectionTo, reaches, sendNumber } from "../support/connections";
import { DoneLog } from "../support/done-log";
import { EventLog } from "../support/event-log";
import { feedFlow, openFeed } from "../support/feed";
import { type Installation, installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { freePort } from "../support/processes";
import { TcpProxy } from "../support/tcp-proxy";
import { isWritten } from "../support/written-events";

const EVENTS = 20_000;
const KILLS = 10;
/** Node-RED is killed while so many, at the most, are in the flow or gathered for the next write. */
const ON_THEIR_WAY = 100;
const OFTEN_MS = 5;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

describe("the broker is killed and restarted", () => {
  it(`${KILLS} times during ${EVENTS} events: none is lost, and order is kept`, async function () {
    this.timeout(120_000);
    const mosquitto = await Mosquitto.start();
    const proxy = await TcpProxy.start(mosquitto.port);
    proxy.latency = 5;
    const observer = new EventLog();
    await observer.join(mosquitto.url);
    const connection = connectionTo(proxy);
    connection.addSender({});
    connection.endDeploy();
    await reaches(connection, "online");

    const fates: Promise<unknown>[] = [];
    for (let number = 0; number < EVENTS; number += 1) {
      fates.push(sendNumber(connection, number));
      if (number % 100 === 0) await new Promise(setImmediate);
      if (number % (EVENTS / KILLS) !== 1_000) continue;
      // The link goes first: a broker may die between acknowledging an event and passing it on.
      proxy.refuse();
      await mosquitto.kill();
      // The observer comes first, or the broker would pass on events while nobody looks.
      await mosquitto.resume();
      await observer.join(mosquitto.url);
      proxy.restore();
    }
    const results = await Promise.all(fates);
    await observer.has(EVENTS);

    assert.deepEqual(new Set(results), new Set([undefined]));
    assert.deepEqual(observer.firsts, upTo(EVENTS));
    console.log(`      ${observer.numbers.length - EVENTS} of ${EVENTS} came twice`);
    await closeConnections();
    await observer.leave();
    await proxy.stop();
    await mosquitto.stop();
  });
});

describe("Node-RED is killed and restarted", () => {
  let mosquitto: Mosquitto;
  let installed: Installation;
  let feedPort: number;
  let done: DoneLog;
  const observer = new EventLog();

  before(async () => {
    mosquitto = await Mosquitto.start();
    await observer.join(mosquitto.url);
    feedPort = await freePort();
    done = await DoneLog.start();
    installed = await installation([...feedFlow(mosquitto.url, feedPort), ...done.nodes]);
  });

  after(async () => {
    await observer.leave();
    await mosquitto.stop();
    done.stop();
    await installed.remove();
  });

  it(`${KILLS} times during ${EVENTS} events: none of the accepted is lost`, async function () {
    this.timeout(180_000);
    const onDisk = new Set<number>();
    let fed = 0;
    for (let kill = 1; kill <= KILLS; kill += 1) {
      const nodeRed = await NodeRed.start(installed.userDir);
      const feed = await openFeed(feedPort);
      await done.joined();
      // Every other time the broker is silent, so that events pile up on disk.
      if (kill % 2 === 0) mosquitto.freeze();
      const until = (EVENTS / KILLS) * kill;
      for (; fed < until; fed += 1) {
        feed.write(`{"number":${fed}}\n`);
        if (fed % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      }
      await isAccepted(until - ON_THEIR_WAY);
      await nodeRed.stop("SIGKILL");
      feed.destroy();
      await done.heardOut();
      for (const number of await stored(installed.userDir)) onDisk.add(number);
      mosquitto.thaw();
    }

    const last = await NodeRed.start(installed.userDir);
    const feed = await openFeed(feedPort);
    feed.write(`{"number":${fed}}\n`);
    await observer.hasNumber(fed);
    feed.destroy();
    await last.stop();

    const accepted = new Set([...done.numbers, ...onDisk, ...observer.distinct]);
    const lost = [...accepted].filter((number) => !observer.distinct.has(number));
    assert.deepEqual(lost, []);
    const { firsts } = observer;
    const misplaced = firsts.filter((number, index) => number < (firsts[index - 1] ?? 0));
    assert.deepEqual(misplaced, [], "each after the one before");
    // Events are accepted in their order: those that were not came right before a kill.
    const notAccepted = upTo(fed).filter((number) => !accepted.has(number));
    assert.deepEqual(notAccepted.filter(isNotOfTheLast), [], "none before one that was accepted");
    console.log(
      `      ${fed} fed, ${done.numbers.size} done, ${notAccepted.length} not yet accepted, ` +
        `${observer.numbers.length - observer.distinct.size} came twice`,
    );
  });

  /** Resolves once the event is on disk or delivered. */
  async function isAccepted(number: number): Promise<void> {
    const folder = path.join(installed.userDir, "m1-outbox", "c1");
    while (!done.numbers.has(number) && !(await isWritten(folder, number))) await pause(OFTEN_MS);
  }
});

/** Whether one that came after it, and before the next kill, was accepted. */
function isNotOfTheLast(number: number): boolean {
  return number % (EVENTS / KILLS) <= EVENTS / KILLS - ON_THEIR_WAY;
}

/** What a killed Node-RED left on disk, read before the next one starts. */
async function stored(userDir: string): Promise<number[]> {
  const store = new EventStore(path.join(userDir, "m1-outbox", "c1"), DEMO_ACCOUNT);
  if (!store.exists()) return [];
  assert.deepEqual(await store.open(), { lost: 0, warning: undefined }, "the store is undamaged");
  const events = await store.read({
    after: 0,
    upTo: store.newest,
    limit: EVENTS,
    bytes: Number.POSITIVE_INFINITY,
  });
  await store.close();
  return events.map(({ payload }) => JSON.parse(payload).event_data.number);
}
