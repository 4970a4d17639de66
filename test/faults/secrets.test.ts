// No API key and no password in anything that Node-RED prints, answers or stores for these nodes.
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { ClassicLevel } from "classic-level";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { certificate } from "../support/certificates";
import { type RawServer, rawServer } from "../support/connections";
import { type Installation, installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { OBSERVER } from "../support/observer";
import { prints } from "../support/printed";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;

const RIGHT = { apiKey: "RIGHTCANARY", userPassword: "right-canary/with slash" };
const WRONG = { apiKey: "WRONGCANARY", userPassword: "wrong-canary" };
/** An API key cannot have a slash: what is wrong with it has to be told without it. */
const INVALID = { apiKey: "SLASH/CANARY", userPassword: "slash-canary" };
const IN_URL = "url-canary";

/** Each secret as it is, and as it would look in a packet, an address or a header. */
const FORMS = [RIGHT, WRONG, INVALID]
  .flatMap(({ apiKey, userPassword }) => [apiKey, userPassword, `${apiKey}/${userPassword}`])
  .flatMap((secret) => [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64").replace(/=+$/, ""),
    Buffer.from(secret).toString("hex"),
    // As util.inspect prints a buffer.
    Buffer.from(secret)
      .toString("hex")
      .replace(/(..)(?=.)/g, "$1 "),
  ]);

function secretsIn(text: string): string[] {
  return FORMS.filter((form) => text.includes(form));
}

describe("a secret", function () {
  this.timeout(60_000);

  let broker: Mosquitto;
  let encrypted: RawServer;
  let place: Installation;
  let nodeRed: NodeRed;
  const answers = new Map<string, string>();
  let stored: string;

  before(async () => {
    broker = await Mosquitto.start({
      users: {
        [`${projectMqtt}/${userMqtt}`]: `${RIGHT.apiKey}/${RIGHT.userPassword}`,
        [OBSERVER.username]: OBSERVER.password,
      },
    });
    encrypted = await rawServer(undefined, certificate());
    place = await installation(flow(broker.url, encrypted.url));
    const credentials = {
      right: RIGHT,
      five: RIGHT,
      wrong: WRONG,
      tls: RIGHT,
      slash: INVALID,
      url: RIGHT,
    };
    await writeFile(path.join(place.userDir, "flows_cred.json"), JSON.stringify(credentials));
    process.env.DEBUG = "mqttjs*,mqtt-packet*";
    try {
      const logging = { console: { level: "trace", metrics: true, audit: true } };
      nodeRed = await NodeRed.start(place.userDir, { logging });
    } finally {
      delete process.env.DEBUG;
    }
    await goThroughEverything();
    for (const resource of ["flows", "settings", "nodes", "diagnostics", "context/global"]) {
      answers.set(resource, await answer(resource));
    }
    for (const id of Object.keys(credentials)) {
      const resource = `credentials/m1-connection/${id}`;
      answers.set(resource, await answer(resource));
    }
    const [, body = ""] = (answers.get("flows") ?? "").split("\n\n");
    answers.set("a deploy", await answer("flows", { method: "POST", body }));
    await prints(nodeRed, "Started flows", 2);
    stored = await filesBelow(path.join(place.userDir, "m1-outbox"));
    await nodeRed.stop();
    stored += await filesBelow(path.join(place.userDir, "m1-outbox"));
    stored += await entriesBelow(path.join(place.userDir, "m1-outbox"));
  });

  after(async () => {
    await nodeRed?.stop();
    await encrypted?.stop();
    await broker?.stop();
    await place?.remove();
  });

  async function goThroughEverything(): Promise<void> {
    await prints(nodeRed, "Connected to", 2);
    await prints(nodeRed, "Not authorised");
    await prints(nodeRed, "is self-signed");
    await prints(nodeRed, "The API key has a / as character");
    await prints(nodeRed, "The URL must not hold a user name or password");
    await prints(nodeRed, "The device ID has");
    await broker.kill();
    await prints(nodeRed, "The broker closed the connection", 2);
    await broker.resume();
    await prints(nodeRed, "Connected to", 4);
  }

  /** Status, headers and, after an empty line, the body. */
  async function answer(resource: string, request: RequestInit = {}): Promise<string> {
    const headers = { accept: "application/json", "content-type": "application/json" };
    const response = await fetch(`${nodeRed.url}/${resource}`, { headers, ...request });
    let head = String(response.status);
    response.headers.forEach((value, name) => {
      head += `\n${name}: ${value}`;
    });
    return `${head}\n\n${await response.text()}`;
  }

  it("is in no line of the log, no status and no error, at trace level and with mqtt.js's DEBUG", () => {
    assert.match(nodeRed.output, /not authorised/, "statuses are printed");
    assert.deepEqual(secretsIn(nodeRed.output), []);
    assert.ok(!nodeRed.output.includes(IN_URL), "a password in a URL");
  });

  it("is in no answer of the admin API, the exported flow among them", () => {
    assert.match(answers.get("flows") ?? "", /m1 connection/, "the flow is exported");
    for (const [resource, text] of answers) assert.deepEqual(secretsIn(text), [], resource);
  });

  it("is in no file of the outbox", () => {
    assert.ok(stored.includes(`0/${projectMqtt}/${userMqtt}/`), "the outbox holds events");
    assert.deepEqual(secretsIn(stored), []);
  });
});

/** Every byte of every file, as text. */
async function filesBelow(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const texts = await Promise.all(
    files.map(({ parentPath, name }) => textOf(path.join(parentPath, name))),
  );
  return texts.join("\n");
}

/** What the files hold: LevelDB compresses some of them. */
async function entriesBelow(folder: string): Promise<string> {
  let text = "";
  for (const name of await readdir(folder)) {
    const db = new ClassicLevel(path.join(folder, name));
    for (const entry of await db.iterator().all()) text += `${entry.join(" ")}\n`;
    await db.close();
  }
  return text;
}

/** LevelDB replaces files while it works: one that is gone when its turn comes is blank. */
async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "latin1");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

/** Connections of every kind of fate; what they show and tell is printed by debug nodes. */
function flow(plain: string, encrypted: string) {
  const common = { type: "m1 connection", projectMqtt, userMqtt, outbox: "disk" };
  const connections = [
    { ...common, id: "right", url: plain },
    { ...common, id: "five", url: plain, protocolVersion: "5" },
    { ...common, id: "wrong", url: plain },
    { ...common, id: "tls", url: encrypted },
    { ...common, id: "slash", url: plain },
    { ...common, id: "url", url: plain.replace("//", `//me:${IN_URL}@`) },
  ];
  const senders = connections.map(({ id }) => `${id} out`);
  const onTab = { z: "tab", x: 0, y: 0, wires: [[]] };
  const print = { type: "debug", active: true, console: true, tosidebar: true, complete: "true" };
  const inject = {
    type: "inject",
    once: true,
    onceDelay: 0.1,
    repeat: "0.2",
    payload: "1",
    payloadType: "num",
  };
  return [
    { id: "tab", type: "tab", label: "" },
    ...connections,
    ...connections.map(({ id }) => ({
      ...onTab,
      id: `${id} out`,
      type: "m1 event out",
      connection: id,
      deviceId: "topic",
      deviceIdType: "msg",
    })),
    ...connections.map(({ id }) => ({
      ...onTab,
      id: `${id} in`,
      type: "m1 device in",
      connection: id,
    })),
    { ...onTab, ...inject, id: "good", topic: "pump", wires: [senders] },
    { ...onTab, ...inject, id: "bad", topic: "no/device", wires: [senders] },
    { ...onTab, id: "catch", type: "catch", scope: null, wires: [["print"]] },
    { ...onTab, id: "status", type: "status", scope: null, wires: [["print"]] },
    { ...onTab, id: "complete", type: "complete", scope: senders, wires: [["print"]] },
    { ...onTab, ...print, id: "print" },
  ];
}
