// What flows can go by: `msg.status.m1` at Status nodes, and `msg.m1` at Complete nodes.
import { deepEqual, equal, ok } from "node:assert/strict";
import type { MachineStatus } from "../../nodes/runtime/machine-status";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import {
  catching,
  connectionTo,
  deviceIn,
  eachWithSandbox,
  eventOut,
  type FlowNode,
  inbox,
  input,
  online,
  received,
  startFlow,
  storedEvents,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;

/** A Status node for the tab, and the probe `told` behind it. */
function telling(): FlowNode[] {
  return [
    { id: "status", type: "status", scope: null, wires: [["told"]] },
    { id: "told", type: "probe" },
  ];
}

interface Told {
  readonly status: {
    readonly text: string;
    readonly m1: MachineStatus;
    readonly source: { readonly id: string };
  };
}

/** What Status nodes have been told of a node so far, oldest first. */
function told(id: string): readonly Told["status"][] {
  const all = inbox("told") as unknown as Told[];
  return all.map(({ status }) => status).filter(({ source }) => source.id === id);
}

/** The next thing that Status nodes are told of a node for which `matches` holds. */
async function next(id: string, matches: (m1: MachineStatus) => boolean): Promise<MachineStatus> {
  for (;;) {
    const { status } = (await received("told")) as unknown as Told;
    if (status.source.id === id && matches(status.m1)) return status.m1;
  }
}

describe("what flows can go by", () => {
  const context = eachWithSandbox();

  describe("a status", () => {
    it("says the state of the connection", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut(), ...telling()]);
      await next("out", ({ state }) => state === "online");
      deepEqual(
        told("out").map(({ m1 }) => m1),
        [
          { state: "connecting", waiting: 0 },
          { state: "online", waiting: 0 },
        ],
      );
    });

    it("says why there is no connection, how many events wait, and since when the oldest does", async () => {
      await context.sandbox.stop();
      await startFlow([connectionTo(context.sandbox), eventOut(), ...telling()]);
      deepEqual(await next("out", ({ state }) => state === "offline"), {
        state: "offline",
        code: "REFUSED",
        waiting: 0,
      });
      const before = Date.now();
      const inputs = [1, 2].map((payload) => input("out", { payload }));
      const after = Date.now();

      const { oldest = "", ...rest } = await next("out", ({ waiting }) => waiting === 2);

      deepEqual(rest, { state: "offline", code: "REFUSED", waiting: 2 });
      equal(new Date(oldest).toISOString(), oldest);
      ok(Date.parse(oldest) >= before && Date.parse(oldest) <= after, oldest);
      await context.sandbox.start();
      await Promise.all(inputs);
      deepEqual(await next("out", ({ state }) => state === "online"), {
        state: "online",
        waiting: 0,
      });
    });

    it("says how many events of a backlog are in flight", async () => {
      const broker = await ScriptedBroker.start(({ cmd }) => cmd === "publish");
      await startFlow([connectionTo(broker), eventOut(), ...telling()]);
      await online();
      for (let n = 0; n < 150; n += 1) void input("out", { payload: n });
      const { oldest, ...rest } = await next("out", ({ waiting }) => waiting === 150);
      deepEqual(rest, { state: "online", waiting: 150, inFlight: 150 });
      equal(typeof oldest, "string");
    });

    it("says how many events the broker would not have", async () => {
      let refused = false;
      const broker = await ScriptedBroker.start((packet, reply) => {
        if (packet.cmd !== "publish" || refused) return false;
        refused = true;
        reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: 0x87 });
        return true;
      });
      const connection = connectionTo(broker, { protocolVersion: "5" });
      await startFlow([connection, eventOut(), ...telling(), ...catching()]);
      await online();
      await input("out", { payload: 1 });
      await input("out", { payload: 2 });
      const m1 = await next("out", ({ quarantined }) => quarantined !== undefined);
      deepEqual(m1, { state: "online", waiting: 0, quarantined: 1 });
    });

    it("says that the outbox is full", async () => {
      const connection = connectionTo(context.sandbox, { outboxLimit: "1", sendRate: "0.1" });
      await startFlow([connection, eventOut(), ...telling()]);
      await input("out", { payload: 1 });
      void input("out", { payload: 2 });
      const { oldest, ...rest } = await next("out", ({ code }) => code === "OUTBOX_FULL");
      deepEqual(rest, { state: "online", code: "OUTBOX_FULL", waiting: 1 });
      equal(typeof oldest, "string");
    });

    it("of a node says what is wrong with its settings, and of the config node what is with those", async () => {
      await startFlow([
        connectionTo(context.sandbox, { projectMqtt: "" }),
        eventOut(),
        eventOut({ id: "lonely", connection: "" }),
        ...telling(),
      ]);
      deepEqual(
        [await next("m1", () => true), await next("lonely", () => true)],
        [
          { state: "idle", code: "LEVEL_EMPTY", waiting: 0 },
          { state: "idle", code: "CONNECTION_MISSING", waiting: 0 },
        ],
      );
    });

    it("of a node that only receives counts no events", async () => {
      await context.sandbox.stop();
      await startFlow([connectionTo(context.sandbox), eventOut(), ...deviceIn("in"), ...telling()]);
      await next("in", ({ state }) => state === "offline");
      void input("out", { payload: 1 });
      await next("out", ({ waiting }) => waiting === 1);
      deepEqual(told("in").at(-1)?.m1, { state: "offline", code: "REFUSED", waiting: 0 });
    });

    it("is told again only if a person sees another one, or the code or the quarantine is another", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut(), ...telling()]);
      await online("out");
      for (let n = 0; n < 5; n += 1) await input("out", { payload: n });
      await context.sandbox.stop();
      await next("out", ({ state }) => state === "offline");
      const texts = told("out").map(({ text }) => text);
      deepEqual(texts.slice(0, 2), ["connecting", "connected"]);
      equal(new Set(texts).size, texts.length, `${texts}`);
    });
  });

  describe("a message that is done", () => {
    const completing = [
      { id: "complete", type: "complete", scope: ["out"], wires: [["completed"]] },
      { id: "completed", type: "probe" },
    ];

    async function completed(
      message: Record<string, unknown>,
      settings: object = {},
    ): Promise<Record<string, unknown>> {
      await startFlow([connectionTo(context.sandbox), eventOut(settings), ...completing]);
      await input("out", message);
      return received("completed");
    }

    it("says on which topic, with which time and QoS its event was sent, and is otherwise as it was", async () => {
      const { m1, _msgid, complete, ...rest } = await completed(
        { payload: 1, topic: "mine", m1: "old" },
        { deviceId: "pump", qos: "2" },
      );
      const [event] = await storedEvents(context.sandbox, 1);
      const topic = `0/${projectMqtt}/${userMqtt}/pump`;
      deepEqual(m1, { topic, observedAt: event?.observedAt, qos: 2 });
      deepEqual(rest, { payload: 1, topic: "mine" });
    });

    it("says the time that an envelope states", async () => {
      const observed_at = "2001-01-01T00:10:10.000000Z";
      const { m1 } = await completed({ payload: { event_data: { a: 1 }, observed_at } });
      equal((m1 as { observedAt?: string }).observedAt, observed_at);
    });

    it("says no time where the server sets it, whatever the data holds", async () => {
      const payload = { observed_at: "2001-01-01T00:10:10.000000Z" };
      const { m1 } = await completed({ payload }, { observedAtType: "server" });
      deepEqual(m1, { topic: `0/${projectMqtt}/${userMqtt}/`, qos: 1 });
    });

    it("says so when it is done as its event is stored, too", async () => {
      await context.sandbox.stop();
      const { m1 } = await completed({ payload: 1 }, { complete: "stored" });
      equal(typeof (m1 as { observedAt?: string }).observedAt, "string");
    });

    for (const outbox of ["memory", "disk"]) {
      it(`says the time that was sent, though the clock was set meanwhile: outbox ${outbox}`, async () => {
        await context.sandbox.stop();
        const connection = connectionTo(context.sandbox, { outbox });
        await startFlow([connection, eventOut(), ...completing]);
        const done = input("out", { payload: 1 });
        const { now } = Date;
        Date.now = () => now() + 3_600_000;
        try {
          await context.sandbox.start();
          await done;
        } finally {
          Date.now = now;
        }
        const { m1 } = await received("completed");
        const [event] = await storedEvents(context.sandbox, 1);
        equal((m1 as { observedAt?: string }).observedAt, event?.observedAt);
        ok(Date.parse(event?.observedAt ?? "") > Date.now() + 3_000_000);
      });
    }

    it("with an error gets nothing", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut(), ...catching()]);
      await input("out", { payload: null });
      equal((await received("caught")).m1, undefined);
    });
  });
});
