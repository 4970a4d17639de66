// A person sees in the dialog what the last message came to.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Sandbox } from "../../sandbox/sandbox";
import { connectionTo } from "../support/flows";
import { version } from "../support/release";
import type { Editor } from "./editor";
import { setScene } from "./scene";

describe(`in the editor of Node-RED ${version}, the preview of m1 event out`, () => {
  const sandbox = new Sandbox({ port: 0 });
  let editor: Editor;

  setScene({ sandbox, flow: () => flow(sandbox) }, (scene) => {
    editor = scene.editor;
  });

  it("is of the example, labelled as that, while no message has come", async () => {
    const dialog = await editor.edit("send");
    ok(await dialog.field("Example").isVisible());
    const [topic = "", json = ""] = await dialog.preview();
    match(topic, /\{msg\.sensor\}$/);
    match(json, /"value":21\.5/);
    await dialog.done();
  });

  it("says of data that JSON cannot carry what the runtime says of it", async () => {
    await editor.pressButton("not a number");
    const words = "event_data.t is NaN, which JSON cannot carry";
    equal(await editor.reported(), `"${words}"`);
    const dialog = await editor.edit("plain");
    await dialog.element.getByText(/^Of the last message, which came at /).waitFor();
    deepEqual(await dialog.previewProblems(), [words]);
    await dialog.done();
  });

  it("is of the example where the last message is too long to be shown, and says so", async () => {
    await editor.pressButton("long");
    const dialog = await editor.edit("plain");
    await dialog.element.getByText(/but its event data cannot be shown here/).waitFor();
    ok(await dialog.field("Example").isVisible());
    match((await dialog.preview())[1] ?? "", /"value":21\.5/);
    await dialog.done();
  });

  it("is of the last message once there is one, labelled with its time", async () => {
    const sent = sandbox.next("event");
    await editor.pressButton("press");
    await sent;
    const dialog = await editor.edit("send");
    await dialog.element.getByText(/^Of the last message, which came at /).waitFor();
    equal(await dialog.field("Example").isVisible(), false);
    const [topic = "", json = ""] = await dialog.preview();
    match(topic, /\/attic$/);
    match(json, /"value":22\.5/);
  });

  it("follows what is typed: a property is looked up in the message, what is not known is an example again", async () => {
    const { page } = editor;
    await page.evaluate(() => {
      const { $ } = globalThis as unknown as { $: (selector: string) => Typed };
      interface Typed {
        typedInput(name: string, value: string): void;
      }
      $("#node-input-eventData").typedInput("type", "msg");
      $("#node-input-eventData").typedInput("value", "payload.t");
    });
    const preview = page.locator("#m1-event-out-json");
    await preview.getByText(/"value":21\.5/).waitFor();
    await page.evaluate(() => {
      const { $ } = globalThis as unknown as { $: (selector: string) => Typed };
      interface Typed {
        typedInput(name: string, value: string): void;
      }
      $("#node-input-eventData").typedInput("type", "flow");
      $("#node-input-eventData").typedInput("value", "other");
    });
    await page.locator("#m1-event-out-example").waitFor();
  });
});

/** A button, and a Function node that makes of its message one for the node `plain`. */
function odd(id: string, name: string, func: string, y: number) {
  return [
    {
      ...{ id, z: "tab", type: "inject", name, repeat: "", props: [] },
      ...{ x: 120, y, wires: [[`make-${id}`]] },
    },
    {
      ...{ id: `make-${id}`, z: "tab", type: "function", name: "", func, outputs: 1 },
      ...{ x: 360, y, wires: [["plain"]] },
    },
  ];
}

function flow(sandbox: Sandbox) {
  return [
    { id: "tab", type: "tab", label: "Flow" },
    connectionTo(sandbox),
    {
      id: "press",
      z: "tab",
      type: "inject",
      name: "press",
      repeat: "",
      props: [
        { p: "payload", v: '{"t":"21.5"}', vt: "json" },
        { p: "sensor", v: "attic", vt: "str" },
      ],
      x: 120,
      y: 80,
      wires: [["out"]],
    },
    {
      id: "out",
      z: "tab",
      type: "m1 event out",
      name: "send",
      connection: "m1",
      deviceId: "sensor",
      deviceIdType: "msg",
      eventData: "$number(payload.t) + 1",
      eventDataType: "jsonata",
      x: 360,
      y: 80,
      wires: [],
    },
    ...odd("nan", "not a number", "return { payload: { t: NaN } };", 160),
    ...odd("long", "long", 'return { payload: "x".repeat(70_000) };', 220),
    {
      ...{ id: "plain", z: "tab", type: "m1 event out", name: "plain", x: 620, y: 160, wires: [] },
      ...{ connection: "m1", deviceId: "pump" },
    },
  ];
}
