// The dialogs and the sidebar in each language: all that they hold can be seen to its end.
import { deepEqual } from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { connectionTo } from "../support/flows";
import { version } from "../support/release";
import type { Editor } from "./editor";
import { OutboxTab } from "./outbox-tab";
import { setScene } from "./scene";

const languages = readdirSync(path.resolve(__dirname, "../../nodes/locales"));

/** Of the form, in pixels: as Node-RED has it, beside a scroll bar, and in a narrow sidebar. */
const WIDTHS = [undefined, 425, 400];

const receiving = (type: string, y: number) => ({
  id: type,
  z: "tab",
  type,
  name: type,
  connection: "m1",
  broadcast: true,
  x: 200,
  y,
  wires: [],
});

const flow = [
  { id: "tab", type: "tab", label: "Flow" },
  connectionTo({ url: "mqtt://127.0.0.1:1" }, { name: "Cloud", outbox: "disk" }),
  receiving("m1 device in", 80),
  receiving("m1 group in", 140),
  {
    id: "out",
    z: "tab",
    type: "m1 event out",
    name: "m1 event out",
    connection: "m1",
    x: 200,
    y: 200,
    wires: [],
  },
];

describe(`in the editor of Node-RED ${version}, dialogs and sidebar`, () => {
  let editor: Editor;

  setScene({ flow: () => flow }, (scene) => {
    editor = scene.editor;
  });

  for (const language of languages) {
    it(`cut off nothing in ${language}, in a narrow sidebar either`, async function () {
      this.timeout(60_000);
      await editor.page.evaluate((code) => localStorage.setItem("editor-language", code), language);
      await editor.page.reload();
      await editor.loaded();
      const cut: string[] = [];
      for (const type of ["m1 device in", "m1 group in", "m1 event out"]) {
        const dialog = await editor.edit(type);
        await dialog.element.locator(".m1-fold").click();
        for (const width of WIDTHS) cut.push(...(await dialog.cutOff(width)));
        await editor.press("Control+Escape");
        await dialog.element.waitFor({ state: "detached" });
      }
      const dialog = await editor.edit("m1 device in");
      const connection = await dialog.edit(
        await dialog.element.locator("label[for=node-input-connection]").innerText(),
      );
      for (const hidden of [
        ".m1-fold",
        "#m1-connection-lookup-button",
        "#m1-connection-create-button",
      ]) {
        await connection.element.locator(hidden).click();
      }
      for (const width of WIDTHS) cut.push(...(await connection.cutOff(width)));
      deepEqual(cut, []);
    });

    it(`leave room for each word of the sidebar in ${language}, in 300 pixels`, async () => {
      await editor.page.reload();
      await editor.loaded();
      const tab = await OutboxTab.open(editor);
      await tab.element.locator("section").first().waitFor();
      for (const fold of await tab.element.locator("[aria-expanded]").all()) await fold.click();
      deepEqual(await tab.cutOff(300), []);
    });
  }
});
