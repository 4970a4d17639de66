// A person imports one example after the other, as the README says.
import { deepEqual, equal } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { version } from "../support/release";
import type { Editor } from "./editor";
import { setScene } from "./scene";

const folder = path.resolve(__dirname, "../../examples");

describe(`in the editor of Node-RED ${version}, the examples`, () => {
  let editor: Editor;

  setScene({ flow: () => [{ id: "tab", type: "tab" }] }, (scene) => {
    editor = scene.editor;
  });

  it("share one connection, each imported as a copy", async function () {
    this.timeout(60_000);
    for (const [index, flow] of sandboxExamples().entries()) {
      await editor.import(flow);
      if (index > 0) {
        const asks = editor.notification("already exist");
        await asks.getByRole("button", { name: "Import copy" }).click();
        await asks.waitFor({ state: "detached" });
      }
      const { label } = JSON.parse(flow)[0] as { label: string };
      await editor.page
        .locator("#red-ui-workspace-tabs")
        .getByText(label, { exact: true })
        .waitFor();
    }
    equal(await editor.configNodes("m1 connection"), 1);
  });

  it("leave one connection for the next node, which has it chosen, and offers the IDs in use", async () => {
    await editor.drag("m1 device in", { x: 500, y: 600 });
    const dialog = await editor.editSelected();
    equal(await dialog.chosen("Connection"), "Sandbox");
    deepEqual(await dialog.offered("Device ID"), ["demo-device"]);
    await dialog.done();
  });
});

/** Those that send to the sandbox at its usual address. */
function sandboxExamples(): string[] {
  return readdirSync(folder)
    .map((name) => readFileSync(path.join(folder, name), "utf8"))
    .filter((flow) => flow.includes('"mqtt://127.0.0.1:61619"'));
}
