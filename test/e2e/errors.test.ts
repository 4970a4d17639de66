// What a person sees of errors in the editor: a sentence in the debug sidebar, as core's nodes show one, and what
// Status and Complete nodes pass on.
import { equal } from "node:assert/strict";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { version } from "../support/release";
import type { Editor } from "./editor";
import { type Scene, setScene } from "./scene";

/** How much of a text the sidebar shows before it is unfolded. */
const SHOWN = 80;

describe(`of errors in the editor of Node-RED ${version}, a person`, () => {
  const sandbox = new Sandbox({ port: 0 });
  let scene: Scene;
  let editor: Editor;
  let port: number;

  setScene({ sandbox, flow: () => flow(sandbox.url) }, async (started) => {
    scene = started;
    ({ editor } = scene);
    ({ port } = sandbox);
    await editor.shows("sensor", "connected");
  });

  it("reads in the debug sidebar what is wrong with a message, without unfolding anything", async () => {
    await editor.pressButton("a/b");
    const sentence =
      'The device ID has "/" as character 2: printable ASCII except #, + and / is allowed';
    equal(await editor.reported(), `"${sentence.slice(0, SHOWN)}..."`);
  });

  it("reads what a Complete node says of an event that was sent", async () => {
    await editor.pressButton("pump");
    await editor.debugMessage('topic: "0/demo-project/demo-user/pump"');
  });

  it("reads what a Status node says of events that wait, beside the words below the node", async () => {
    await sandbox.stop();
    await editor.shows("sensor", "nothing listens");
    await editor.pressButton("pump");
    await editor.shows("sensor", "nothing listens: 1 queued");
    await editor.debugMessage('state: "offline", code: "REFUSED", waiting: 1');
  });

  it("reads that the outbox is full, in red while nothing listens, and of the event that finds no room", async () => {
    await editor.pressButton("pump");
    await editor.shows("sensor", "outbox full; nothing listens: 2 queued");
    equal(await editor.statusColour("sensor"), "red");
    await editor.pressButton("pump");
    await editor.debugMessage("The outbox is full: 2 queued");
  });

  it("reads it in yellow once the broker is back, as long as events may leave no faster", async function () {
    this.timeout(60_000);
    const back = new Sandbox({ port });
    scene.leaving(() => back.stop());
    await back.start();
    // The pauses between attempts have grown meanwhile.
    await editor.shows("sensor", "outbox full; sending: 2 left, 0.01/s", 50_000);
    equal(await editor.statusColour("sensor"), "yellow");
  });

  it("lets them leave, and it is green again", async () => {
    const dialog = await editor.edit("sensor");
    const connection = await dialog.edit("Connection");
    await connection.press("Advanced");
    await connection.fill({ "Send at most": "" });
    await connection.done();
    await dialog.done();
    await editor.deploy();
    await editor.shows("sensor", "connected");
    equal(await editor.statusColour("sensor"), "green");
  });
});

function button(id: string, topic: string, y: number) {
  return {
    ...{ id, z: "tab", type: "inject", x: 160, y, wires: [["out"]] },
    ...{ name: topic, topic, payload: "1", payloadType: "num", repeat: "", crontab: "" },
    props: [{ p: "payload" }, { p: "topic", vt: "str" }],
  };
}

function debug(id: string, complete: string, y: number) {
  return {
    ...{ id, z: "tab", type: "debug", x: 460, y, name: id, active: true, tosidebar: true },
    ...{ complete, targetType: "msg", wires: [] },
  };
}

/**
 * A sensor whose device ID is the topic, two buttons, and what becomes of it. Two events fill the outbox, and after the
 * first they leave it so slowly that it stays full.
 */
function flow(url: string) {
  const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
  return [
    { id: "tab", type: "tab", label: "Sensors" },
    {
      ...{ id: "m1", type: "m1 connection", name: "Sandbox", url, projectMqtt, userMqtt },
      ...{ outboxLimit: "2", sendRate: "0.01" },
    },
    button("slash", "a/b", 80),
    button("good", "pump", 140),
    { id: "status", z: "tab", type: "status", x: 160, y: 220, scope: null, wires: [["state"]] },
    debug("state", "status.m1", 220),
    {
      id: "complete",
      z: "tab",
      type: "complete",
      x: 160,
      y: 280,
      scope: ["out"],
      wires: [["sent"]],
    },
    debug("sent", "m1", 280),
    {
      ...{ id: "out", z: "tab", type: "m1 event out", x: 460, y: 80, wires: [] },
      ...{ name: "sensor", connection: "m1", deviceId: "topic", deviceIdType: "msg" },
    },
  ];
}
