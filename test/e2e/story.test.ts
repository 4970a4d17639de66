// One person's way through the editor, from an empty Node-RED to a flow that runs and is taken apart again.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { rules } from "../../sandbox/cloud/workflows";
import { openWeb, type Web } from "../../sandbox/http/web";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { type Installation, installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { packed } from "../support/packed";
import { temporaryFolder } from "../support/processes";
import { version } from "../support/release";
import { faintest, LEGIBLE, THEMES } from "./contrast";
import type { Dialog } from "./dialog";
import { Editor } from "./editor";
import { areWanted, pictureDialog, pictureFlow } from "./pictures";
import { type Scene, setScene, settings } from "./scene";
import subflow from "./sensor-subflow.json";

const root = path.resolve(__dirname, "../..");
const GERMAN = path.join(root, "nodes/locales/de/m1-connection.json");

/** Any free one, but pictures show the usual ones. */
const PORT = areWanted ? {} : { port: 0 };

describe(`in the editor of Node-RED ${version}, a person`, () => {
  const sandbox = new Sandbox({ ...PORT, rules: rules() });
  let web: Web;
  let tarball: string;
  let scene: Scene;
  let editor: Editor;
  let dialog: Dialog;
  let connection: Dialog;
  let exported: string;

  setScene({ sandbox, install: emptyUserDir }, async (started) => {
    scene = started;
    ({ editor } = scene);
    tarball = await packed(scene.nodeRed.userDir);
    web = await openWeb(sandbox, PORT);
    scene.leaving(() => web.close());
  });

  it("installs the package from a file and finds its three nodes in the palette", async function () {
    this.timeout(60_000);
    await editor.install(tarball);
    deepEqual(await editor.palette("Medium One"), ["m1 device in", "m1 event out", "m1 group in"]);
  });

  it("drags nodes to the canvas and wires them", async () => {
    await editor.drag("inject", { x: 160, y: 80 });
    await editor.drag("m1 event out", { x: 460, y: 80 });
    await editor.wire("timestamp", "m1 event out");
    await editor.drag("m1 device in", { x: 160, y: 180 });
    await editor.drag("debug", { x: 460, y: 180 });
    await editor.wire("every device", "debug 1");
  });

  it("is asked for nothing but a connection", async () => {
    dialog = await editor.edit("m1 event out");
    deepEqual(await dialog.problems(), ["Connection"]);
  });

  it("adds one, and is asked for two IDs and two secrets", async () => {
    connection = await dialog.add("Connection");
    const asked = ["Project MQTT ID", "User MQTT ID", "API key", "User password"];
    deepEqual(await connection.problems(), asked);
  });

  it("is told which character of an ID is wrong, and what is right", async () => {
    await connection.fill({ "Project MQTT ID": "demo/project" });
    equal(
      await connection.problem("Project MQTT ID"),
      'The project MQTT ID has "/" as character 5: printable ASCII except #, + and / is allowed',
    );
  });

  it("pastes a username, which fills both IDs", async () => {
    await connection.paste("Project MQTT ID", "demo-project/demo-user");
    equal(await connection.field("Project MQTT ID").inputValue(), "demo-project");
    equal(await connection.field("User MQTT ID").inputValue(), "demo-user");
  });

  it("enters the secrets, and nothing is missing", async () => {
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    await connection.fill({ Name: "Tutorial", "API key": apiKey, "User password": userPassword });
    deepEqual(await connection.problems(), []);
    await connection.fill({ "Project MQTT ID": "demo/project" });
    await pictureDialog(connection, "problem");
    await connection.fill({ "Project MQTT ID": "demo-project" });
  });

  it("has the user MQTT ID looked up", async () => {
    await connection.fill({ "User MQTT ID": "" });
    await connection.press("Look it up…");
    await connection.fill({ "Login ID": "demo@example.com", "REST API": web.url });
    await connection.press("Look up");
    await connection.answers("Look up", "Filled in: demo-user");
    equal(await connection.field("User MQTT ID").inputValue(), "demo-user");
    await pictureDialog(connection, "look-up");
    await connection.press("Look it up…");
  });

  it("tests the connection: with a wrong password, and with the right one", async () => {
    await connection.fill({ URL: sandbox.url, "User password": "wrong" });
    await connection.press("Test connection");
    await connection.answers("Test connection", /^Not authorised/);
    await pictureDialog(connection, "test");
    await connection.fill({ "User password": DEMO_ACCOUNT.userPassword });
    await connection.press("Test connection");
    await connection.answers("Test connection", /^Connected. Round trip: \d+ ms$/);
    await connection.done();
  });

  it("sees the topic and the JSON that will be sent", async () => {
    await dialog.fill({ "Device ID": "kitchen.1" });
    await dialog.element.getByText("RabbitMQ passes it on as a slash").waitFor();
    await dialog.fill({ "Device ID": "kitchen", Tag: "temperature" });
    await dialog.element.getByText("RabbitMQ passes it on").waitFor({ state: "hidden" });
    deepEqual(await dialog.problems(), []);
    const [topic, json = ""] = await dialog.preview();
    equal(topic, "0/demo-project/demo-user/kitchen");
    match(json, /^\{"event_data":\{"temperature":21.5\},"observed_at":"[^"]+"\}$/);
    await pictureDialog(dialog, "event-out");
    await dialog.done();
  });

  it("chooses the same connection in the next node", async () => {
    dialog = await editor.edit("every device");
    await dialog.choose("Connection", "Tutorial");
    await dialog.fill({ "Device ID": "kitchen", Name: "commands" });
    await pictureDialog(dialog, "device-in");
    await dialog.done();
  });

  it("deploys, and both nodes turn green", async () => {
    await editor.deploy();
    await editor.shows("kitchen", "connected");
    await editor.shows("commands", "connected");
  });

  it("presses the button, and the event is in Medium One", async () => {
    const event = sandbox.next("event");
    await editor.pressButton("timestamp");
    const { deviceId, eventData } = await event;
    equal(deviceId, "kitchen");
    equal(typeof eventData.temperature, "number");
    deepEqual(
      sandbox.refusals.filter(({ what }) => what === "publish"),
      [],
    );
  });

  it("reads in the debug sidebar what Medium One answers", async () => {
    await editor.debugMessage('fan: "on"');
  });

  it("receives a group's messages with one more node", async () => {
    await editor.drag("m1 group in", { x: 160, y: 280 });
    await editor.wire("broadcasts only", "debug 1");
    dialog = await editor.edit("broadcasts only");
    await dialog.choose("Connection", "Tutorial");
    await dialog.fill({ "Group IDs": "greenhouses" });
    deepEqual(await dialog.problems(), []);
    await pictureDialog(dialog, "group-in");
    await dialog.done();
    await editor.deploy();
    await editor.shows("greenhouses", "connected");
    await sandbox.sendGroupMessage("greenhouses", "note", { windows: "open" });
    await editor.debugMessage('windows: "open"');
  });

  it("exports the flow without a secret in it", async () => {
    exported = await editor.exported();
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    match(exported, /"projectMqtt": ?"demo-project"/);
    for (const secret of [apiKey, userPassword]) ok(!exported.includes(secret), secret);
  });

  it("imports it into another Node-RED, which asks for the two secrets", async () => {
    const { userDir, remove } = await installation([]);
    scene.leaving(remove);
    const other = await NodeRed.start(userDir, settings);
    scene.leaving(() => other.stop());
    const elsewhere = await Editor.open(scene.browser, other.url);
    await elsewhere.import(exported);
    await elsewhere.openFlow(2);
    await elsewhere.deploy();
    await elsewhere.shows("kitchen", "not configured");
    dialog = await elsewhere.edit("kitchen");
    connection = await dialog.edit("Connection");
    deepEqual(await connection.problems(), ["API key", "User password"]);
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    await connection.fill({ "API key": apiKey, "User password": userPassword });
    await connection.done();
    await dialog.done();
    await elsewhere.deploy();
    await elsewhere.shows("kitchen", "connected");
    await elsewhere.page.close();
    await other.stop();
  });

  it("takes back that a node was deleted, and finds it as it was", async () => {
    await editor.select("kitchen");
    await editor.press("Delete");
    await editor.node("kitchen").waitFor({ state: "detached" });
    await editor.press("Control+z");
    dialog = await editor.edit("kitchen");
    equal(await dialog.chosen("Connection"), "Tutorial");
    equal(await dialog.field("Device ID").inputValue(), "kitchen");
    await dialog.done();
  });

  it("copies a node, and the copy sends through the same connection", async () => {
    await editor.select("kitchen");
    await editor.press("Control+c");
    await editor.paste({ x: 460, y: 380 });
    dialog = await editor.editSelected();
    await dialog.fill({ "Device ID": "cellar" });
    await dialog.done();
    await editor.wire("timestamp", "cellar");
    await editor.deploy();
    await editor.shows("cellar", "connected");
    const event = sandbox.next("event", ({ deviceId }) => deviceId === "cellar");
    await editor.pressButton("timestamp");
    await event;
    equal(sandbox.clients.length, 1);
  });

  it("gives a subflow's connection and node their settings in its properties", async () => {
    await editor.import(JSON.stringify(sensorSubflow(sandbox.url)));
    await editor.drag("subflow:sensor", { x: 460, y: 480 });
    await editor.wire("timestamp", "Sensor");
    dialog = await editor.edit("Sensor");
    const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
    await dialog.fill({
      PROJECT: projectMqtt,
      USER: userMqtt,
      API_KEY: apiKey,
      PASSWORD: userPassword,
      DEVICE: "attic",
    });
    await dialog.done();
    await editor.deploy();
    const event = sandbox.next("event", ({ deviceId }) => deviceId === "attic");
    await editor.pressButton("timestamp");
    await event;
  });

  it("disables the connection, and its nodes say so", async () => {
    await toggleConnection();
    await editor.shows("kitchen", "connection disabled");
    await editor.shows("commands", "connection disabled");
    equal(await editor.statusColour("kitchen"), "red");
  });

  it("enables it again, and they are connected", async () => {
    await toggleConnection();
    await editor.shows("kitchen", "connected");
    await editor.shows("commands", "connected");
  });

  it("imports the first example, and it runs", async () => {
    const file = path.join(root, "examples/1 Quick start with the sandbox.json");
    const example = await readFile(file, "utf8");
    await editor.import(example.replaceAll("mqtt://127.0.0.1:61619", sandbox.url));
    await editor.openFlow(2);
    const event = sandbox.next("event", ({ deviceId }) => deviceId === "demo-device");
    await editor.deploy();
    await event;
    await editor.shows("demo-group", "connected");
    await pictureFlow(editor, "flow");
    await editor.openFlow(1);
  });

  for (const theme of THEMES) {
    it(`reads every word of the dialogs in the ${theme} theme`, async () => {
      if (theme !== "light") await editor.setting("view-dark-theme", theme);
      dialog = await editor.edit("kitchen");
      await dialog.press("Advanced");
      const contrasts = [await faintest(dialog)];
      connection = await dialog.edit("Connection");
      await connection.press("Advanced");
      contrasts.push(await faintest(connection));
      for (const { ratio, words } of contrasts) ok(ratio >= LEGIBLE, `${words}: ${ratio}`);
      await connection.press("Advanced");
      await connection.press("Test connection");
      await connection.answers("Test connection", /^Connected/);
      await pictureDialog(connection, `connection-${theme}`);
      await connection.done();
      await dialog.done();
    });
  }

  it("gives the connection a second address, and sees which one is in use", async () => {
    dialog = await editor.edit("kitchen");
    connection = await dialog.edit("Connection");
    await connection.press("Advanced");
    await connection.addEntry("Further addresses", "127.0.0.1");
    match(await connection.problem("Further addresses"), /127\.0\.0\.1 is not of the form/);
    await connection.removeEntry("Further addresses");
    await connection.addEntry("Further addresses", sandbox.url);
    match(await connection.problem("Further addresses"), /is already one of the addresses/);
    await connection.fill({ URL: "mqtt://127.0.0.1:1" });
    deepEqual(await connection.problems(), []);
    await connection.press("Test connection");
    await connection.answers("Test connection", /127\.0\.0\.1:1 – Nothing listens/);
    await connection.answers("Test connection", /– connected, round trip: \d+ ms/);
    await pictureDialog(connection, "addresses");
    await connection.done();
    await dialog.done();
    await editor.deploy();
    await editor.shows("kitchen", `connected to ${sandbox.url.replace("mqtt://", "")}`);
  });

  if (existsSync(GERMAN)) {
    it("reads the dialogs in German", async () => {
      const { label } = JSON.parse(await readFile(GERMAN, "utf8"));
      await editor.setting("editor-language", "de");
      await editor.page.reload();
      await editor.loaded();
      dialog = await editor.edit("kitchen");
      connection = await dialog.edit(label.connection);
      equal(await connection.field(label.userMqtt).inputValue(), "demo-user");
      await connection.field(label.userPassword).waitFor();
    });
  }

  async function toggleConnection(): Promise<void> {
    dialog = await editor.edit("kitchen");
    connection = await dialog.edit("Connection");
    await connection.toggleEnabled();
    await connection.done();
    await dialog.done();
    await editor.deploy();
  }
});

/** Where this package is yet to be installed. */
async function emptyUserDir(): Promise<Installation> {
  const { folder, remove } = await temporaryFolder();
  return { userDir: folder, remove };
}

/** A subflow that sends through a connection of its own. */
function sensorSubflow(url: string): object[] {
  return subflow.map((node) => (node.type === "m1 connection" ? { ...node, url } : node));
}
