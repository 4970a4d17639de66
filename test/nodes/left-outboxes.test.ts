// What a deleted connection has left on disk: seen, handed to a connection of the same user, downloaded, deleted.
import { deepEqual, equal, match } from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import helper from "node-red-node-test-helper";
import type { Count, LeftFolder, LeftFolders } from "../../nodes/admin/outbox-answers";
import { EventStore } from "../../nodes/outbox/event-store";
import { refusedEntry } from "../../nodes/outbox/quarantine-entry";
import { M1Error } from "../../nodes/protocol/errors";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import {
  connectionTo,
  demoCredentials,
  deploy,
  eachWithSandbox,
  eventOut,
  input,
  online,
  shows,
  startFlow,
  storedEvents,
  useFolder,
  warnings,
} from "../support/flows";
import { temporaryFolder } from "../support/processes";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
const EVENTS = 1_000;

async function left(): Promise<readonly LeftFolder[]> {
  const { body } = await helper.request().get("/m1-connection/outbox-left");
  return (body as LeftFolders).folders;
}

async function post(resource: string, body: object = {}): Promise<Count> {
  const response = await helper.request().post(`/m1-connection/outbox-left/${resource}`).send(body);
  return response.body as Count;
}

describe("what a deleted connection has left", () => {
  const context = eachWithSandbox();
  let userDir: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    const temporary = await temporaryFolder();
    userDir = temporary.folder;
    remove = temporary.remove;
    useFolder(userDir);
  });
  afterEach(async () => {
    useFolder(undefined);
    await remove();
  });

  const another = (settings: object = {}) => [
    connectionTo(context.sandbox, { id: "m2", outbox: "disk", ...settings }),
    eventOut({ connection: "m2" }),
  ];

  /** `m1` is deleted with events on disk, and `m2` takes its place in the flow. */
  async function leave(settings: object = {}): Promise<void> {
    await context.sandbox.stop();
    await startFlow([connectionTo(context.sandbox, { outbox: "disk" }), eventOut()]);
    await shows("out", ({ fill }) => fill === "red");
    const outcomes = Array.from({ length: EVENTS }, (_, payload) => input("out", { payload }));
    await shows("out", ({ text = "" }) => text.includes(EVENTS.toLocaleString()));
    await deploy(another(settings), "full", { m2: demoCredentials() });
    const errors = (await Promise.all(outcomes)).map(({ error }) => error?.code);
    deepEqual(new Set(errors), new Set(["OUTBOX_KEPT"]));
  }

  const waiting = [{ projectMqtt, userMqtt, waiting: EVENTS }];

  it("is seen, with whose events wait and who can have them", async () => {
    await leave();
    deepEqual(await left(), [{ folder: "m1", outboxes: waiting, quarantined: 0, heirs: ["m2"] }]);
  });

  it("is offered to no other user", async () => {
    await leave({ userMqtt: "other" });
    deepEqual(await left(), [{ folder: "m1", outboxes: waiting, quarantined: 0, heirs: [] }]);
  });

  it("is not what a disabled connection has", async () => {
    await leave();
    const disabled = connectionTo(context.sandbox, { outbox: "disk", d: true });
    await deploy([...another(), disabled], "full");
    deepEqual(await left(), []);
  });

  it("is handed over: all arrive in order, and the folder is gone", async () => {
    await leave();
    deepEqual(await post("m1/hand-over", { to: "m2" }), { count: EVENTS });
    deepEqual(await left(), []);
    deepEqual(await readdir(path.join(userDir, "m1-outbox")), ["m2"]);
    await context.sandbox.start();
    await online("m2");
    const events = await storedEvents(context.sandbox, EVENTS);
    deepEqual(
      events.map(({ eventData }) => eventData.value),
      Array.from({ length: EVENTS }, (_, n) => n),
    );
  });

  it("is handed over once, though two people ask at the same time", async () => {
    await leave();
    const answers = await Promise.all([1, 2].map(() => post("m1/hand-over", { to: "m2" })));
    deepEqual(
      answers.map(({ count, error }) => count ?? error?.code),
      [EVENTS, "OUTBOX_UNKNOWN"],
    );
  });

  it("is handed over as far as there is room, and the rest stays", async () => {
    await leave({ outboxLimit: "300" });
    const { count, error } = await post("m1/hand-over", { to: "m2" });
    deepEqual([count, error?.code], [300, "OUTBOX_FULL"]);
    const [folder] = await left();
    equal(folder?.outboxes[0]?.waiting, EVENTS - 300);
  });

  const ask = () => helper.request().get("/m1-connection/outbox-left/m1/events.jsonl").buffer(true);

  async function download(): Promise<string[]> {
    const { body } = await ask();
    return String(body).trimEnd().split("\n");
  }

  it("is downloaded, and still there", async () => {
    await leave();
    const { body, headers } = await ask();
    match(headers["content-disposition"] ?? "", /events\.jsonl/);
    const lines = String(body)
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line).event.event_data.value);
    deepEqual(
      lines,
      Array.from({ length: EVENTS }, (_, n) => n),
    );
    equal((await left())[0]?.outboxes[0]?.waiting, EVENTS);
  });

  it("is deleted for good, with what version 0.1.0 had put beside it", async () => {
    await leave();
    const outboxes = path.join(userDir, "m1-outbox");
    await writeFile(path.join(outboxes, "m1.quarantine.jsonl"), "{}\n");
    deepEqual(await post("m1/delete"), {});
    deepEqual(await left(), []);
    deepEqual(await readdir(outboxes), []);
  });

  it("is downloaded though nothing but the quarantine is in it", async () => {
    await startFlow([connectionTo(context.sandbox, { outbox: "disk" }), eventOut()]);
    await online();
    await input("out", { payload: 1 });
    await deploy(another(), "full", { m2: demoCredentials() });
    const outboxes = path.join(userDir, "m1-outbox");
    const store = new EventStore(path.join(outboxes, "m1"), { projectMqtt, userMqtt });
    await store.open();
    const event = { acceptedAt: 1, topic: "0/p/u/d", payload: "1", qos: 1 as const };
    const entry = refusedEntry(event, new M1Error("EVENT_REFUSED", { reason: "r" }));
    await store.write({ quarantine: [entry] });
    await store.close();
    const [folder] = await left();
    deepEqual([folder?.outboxes, folder?.quarantined], [[], 1]);
    equal((await download()).length, 1);
  });

  it("is seen and downloaded by several at once", async () => {
    await leave();
    const [seen, ...downloads] = await Promise.all([left(), download(), download(), download()]);
    deepEqual(seen, [{ folder: "m1", outboxes: waiting, quarantined: 0, heirs: ["m2"] }]);
    deepEqual(
      downloads.map(({ length }) => length),
      [EVENTS, EVENTS, EVENTS],
    );
  });

  it("is a connection's again that comes back in the middle of it, with all events", async () => {
    await leave();
    const downloads = Promise.allSettled([download(), left(), download(), left()]);
    const back = connectionTo(context.sandbox, { outbox: "disk" });
    await context.sandbox.start();
    await deploy([back, eventOut()], "full", { m1: demoCredentials() });
    await storedEvents(context.sandbox, EVENTS);
    await downloads;
    deepEqual(warnings("m1"), []);
  });

  it("is that of an instance of a subflow, too, once there is no such instance", async () => {
    await leave();
    const outboxes = path.join(userDir, "m1-outbox");
    const template = { id: "sub", type: "subflow", in: [], out: [] };
    const inside = connectionTo(context.sandbox, { id: "inside", z: "sub" });
    const flow = [...another(), template, inside, { id: "instance", type: "subflow:sub" }];
    await deploy(flow, "full", { inside: demoCredentials() });
    for (const name of ["instance-inside", "gone-inside"]) await mkdir(path.join(outboxes, name));
    const names = (await left()).map(({ folder }) => folder);
    deepEqual(names.sort(), ["gone-inside", "m1"]);
  });
});
