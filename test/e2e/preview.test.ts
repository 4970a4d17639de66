// A person sees in the dialog what the last message came to.
import { equal, match, ok } from "node:assert/strict";
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
  ];
}
