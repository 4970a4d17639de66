// The examples of the import menu: each runs against the sandbox as it is, and does what it says.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { rules } from "../../sandbox/cloud/workflows";
import { DEMO_ACCOUNT, Sandbox, type StoredEvent } from "../../sandbox/sandbox";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { freePort } from "../support/processes";

const folder = path.resolve(__dirname, "../../examples");

const ENVIRONMENT = {
  M1_PROJECT: DEMO_ACCOUNT.projectMqtt,
  M1_USER: DEMO_ACCOUNT.userMqtt,
  M1_API_KEY: DEMO_ACCOUNT.apiKey,
  M1_PASSWORD: DEMO_ACCOUNT.userPassword,
  M1_DEVICE: "gateway-1",
};

const ALARM = "8 Alarm when events pile up.json";

const COMMON: ReadonlySet<string> = new Set(
  "tab comment inject function debug switch change catch status complete".split(" "),
);

interface ExampleNode {
  id: string;
  type: string;
  name?: string;
  url?: string;
  func?: string;
  credentials?: Record<string, string>;
}

/** A deployed example whose nodes are all connected. */
interface Running {
  press(button: string): Promise<void>;
  /** What the Debug node shows that the button, or whatever else happens, leads to. */
  shown(debug: string, cause: string | (() => Promise<unknown>)): Promise<string>;
  events(count: number): Promise<readonly StoredEvent[]>;
  statusOf(type: string, fill: string): Promise<unknown>;
}

describe("the example", function () {
  this.timeout(20_000);
  let sandbox: Sandbox;
  let nodeRed: NodeRed;
  let remove: () => Promise<void>;

  let port: number;

  before(async () => {
    port = await freePort();
    const installed = await installation([]);
    remove = installed.remove;
    Object.assign(process.env, ENVIRONMENT, { M1_URL: `mqtt://127.0.0.1:${port}` });
    nodeRed = await NodeRed.start(installed.userDir);
  });
  beforeEach(async () => {
    sandbox = new Sandbox({ port, rules: rules() });
    await sandbox.start();
  });
  after(async () => {
    await nodeRed.stop();
    await remove();
    for (const name of [...Object.keys(ENVIRONMENT), "M1_URL"]) delete process.env[name];
  });

  async function run(file: string): Promise<Running> {
    const flow: ExampleNode[] = JSON.parse(await readFile(path.join(folder, file), "utf8"));
    const here = flow.map((node) =>
      node.url === "mqtt://127.0.0.1:61619" ? { ...node, url: sandbox.url } : node,
    );
    await nodeRed.deploy(here);
    const idOf = (name: string) => {
      const node = flow.find((candidate) => candidate.name === name);
      return node?.id ?? assert.fail(`${file} has no node "${name}"`);
    };
    const statusOf = (type: string, fill: string) => {
      const nodes = flow.filter((node) => node.type.startsWith(type));
      return Promise.all(
        nodes.map(({ id }) => nodeRed.status(id, (status) => status.fill === fill)),
      );
    };
    await Promise.all([statusOf("m1 event out", "green"), statusOf("m1 device in", "green")]);
    await statusOf("m1 group in", "green");
    return {
      press: (button) => nodeRed.press(idOf(button)),
      async shown(debug, cause) {
        const debugging = await nodeRed.debugging(idOf(debug));
        await (typeof cause === "string" ? nodeRed.press(idOf(cause)) : cause());
        return debugging.shown;
      },
      async events(count) {
        while (sandbox.events.length < count) await once(sandbox, "event");
        return sandbox.events;
      },
      statusOf,
    };
  }

  afterEach(async () => {
    assert.deepEqual(sandbox.refusals, []);
    await nodeRed.deploy([]);
    await sandbox.stop();
  });

  it('"1 Quick start with the sandbox" sends a reading every two seconds', async () => {
    const { events } = await run("1 Quick start with the sandbox.json");
    const [event] = await events(1);
    assert.equal(event?.deviceId, "demo-device");
    assert.equal(typeof event.eventData.temperature, "number");
  });

  it('"2 Many sensors through one node" sends each reading for its own device', async () => {
    const { events, press, shown } = await run("2 Many sensors through one node.json");
    await press("read all sensors");
    const readings = (await events(3)).map(({ deviceId, eventData }) => [
      deviceId,
      eventData.temperature,
    ]);
    assert.deepEqual(readings, [
      ["kitchen", 21.5],
      ["cellar", 12],
      ["attic", 27.25],
    ]);
    const wrong = await shown("what went wrong", "a sensor with a slash in its name");
    assert.match(wrong, /^The device ID has "\/" as character 6/);
  });

  it('"3 Late readings with their own time" sends the times of the readings', async () => {
    const { events, press, shown } = await run("3 Late readings with their own time.json");
    await press("empty the logger");
    const times = (await events(6)).map(({ observedAt }) => Date.parse(observedAt));
    const pauses = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    assert.deepEqual(pauses, Array(5).fill(600_000));

    await press("to the microsecond");
    assert.equal((await events(7)).at(-1)?.observedAt, "2014-06-11T02:11:25.076001Z");
    assert.match(await shown("what went wrong", "without a zone"), /has no zone/);
  });

  it('"4 React to events, updates and group messages" hears all three', async () => {
    const { shown } = await run("4 React to events, updates and group messages.json");
    assert.match(await shown("the configuration", "20 degrees"), /interval/);
    assert.match(await shown("switch the fan on", "35 degrees"), /on/);
    assert.match(await shown("switch the fan off", "20 degrees"), /off/);
    assert.match(await shown("to the group", "ten readings"), /average_temperature/);
  });

  it('"5 Survive an outage" sends what was measured meanwhile, in order', async () => {
    const { events, statusOf } = await run("5 Survive an outage.json");
    await events(1);
    await sandbox.stop();
    await statusOf("m1 event out", "red");
    await sandbox.start();
    const numbers = (await events(3)).map(({ eventData }) => eventData.number);
    assert.deepEqual(
      numbers,
      numbers.map((_, index) => index),
    );
  });

  it('"6 Credentials from the environment" connects with what the variables say', async () => {
    const file = "6 Credentials from the environment.json";
    const secrets = /DEMO0KEY"|demo\/password"/;
    assert.doesNotMatch(await readFile(path.join(folder, file), "utf8"), secrets);
    const { events, press } = await run(file);
    await press("21.5 degrees");
    const [event] = await events(1);
    assert.equal(event?.deviceId, "gateway-1");
    assert.deepEqual({ ...event.eventData }, { temperature: 21.5, device_id: "gateway-1" });
  });

  it('"7 What becomes of a message" sends four shapes and refuses the mistake', async () => {
    const { events, press, shown } = await run("7 What becomes of a message.json");
    await press("an object: its keys are the tags");
    await press("a number: goes under the tag");
    await press("text that holds JSON: the object in it");
    await press("an envelope: with its own time");
    assert.equal((await events(4)).at(-1)?.observedAt, "2001-01-01T00:10:10.000000Z");
    assert.match(await shown("what went wrong", "a mistake"), /NaN/);
  });

  it('"8 Alarm when events pile up" tells when too many wait, and when that is over', async () => {
    const { events, shown, statusOf } = await run(ALARM);
    await sandbox.stop();
    await statusOf("m1 event out", "red");
    assert.match(
      await shown("alarm", "150 readings"),
      /^Events that wait: \d+, the oldest for 0 minutes \(offline, [A-Z_]+\)$/,
    );

    const over = await shown("alarm", () => sandbox.start());
    assert.equal(over, "The events are sent again");
    await events(150);
  });

  it('"8 Alarm when events pile up" tells when one event waits for more than an hour', async () => {
    const flow = JSON.parse(await readFile(path.join(folder, ALARM), "utf8")) as ExampleNode[];
    const { func = "" } = flow.find(({ name }) => name === "piled up?") ?? {};
    const memory = new Map<string, unknown>();
    const context = { get: memory.get.bind(memory), set: memory.set.bind(memory) };
    const run = (msg: object) => new Function("msg", "context", func)(msg, context);
    const m1 = (minutes: number) => {
      const oldest = new Date(Date.now() - minutes * 60_000).toISOString();
      return { state: "offline", code: "REFUSED", waiting: 1, oldest };
    };
    assert.equal(run({ payload: "a minute before any status" }), null);
    assert.equal(run({ status: { m1: m1(59) } }), null);
    assert.equal(run({ payload: "a minute" }), null);
    memory.set("m1", m1(61));
    const alarm = "Events that wait: 1, the oldest for 61 minutes (offline, REFUSED)";
    assert.equal(run({ payload: "a minute" }).payload, alarm);
    assert.equal(run({ payload: "a minute" }), null, "once");
  });

  it("needs nothing but our nodes and those that every flow has, has a comment, and expects the sandbox or variables", async () => {
    const files = readdirSync(folder);
    assert.equal(files.length, 8);
    for (const file of files) {
      const flow: ExampleNode[] = JSON.parse(await readFile(path.join(folder, file), "utf8"));
      const types = new Set(flow.map(({ type }) => type));
      assert.ok(types.has("comment") && types.has("catch"), `${file} explains itself`);
      const others = [...types].filter((type) => !COMMON.has(type) && !type.startsWith("m1 "));
      assert.deepEqual(others, [], file);
      for (const { type, url } of flow) {
        if (type !== "m1 connection") continue;
        assert.ok(["mqtt://127.0.0.1:61619", "$".concat("{M1_URL}")].includes(url ?? ""), url);
      }
    }
  });
});
