// One person's way through the editor, from an empty Node-RED to a flow that runs and is taken apart again.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Browser } from "playwright-core";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { rules } from "../../sandbox/workflows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { packed } from "../support/packed";
import { temporaryFolder } from "../support/processes";
import { version } from "../support/release";
import { startBrowser } from "./browser";
import type { Dialog } from "./dialog";
import { Editor } from "./editor";
import { pictureFailure } from "./pictures";
import subflow from "./sensor-subflow.json";

const editorTheme = { tours: false, palette: { catalogues: [] } };

describe(`in the editor of Node-RED ${version}, a person`, () => {
  const sandbox = new Sandbox({ port: 0, rules: rules() });
  const leftovers: (() => Promise<unknown>)[] = [];
  let tarball: string;
  let browser: Browser;
  let editor: Editor;
  let dialog: Dialog;
  let connection: Dialog;
  let exported: string;

  before(async function () {
    this.timeout(60_000);
    const { folder, remove } = await temporaryFolder();
    leftovers.push(remove);
    tarball = await packed(folder);
    await sandbox.start();
    leftovers.push(() => sandbox.stop());
    const nodeRed = await NodeRed.start(folder, { editorTheme });
    leftovers.push(() => nodeRed.stop());
    browser = await startBrowser();
    leftovers.push(() => browser.close());
    editor = await Editor.open(browser, nodeRed.url);
  });

  after(async () => {
    for (const clear of leftovers.reverse()) await clear();
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") await pictureFailure(browser);
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

  it("fixes it and enters the rest", async () => {
    const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
    await connection.fill({
      Name: "Sandbox",
      "Project MQTT ID": projectMqtt,
      "User MQTT ID": userMqtt,
      "API key": apiKey,
      "User password": userPassword,
    });
    deepEqual(await connection.problems(), []);
    await connection.fill({ URL: sandbox.url });
    deepEqual(await connection.problems(), []);
    await connection.done();
    deepEqual(await dialog.problems(), []);
    await dialog.fill({ "Device ID": "kitchen", Tag: "temperature" });
    await dialog.done();
  });

  it("chooses the same connection in the next node", async () => {
    dialog = await editor.edit("every device");
    await dialog.choose("Connection", "Sandbox");
    await dialog.fill({ "Device ID": "kitchen", Name: "commands" });
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
    deepEqual(sandbox.refusals, []);
  });

  it("reads in the debug sidebar what Medium One answers", async () => {
    await editor.debugMessage('fan: "on"');
  });

  it("exports the flow without a secret in it", async () => {
    exported = await editor.exported();
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    match(exported, /"projectMqtt": ?"demo-project"/);
    for (const secret of [apiKey, userPassword]) ok(!exported.includes(secret), secret);
  });

  it("imports it into another Node-RED, which asks for the two secrets", async () => {
    const { userDir, remove } = await installation([]);
    leftovers.push(remove);
    const other = await NodeRed.start(userDir, { editorTheme });
    leftovers.push(() => other.stop());
    const elsewhere = await Editor.open(browser, other.url);
    await elsewhere.import(exported);
    await elsewhere.openLastFlow();
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
    await editor.page.keyboard.press("Delete");
    await editor.node("kitchen").waitFor({ state: "detached" });
    await editor.page.keyboard.press("Control+z");
    dialog = await editor.edit("kitchen");
    equal(await dialog.chosen("Connection"), "Sandbox");
    equal(await dialog.field("Device ID").inputValue(), "kitchen");
    await dialog.done();
  });

  it("copies a node, and the copy sends through the same connection", async () => {
    await editor.select("kitchen");
    await editor.page.keyboard.press("Control+c");
    await editor.paste({ x: 460, y: 280 });
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
    await editor.drag("subflow:sensor", { x: 460, y: 380 });
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
    await sandbox.next("connected");
    const event = sandbox.next("event", ({ deviceId }) => deviceId === "attic");
    await editor.pressButton("timestamp");
    await event;
  });

  it("disables the connection, and its nodes say that they have none", async () => {
    await toggleConnection();
    await editor.shows("kitchen", "no connection");
    await editor.shows("commands", "no connection");
  });

  it("enables it again, and they are connected", async () => {
    await toggleConnection();
    await editor.shows("kitchen", "connected");
    await editor.shows("commands", "connected");
  });

  async function toggleConnection(): Promise<void> {
    dialog = await editor.edit("kitchen");
    connection = await dialog.edit("Connection");
    await connection.toggleEnabled();
    await connection.done();
    await dialog.done();
    await editor.deploy();
  }
});

/** A subflow that sends through a connection of its own. */
function sensorSubflow(url: string): object[] {
  return subflow.map((node) => (node.type === "m1 connection" ? { ...node, url } : node));
}
