// A person has messages say what a node receives, in the editor.
import { deepEqual, equal } from "node:assert/strict";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { connectionTo } from "../support/flows";
import { version } from "../support/release";
import type { Editor } from "./editor";
import { setScene } from "./scene";

const asks = (id: string, y: number, action: string, property: string, value: string) => ({
  id,
  z: "tab",
  type: "inject",
  name: id,
  repeat: "",
  x: 120,
  y,
  props: [
    { p: "action", v: action, vt: "str" },
    { p: property, v: value, vt: "str" },
  ],
  wires: [[]],
});

describe(`in the editor of Node-RED ${version}, subscriptions by message`, () => {
  const sandbox = new Sandbox({ port: 0 });
  let editor: Editor;

  setScene({ sandbox, flow: () => flow(sandbox) }, (scene) => {
    editor = scene.editor;
  });

  it("are chosen under Advanced: the device ID goes away, and the topics say where the message has it", async () => {
    const dialog = await editor.edit("devices");
    equal(await dialog.field("Device ID").isVisible(), true);
    await dialog.press("Advanced");
    equal(await dialog.chosen("Subscriptions"), "set here");
    await dialog.choose("Subscriptions", "set by messages to the node");
    equal(await dialog.field("Device ID").isVisible(), false);
    const own = `1/${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}`;
    deepEqual(await dialog.preview(), [
      `${own}/{msg.deviceId}/event`,
      `${own}/{msg.deviceId}/update/#`,
      `${own}/_all/event`,
      `${own}/_all/update/#`,
      `${own}/{msg.deviceId}/#`,
      `${own}/_all/#`,
    ]);
    await dialog.done();
  });

  it("give the node an input, and each message counts in its status", async () => {
    await editor.wire("more", "devices");
    await editor.wire("less", "devices");
    await editor.deploy();
    await editor.shows("devices", "connected, subscriptions: 0");
    const subscribed = sandbox.next("subscribed");
    await editor.pressButton("more");
    await subscribed;
    await editor.shows("devices", "connected, subscriptions: 1");
    await sandbox.sendDeviceEvent("pump", "21.5");
    await editor.debugMessage("21.5");
    await editor.pressButton("less");
    await editor.shows("devices", "connected, subscriptions: 0");
  });

  it("stand as they were when the dialog is opened again, and can be taken back", async () => {
    const dialog = await editor.edit("devices");
    await dialog.press("Advanced");
    equal(await dialog.chosen("Subscriptions"), "set by messages to the node");
    await dialog.choose("Subscriptions", "set here");
    await dialog.field("Device ID").waitFor();
    await dialog.done();
    equal(await editor.node("devices").locator(".red-ui-flow-port-input").count(), 0);
  });

  it("need no group in the dialog", async () => {
    const dialog = await editor.edit("groups");
    await dialog.press("Advanced");
    await dialog.choose("Subscriptions", "set by messages to the node");
    deepEqual(await dialog.problems(), []);
    await dialog.done();
    await editor.node("groups").locator(".red-ui-flow-port-input").first().waitFor();
  });
});

function flow(sandbox: Sandbox): { id: string; type: string }[] {
  return [
    { id: "tab", type: "tab", label: "Flow" } as { id: string; type: string },
    connectionTo(sandbox),
    { ...asks("more", 80, "subscribe", "deviceId", "pump") },
    { ...asks("less", 140, "unsubscribe", "deviceId", "pump") },
    ...(["m1 device in", "m1 group in"] as const).map((type, index) => ({
      id: `in-${index}`,
      z: "tab",
      type,
      name: type === "m1 device in" ? "devices" : "groups",
      connection: "m1",
      broadcast: true,
      x: 360,
      y: 80 + 120 * index,
      wires: [["debug"]],
    })),
    {
      id: "debug",
      z: "tab",
      type: "debug",
      complete: "payload",
      active: true,
      tosidebar: true,
      x: 600,
      y: 140,
    } as { id: string; type: string },
  ];
}
