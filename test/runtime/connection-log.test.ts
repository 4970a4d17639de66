// When a connection tells of events that its outbox gave up: once an episode, whatever else goes on.
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import type { Node, NodeAPI } from "node-red";
import type { Outbox } from "../../nodes/outbox/outbox";
import { ConnectionLog } from "../../nodes/runtime/connection-log";
import { connectionTo } from "../support/connections";

const RED = { _: (key: string) => key } as unknown as NodeAPI;

/** A diary of an outbox in which five events are always on their way. */
function scene() {
  const outbox = { losses: { dropped: 0, expired: 0 }, size: 5, isFull: false };
  const told: string[] = [];
  const news = new EventEmitter();
  const error = ({ message }: Error) => {
    told.push(message);
    news.emit("told");
  };
  const node = { error, warn: () => undefined } as unknown as Node;
  const { settings } = connectionTo({ url: "mqtt://127.0.0.1" });
  const diary = new ConnectionLog(RED, node, settings, outbox as unknown as Outbox);
  return { outbox, told, diary, isTold: () => once(news, "told") };
}

describe("losses of an outbox", () => {
  it("are told once when no more follow, though the outbox is never empty", async () => {
    const { outbox, told, diary, isTold } = scene();
    for (let count = 1; count <= 3; count += 1) {
      outbox.losses.dropped = count;
      diary.outbox();
    }
    outbox.losses.expired = 2;
    diary.outbox();
    assert.deepEqual(told, []);

    await isTold();

    diary.outbox();
    diary.close();
    assert.equal(told.length, 1);
    assert.match(told[0] ?? "", /3 dropped.* 2 too old/);
  });

  it("are not told while the outbox is full", async () => {
    const { outbox, diary, told, isTold } = scene();
    const full = scene();
    for (const one of [{ outbox, diary }, full]) {
      one.outbox.losses.dropped = 1;
      one.outbox.isFull = one === full;
      one.diary.outbox();
    }
    await isTold();
    assert.equal(told.length, 1);
    assert.deepEqual(full.told, []);

    const toldLater = full.isTold();
    full.outbox.isFull = false;
    await toldLater;
  });

  it("are told at the latest when the connection is closed", () => {
    const { outbox, diary, told } = scene();
    outbox.losses.expired = 1;
    diary.outbox();
    diary.close();
    assert.equal(told.length, 1);
  });

  it("leave no timer behind that would keep the process up", () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const { outbox, diary } = scene();
    const before = timers();
    outbox.losses.dropped = 1;
    diary.outbox();
    assert.equal(timers(), before + 1);

    diary.close();

    assert.equal(timers(), before);
  });
});
