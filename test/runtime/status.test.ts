// When a status is told again: not for what only grows older or goes on its way.
import { deepEqual } from "node:assert/strict";
import type { Node, NodeAPI } from "node-red";
import type { ConnectionState, QueueState } from "../../nodes/connection/connection-state";
import { M1Error } from "../../nodes/protocol/errors";
import { connectionStatus, type Status, statusDisplay } from "../../nodes/runtime/status";

const OLDEST = Date.UTC(2026, 0, 31);
const YOUNGER = OLDEST + 59_999;
const LATER = OLDEST + 60_000;

const RED = { _: (key: string) => key } as unknown as NodeAPI;

const queue: QueueState = {
  size: 2,
  inFlight: 0,
  oldest: OLDEST,
  quarantined: 0,
  isFull: false,
  sendRate: Number.POSITIVE_INFINITY,
};
const refused = new M1Error("REFUSED", { broker: "mqtt://127.0.0.1:1" });
const offline: ConnectionState = { name: "offline", reason: refused, retryIn: 1 };
const first: ConnectionState = { name: "connecting", lastFailure: undefined };
const trying: ConnectionState = { name: "connecting", lastFailure: refused };
const lost = { ...offline, reason: new M1Error("TLS_FAILED", { broker: "", reason: "" }) };
const noTls = { ...offline, reason: new M1Error("TLS_NOT_SPOKEN", { broker: "" }) };

describe("a status", () => {
  const cases: [string, [ConnectionState, QueueState], [ConnectionState, QueueState], number][] = [
    ["the same once more", [offline, queue], [offline, queue], 1],
    ["a younger oldest event", [offline, queue], [offline, { ...queue, oldest: YOUNGER }], 1],
    ["one of a minute later", [offline, queue], [offline, { ...queue, oldest: LATER }], 2],
    ["events while the first attempt lasts", [first, queue], [first, { ...queue, size: 3 }], 2],
    ["more in flight", [offline, queue], [offline, { ...queue, inFlight: 2 }], 1],
    ["the next attempt", [offline, queue], [trying, queue], 1],
    ["another number", [offline, queue], [offline, { ...queue, size: 3 }], 2],
    ["another code behind the same words", [lost, queue], [noTls, queue], 2],
    ["one more in quarantine", [offline, queue], [offline, { ...queue, quarantined: 1 }], 2],
  ];
  for (const [title, before, after, times] of cases) {
    it(`is told ${times === 1 ? "once" : "again"}: ${title}`, () => {
      const told: Status[] = [];
      const show = statusDisplay({
        status: (status: Status) => told.push(status),
      } as never as Node);
      const statuses = [before, after].map((each) => connectionStatus(RED, ...each));
      for (const status of statuses) show(status);
      deepEqual(told, statuses.slice(0, times));
    });
  }

  it("leaves out a time that damage has made", () => {
    const { m1 } = connectionStatus(RED, offline, { ...queue, oldest: 1e20 });
    deepEqual(m1, { state: "offline", code: "REFUSED", waiting: 2 });
  });
});
