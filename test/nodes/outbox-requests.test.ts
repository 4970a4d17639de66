// What the sidebar and programs ask about outboxes, and what they do to them.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import helper from "node-red-node-test-helper";
import type {
  ConnectionReport,
  Count,
  OutboxReport,
  Page,
  QuarantinePage,
  ShownEvent,
} from "../../nodes/admin/outbox-answers";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import {
  connectionTo,
  eachWithSandbox,
  eventOut,
  input,
  logged,
  type Outcome,
  online,
  shows,
  startFlow,
  storedEvents,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;

async function get<Answer>(path: string): Promise<Answer> {
  const { body } = await helper.request().get(`/m1-connection/${path}`);
  return body as Answer;
}

async function post<Answer = Count>(path: string, body: object = {}): Promise<Answer> {
  const response = await helper.request().post(`/m1-connection/${path}`).send(body);
  return response.body as Answer;
}

async function reportOf(id = "m1"): Promise<ConnectionReport> {
  const { connections } = await get<OutboxReport>("outbox");
  const found = connections.find((connection) => connection.id === id);
  ok(found);
  return found;
}

function values(events: readonly Pick<ShownEvent, "payload">[]): unknown[] {
  return events.map(({ payload }) => JSON.parse(payload).event_data.value);
}

describe("the requests about outboxes", () => {
  const context = eachWithSandbox();

  /** During an outage, so many events wait for devices `d0` to `d9` in turn. */
  async function waiting(count: number, settings: object = {}): Promise<Promise<Outcome>[]> {
    await context.sandbox.stop();
    const out = eventOut({ deviceId: "topic", deviceIdType: "msg" });
    await startFlow([connectionTo(context.sandbox, settings), out]);
    await shows("out", ({ fill }) => fill === "red");
    return Array.from({ length: count }, (_, n) =>
      input("out", { payload: n, topic: `d${n % 10}` }),
    );
  }

  /** A broker that refuses the events of the devices in the set, for good (MQTT 5), and the values that it takes. */
  async function refusing(refused: ReadonlySet<string>, settings: object = {}) {
    const taken: unknown[] = [];
    const broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      const isRefused = refused.has(packet.topic.split("/").at(-1) ?? "");
      if (!isRefused) taken.push(...values([{ payload: String(packet.payload) }]));
      reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: isRefused ? 0x87 : 0 });
      return true;
    });
    const out = eventOut({ deviceId: "topic", deviceIdType: "msg" });
    await startFlow([connectionTo(broker, { protocolVersion: "5", ...settings }), out]);
    await online();
    return { broker, taken };
  }

  async function quarantines(count: number): Promise<void> {
    while ((await reportOf()).outbox?.quarantined !== count) await new Promise(setImmediate);
  }

  async function isSent(): Promise<void> {
    while ((await reportOf()).outbox?.waiting !== 0) await new Promise(setImmediate);
  }

  describe("say how each connection is", () => {
    it("that is online, with where, since when and who uses it", async () => {
      const before = Date.now();
      await startFlow([connectionTo(context.sandbox, { name: "Home" }), eventOut()]);
      await online();
      const { since, outbox, ...rest } = await reportOf();
      ok(since >= before && since <= Date.now());
      deepEqual(rest, {
        ...{ id: "m1", name: "Home", state: "online" },
        ...{ address: context.sandbox.url, users: ["out"] },
      });
      const zeros = Array.from({ length: 60 }, () => 0);
      deepEqual(outbox, {
        ...{ kind: "memory", waiting: 0, bytes: 0, inFlight: 0, isFull: false, limit: 100_000 },
        ...{ quarantined: 0, in: zeros, out: zeros },
      });
    });

    it("that is offline, with the reason and what waits since when", async () => {
      const before = Date.now();
      await waiting(3, { outboxLimit: "3" });
      const { state, trouble, outbox } = await reportOf();
      deepEqual([state, trouble?.code], ["offline", "REFUSED"]);
      const { waiting: count, bytes = 0, oldest = 0, isFull } = outbox ?? {};
      deepEqual([count, isFull], [3, true]);
      ok(bytes > 3 * `0/${projectMqtt}/${userMqtt}/d0`.length && oldest >= before);
    });

    it("that stays offline over several tries since the first of them", async () => {
      await waiting(0);
      const { since } = await reportOf();
      const { sandbox } = context;
      await sandbox.start();
      await online();
      ok((await reportOf()).since >= since);
      await sandbox.stop();
      await shows("out", ({ fill }) => fill === "red");
      const first = (await reportOf()).since;
      await shows("out", ({ text = "" }) => text.includes("nothing listens"));
      equal((await reportOf()).since, first);
    });

    it("whose settings cannot work, with what is wrong", async () => {
      await startFlow([connectionTo(context.sandbox, { projectMqtt: "" }), eventOut()]);
      const { trouble, outbox } = await reportOf();
      deepEqual([trouble?.code, outbox], ["LEVEL_EMPTY", undefined]);
    });

    it("and no more of one that is gone", async () => {
      await startFlow([]);
      deepEqual(await get("outbox"), { connections: [] });
    });

    it("without a secret", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut()]);
      await online();
      const { text } = await helper.request().get("/m1-connection/outbox");
      for (const secret of [DEMO_ACCOUNT.apiKey, DEMO_ACCOUNT.userPassword]) {
        ok(!text.includes(secret));
      }
    });
  });

  describe("show what waits", () => {
    it("page by page, with all there is to see of an event", async () => {
      await waiting(25);
      const first = await get<Page<ShownEvent>>("outbox/m1/waiting");
      equal(first.events.length, 20);
      const [event] = first.events;
      ok(event);
      const { payload, acceptedAt, size, ...rest } = event;
      deepEqual(rest, { topic: `0/${projectMqtt}/${userMqtt}/d0`, deviceId: "d0", qos: 1 });
      equal(size, event.topic.length + payload.length);
      ok(Date.now() - acceptedAt < 60_000);
      const second = await get<Page<ShownEvent>>(`outbox/m1/waiting?after=${first.next}`);
      deepEqual(
        values([...first.events, ...second.events]),
        Array.from({ length: 25 }, (_, n) => n),
      );
      equal(second.next, undefined);
    });

    it("of a device only, in pages of the size that is asked for", async () => {
      await waiting(60);
      const first = await get<Page<ShownEvent>>("outbox/m1/waiting?device=D3&limit=4");
      deepEqual(values(first.events), [3, 13, 23, 33]);
      const rest = await get<Page<ShownEvent>>(
        `outbox/m1/waiting?device=D3&limit=4&after=${first.next}`,
      );
      deepEqual(values(rest.events), [43, 53]);
    });

    it("as JSON lines for a download, all of it", async () => {
      await waiting(1_200);
      const { body, headers } = await helper
        .request()
        .get("/m1-connection/outbox/m1/waiting.jsonl")
        .buffer(true);
      match(headers["content-disposition"] ?? "", /attachment; filename="waiting.jsonl"/);
      const lines = String(body)
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      equal(lines.length, 1_200);
      const { acceptedAt, event, ...rest } = lines[7];
      deepEqual(rest, { deviceId: "d7", topic: `0/${projectMqtt}/${userMqtt}/d7`, qos: 1 });
      deepEqual(event.event_data, { value: 7 });
      equal(new Date(acceptedAt).toISOString(), acceptedAt);
    });
  });

  describe("steer what waits", () => {
    it("calls the broker now", async () => {
      await waiting(1);
      await context.sandbox.start();
      deepEqual(await post("outbox/m1/connect"), {});
      await storedEvents(context.sandbox, 1);
    });

    it("empties it: each message ends with who did it, and the log says so", async () => {
      const outcomes = await waiting(150);
      deepEqual(await post("outbox/m1/empty"), { count: 150 });
      const errors = await Promise.all(outcomes);
      const sentence = "Not sent: a person deleted the event from the outbox";
      deepEqual(new Set(errors.map(({ error }) => error?.message)), new Set([sentence]));
      await shows("out", ({ text = "" }) => !/\d/.test(text));
      const lines = logged().map(({ msg }) => String(msg));
      ok(lines.includes("a person deleted events that waited: 150"));
      await context.sandbox.start();
      await online();
      equal(context.sandbox.events.length, 0);
    });
  });

  describe("show what is in quarantine", () => {
    it("with the reason, the youngest first, and how many there are of each", async () => {
      await refusing(new Set(["bad"]));
      for (const payload of [1, 2]) await input("out", { payload, topic: "bad" });
      const { events, reasons, next } = await get<QuarantinePage>("outbox/m1/quarantined");
      deepEqual(values(events.map(({ event }) => event as ShownEvent)), [2, 1]);
      deepEqual(reasons, { EVENT_REFUSED: 2 });
      const [first] = events;
      deepEqual([first?.error?.code, first?.isForeign, next], ["EVENT_REFUSED", false, undefined]);
      match(first?.reason ?? "", /^The broker refused the event/);
      equal((await reportOf()).outbox?.quarantined, 2);
    });

    it("of a device only, and as JSON lines", async () => {
      await refusing(new Set(["bad", "worse"]));
      for (const topic of ["bad", "worse", "bad"]) await input("out", { payload: 1, topic });
      const page = await get<QuarantinePage>("outbox/m1/quarantined?device=worse");
      deepEqual(
        page.events.map(({ event }) => event?.deviceId),
        ["worse"],
      );
      const { body } = await helper
        .request()
        .get("/m1-connection/outbox/m1/quarantined.jsonl")
        .buffer(true);
      const lines = String(body)
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line));
      deepEqual(
        lines.map(({ deviceId, code }) => [deviceId, code]),
        ["bad", "worse", "bad"].map((device) => [device, "EVENT_REFUSED"]),
      );
    });
  });

  describe("steer what is in quarantine", () => {
    it("sends it again, the oldest first, when the broker has changed its mind", async () => {
      const refused = new Set(["bad"]);
      const { taken } = await refusing(refused);
      for (const payload of [1, 2, 3]) await input("out", { payload, topic: "bad" });
      refused.clear();

      deepEqual(await post("outbox/m1/send-again"), { count: 3 });

      await isSent();
      deepEqual(taken, [1, 2, 3]);
      equal((await reportOf()).outbox?.quarantined, 0);
    });

    it("puts it back if the broker has not", async () => {
      await refusing(new Set(["bad"]));
      await input("out", { payload: 1, topic: "bad" });
      deepEqual(await post("outbox/m1/send-again"), { count: 1 });
      await quarantines(1);
    });

    it("sends, or deletes, those that are chosen", async () => {
      await refusing(new Set(["bad"]));
      for (const payload of [1, 2, 3]) await input("out", { payload, topic: "bad" });
      const { events } = await get<QuarantinePage>("outbox/m1/quarantined");
      const [youngest] = events;
      deepEqual(await post("outbox/m1/delete", { ids: [youngest?.id] }), { count: 1 });
      deepEqual(await post("outbox/m1/delete", { code: "EVENT_HANGS_UP" }), { count: 0 });
      equal((await reportOf()).outbox?.quarantined, 2);
      deepEqual(await post("outbox/m1/delete", { code: "EVENT_REFUSED" }), { count: 2 });
      ok(logged().some(({ msg }) => msg === "a person deleted events in quarantine: 2"));
    });

    it("sends none twice though two people ask at once", async () => {
      const refused = new Set(["bad"]);
      const { taken } = await refusing(refused);
      for (let payload = 0; payload < 30; payload += 1)
        await input("out", { payload, topic: "bad" });
      refused.clear();
      const counts = await Promise.all([1, 2].map(() => post("outbox/m1/send-again")));
      equal(
        counts.reduce((sum, { count }) => sum + count, 0),
        30,
      );
      await isSent();
      deepEqual(
        taken,
        Array.from({ length: 30 }, (_, n) => n),
      );
    });

    it("stops where the outbox is full, and says so", async () => {
      const { broker } = await refusing(new Set(["bad"]), { outboxLimit: "3" });
      for (const payload of [1, 2, 3]) await input("out", { payload, topic: "bad" });
      await broker.stop();
      await shows("out", ({ fill }) => fill === "red");
      for (const payload of [4, 5]) void input("out", { payload, topic: "good" });
      const { count, error } = await post("outbox/m1/send-again");
      deepEqual([count, error?.code], [1, "OUTBOX_FULL"]);
      equal((await reportOf()).outbox?.quarantined, 2);
    });
  });

  describe("refuse", () => {
    const wrong: [string, string, object | undefined, number, string][] = [
      ["what is no connection", "outbox/none/waiting", undefined, 404, "OUTBOX_UNKNOWN"],
      ["a place that is none", "outbox/m1/waiting?after=x", undefined, 400, "REQUEST_INVALID"],
      ["a limit of 0", "outbox/m1/waiting?limit=0", undefined, 400, "REQUEST_INVALID"],
      ["a limit of 201", "outbox/m1/waiting?limit=201", undefined, 400, "REQUEST_INVALID"],
      ["a limit in words", "outbox/m1/quarantined?limit=ten", undefined, 400, "REQUEST_INVALID"],
      ["two devices", "outbox/m1/waiting?device=a&device=b", undefined, 400, "REQUEST_INVALID"],
      ["ids that are none", "outbox/m1/delete", { ids: ["all"] }, 400, "REQUEST_INVALID"],
      ["ids that are no list", "outbox/m1/delete", { ids: 3 }, 400, "REQUEST_INVALID"],
      ["a code that is none", "outbox/m1/send-again", { code: 3 }, 400, "REQUEST_INVALID"],
      ["a list instead of ids", "outbox/m1/delete", [1, 2], 400, "REQUEST_INVALID"],
      ["an empty list", "outbox/m1/delete", [], 400, "REQUEST_INVALID"],
      ["a word that it does not know", "outbox/m1/delete", { id: [1] }, 400, "REQUEST_INVALID"],
      [
        "a place that is an object",
        "outbox/m1/waiting?after[toString]=1",
        undefined,
        400,
        "REQUEST_INVALID",
      ],
      ["two limits", "outbox/m1/waiting?limit=1&limit=1", undefined, 400, "REQUEST_INVALID"],
      ["a name of every object", "outbox/__proto__/waiting", undefined, 404, "OUTBOX_UNKNOWN"],
      ["an action on nothing", "outbox/none/empty", {}, 404, "OUTBOX_UNKNOWN"],
      ["a folder outside", "outbox-left/..%2Fflows/delete", {}, 404, "OUTBOX_UNKNOWN"],
      ["to hand over to nobody", "outbox-left/x/hand-over", { to: "none" }, 404, "OUTBOX_UNKNOWN"],
    ];
    for (const [title, path, body, status, code] of wrong) {
      it(title, async () => {
        await startFlow([connectionTo(context.sandbox), eventOut()]);
        const url = `/m1-connection/${path}`;
        const answer = body
          ? await helper.request().post(url).send(body)
          : await helper.request().get(url);
        deepEqual([answer.status, answer.body.error?.code], [status, code]);
      });
    }

    it("another site, also what only reads", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut()]);
      const asked = ["outbox", "outbox/m1/waiting", "outbox/m1/waiting.jsonl", "outbox-left"];
      for (const path of asked) {
        const { status, body } = await helper
          .request()
          .get(`/m1-connection/${path}`)
          .set({ origin: "http://other.example" });
        deepEqual([status, body.error?.code], [403, "ORIGIN_FOREIGN"], path);
      }
    });

    it("what a form of another site can send", async () => {
      await startFlow([connectionTo(context.sandbox), eventOut()]);
      for (const path of ["outbox/m1/empty", "outbox/m1/delete", "outbox-left/x/delete"]) {
        const { status } = await helper
          .request()
          .post(`/m1-connection/${path}`)
          .set({ "content-type": "application/x-www-form-urlencoded" })
          .send("a=1");
        equal(status, 415, path);
      }
    });
  });
});
