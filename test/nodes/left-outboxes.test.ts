// What a deleted connection has left on disk: seen, handed to a connection of the same user, downloaded, deleted.
import { deepEqual, equal, match } from "node:assert/strict";
import { readdir } from "node:fs/promises";
import path from "node:path";
import helper from "node-red-node-test-helper";
import type { Count, LeftFolder, LeftFolders } from "../../nodes/admin/outbox-answers";
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

  it("is downloaded, and still there", async () => {
    await leave();
    const { body, headers } = await helper
      .request()
      .get("/m1-connection/outbox-left/m1/events.jsonl")
      .buffer(true);
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

  it("is deleted for good", async () => {
    await leave();
    deepEqual(await post("m1/delete"), {});
    deepEqual(await left(), []);
    equal((await readdir(path.join(userDir, "m1-outbox"))).includes("m1"), false);
  });
});
