// When a connection tells of events that its outbox gave up: once an episode, whatever else goes on.
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import type { Node, NodeAPI } from "node-red";
import type { Connection } from "../../nodes/connection/connection";
import { ConnectionLog } from "../../nodes/runtime/connection-log";
import { connectionTo } from "../support/connections";
import { Machine } from "../support/machine";

const RED = { _: (key: string) => key } as unknown as NodeAPI;

/** The log of an outbox in which five events are always on their way. */
function scene() {
  const outbox = {
    losses: { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 },
    size: 5,
    isFull: false,
  };
  const told: string[] = [];
  const news = new EventEmitter();
  const error = ({ message }: Error) => {
    told.push(message);
    news.emit("told");
  };
  const node = { error, warn: () => undefined } as unknown as Node;
  const { settings, broker } = connectionTo({ url: "mqtt://127.0.0.1" });
  const connection = { settings, broker, outbox } as unknown as Connection;
  const log = new ConnectionLog(RED, node, connection);
  return { outbox, told, log, isTold: () => once(news, "told") };
}

describe("losses of an outbox", () => {
  it("are told once when no more follow, though the outbox is never empty", async () => {
    const { outbox, told, log, isTold } = scene();
    for (let count = 1; count <= 3; count += 1) {
      outbox.losses.dropped = count;
      log.outbox();
    }
    outbox.losses.expired = 2;
    log.outbox();
    assert.deepEqual(told, []);

    await isTold();

    log.outbox();
    log.close();
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /3 dropped.* 2 too old/);
  });

  it("are not told while the outbox is full", async () => {
    const { outbox, log, told, isTold } = scene();
    const full = scene();
    for (const one of [{ outbox, log }, full]) {
      one.outbox.losses.dropped = 1;
      one.outbox.isFull = one === full;
      one.log.outbox();
    }
    await isTold();
    assert.equal(told.length, 1);
    assert.deepEqual(full.told, []);

    const toldLater = full.isTold();
    full.outbox.isFull = false;
    await toldLater;
  });

  it("are told at the latest when the connection is closed", () => {
    const { outbox, log, told } = scene();
    outbox.losses.expired = 1;
    log.outbox();
    log.close();
    assert.equal(told.length, 1);
  });

  it("leave no timer behind that would keep the process up", () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const { outbox, log } = scene();
    const before = timers();
    outbox.losses.dropped = 1;
    log.outbox();
    assert.equal(timers(), before + 1);

    log.close();

    assert.equal(timers(), before);
  });
});

describe("a clock that was set", () => {
  it("is told once in the log, from which time to which, however many connections there are", () => {
    const machine = new Machine("1970-01-01T00:00:10Z");
    const clock = machine.startProcess();
    const told: string[] = [];
    const node = { log: (text: string) => told.push(text) } as unknown as Node;
    const { settings } = connectionTo({ url: "mqtt://127.0.0.1" });
    const outbox = { losses: { dropped: 0, expired: 0, unreadable: 0, quarantined: 0 } };
    const connection = { settings, outbox } as unknown as Connection;
    const logs = [1, 2].map(() => new ConnectionLog(RED, node, connection, clock));
    machine.wait(20_000);
    machine.setClock("2026-03-04T05:06:07Z");
    clock.now();
    machine.wait(20_000);
    clock.now();
    for (const log of logs) log.close();
    machine.setClock("2026-03-05T05:06:07Z");
    clock.now();

    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", / from 1970-01-01T00:00:30Z to 2026-03-04T05:06:07Z\./);
  });
});
