// What a person types and pastes into the fields of the dialogs, and what the dialogs make of it.
import { deepEqual, equal, match } from "node:assert/strict";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { version } from "../support/release";
import type { Dialog } from "./dialog";
import { boxOf, type Editor } from "./editor";
import { setScene } from "./scene";

describe(`in the fields of the dialogs of Node-RED ${version}, a person`, () => {
  const sandbox = new Sandbox({ port: 0 });
  let editor: Editor;
  let dialog: Dialog;
  let connection: Dialog;

  before(() => {
    process.env.M1_TEST_KIND = "demo";
  });

  setScene({ sandbox, flow: () => flow(sandbox.url) }, async (scene) => {
    editor = scene.editor;
    await editor.page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  });

  /** Copies a text as from another window, and pastes it over what the field holds. */
  async function paste(into: Dialog, label: string, text: string): Promise<void> {
    await editor.page.evaluate((copied) => navigator.clipboard.writeText(copied), text);
    await into.field(label).press("Control+a");
    await into.field(label).press("Control+v");
  }

  describe("in the connection's dialog", () => {
    before(async () => {
      dialog = await editor.edit("out");
      connection = await dialog.edit("Connection");
      await connection.problems();
    });

    const pasted: [string, string, string][] = [
      ["Project MQTT ID", " demo-project\n", "demo-project"],
      ["User MQTT ID", '"demo-user"', "demo-user"],
      ["URL", `\r\n  ${"mqtt://127.0.0.1:1883"}\r\n`, "mqtt://127.0.0.1:1883"],
      ["API key", `${DEMO_ACCOUNT.apiKey} `, DEMO_ACCOUNT.apiKey],
      ["User password", "'secret word'", "secret word"],
      ["Name", "“Tutorial”", "Tutorial"],
    ];
    for (const [label, text, value] of pasted) {
      it(`pastes ${JSON.stringify(text)} as ${label}, which is ${value}`, async () => {
        await paste(connection, label, text);
        equal(await connection.field(label).inputValue(), value);
        match(await note(connection), /^White space and quotes around .* left out\. Undo$/);
      });
    }

    it("pastes a user password with a slash before the API key, and has it whole once the key is there", async () => {
      await connection.fill({ "API key": "", "User password": "" });
      await paste(connection, "User password", DEMO_ACCOUNT.userPassword);
      equal(await connection.field("API key").inputValue(), "demo");
      await paste(connection, "API key", DEMO_ACCOUNT.apiKey);
      await connection.field("API key").press("Tab");
      equal(await connection.field("API key").inputValue(), DEMO_ACCOUNT.apiKey);
      equal(await connection.field("User password").inputValue(), DEMO_ACCOUNT.userPassword);
    });

    it("corrects a slip in a pasted API key, and keeps the password that came with it", async () => {
      await connection.fill({ "API key": "", "User password": "" });
      await paste(connection, "User password", `${DEMO_ACCOUNT.apiKey}X/secret`);
      await connection.fill({ "API key": DEMO_ACCOUNT.apiKey });
      equal(await connection.field("User password").inputValue(), "secret");
    });

    it("takes back what a pasted password has filled, also after another field", async () => {
      await connection.fill({ "API key": "", "User password": "" });
      await paste(connection, "User password", "part/other");
      await connection.fill({ Name: "later" });
      await connection.press("Undo");
      equal(await connection.field("API key").inputValue(), "");
      equal(await connection.field("User password").inputValue(), "part/other");
      await connection.fill({ "API key": DEMO_ACCOUNT.apiKey });
    });

    it("takes that back: the quotes were meant", async () => {
      await paste(connection, "User password", "'secret'");
      await connection.press("Undo");
      equal(await connection.field("User password").inputValue(), "'secret'");
    });

    it("takes it back with the keyboard, too", async () => {
      await connection.fill({ "User password": "before" });
      await paste(connection, "User password", "'secret'");
      await connection.field("User password").press("Control+z");
      equal(await connection.field("User password").inputValue(), "before");
    });

    it("is told that a password begins with a space, which may be meant", async () => {
      await connection.fill({ "User password": " secret" });
      equal(await connection.hint("User password"), "The user password begins with a space");
      await connection.fill({ "User password": "secret " });
      equal(await connection.hint("User password"), "The user password ends with a space");
      deepEqual(await connection.problems(), []);
      await connection.fill({ "User password": "sec ret" });
      equal(await connection.hints("User password"), 0);
    });

    it("is told that an API key cannot end with a space", async () => {
      await connection.fill({ "API key": "DEMO0KEY " });
      equal(await connection.problem("API key"), "The API key ends with a space");
      await connection.fill({ "API key": DEMO_ACCOUNT.apiKey });
      deepEqual(await connection.problems(), []);
    });

    it("types white space around an ID, and it is gone when the field is left", async () => {
      await connection.fill({ "User MQTT ID": " demo-user " });
      equal(await connection.field("User MQTT ID").inputValue(), "demo-user");
    });

    it("types a space inside a name, and it stays", async () => {
      await connection.fill({ Name: "My tutorial" });
      equal(await connection.field("Name").inputValue(), "My tutorial");
    });

    it("closes it", async () => {
      await connection.done();
    });
  });

  describe("in a new connection's dialog", () => {
    beforeEach(async () => {
      connection = await dialog.add("Connection");
      await connection.problems();
    });

    afterEach(() => connection.cancel());

    const buttons: [button: string, shows: (dialog: Dialog) => Promise<unknown>][] = [
      [
        "Test connection",
        ({ page }) => page.getByText("The project MQTT ID is missing").nth(1).waitFor(),
      ],
      ["Advanced", (opened) => opened.field("Client ID").waitFor()],
      ["Look it up…", (opened) => opened.field("Login ID").waitFor()],
    ];
    for (const [button, shows] of buttons) {
      it(`leaves a blank field by a click on ${button}: it is one click`, async () => {
        await connection.field("Project MQTT ID").focus();
        await clickWithMouse(connection, button);
        await shows(connection);
        equal(await connection.problem("Project MQTT ID"), "The project MQTT ID is missing");
      });
    }

    it("writes variables into the texts, and the test puts in what they hold", async () => {
      const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
      await connection.fill({
        URL: `mqtt://${variable("HOST")}:${new URL(sandbox.url).port}`,
        "Project MQTT ID": variable("PROJECT"),
        "User MQTT ID": userMqtt.replace("demo", variable("KIND")),
        "API key": apiKey,
        "User password": userPassword,
      });
      deepEqual(await connection.problems(), []);
      await connection.press("Test connection");
      await connection.answers("Test connection", /^URL: the environment variable M1_TEST_HOST/);
      await connection.fill({ URL: sandbox.url, "Project MQTT ID": projectMqtt });
      await connection.press("Test connection");
      // A variable is in it, and nothing is deployed there.
      await connection.press("Send it there");
      await connection.answers("Test connection", /^Connected/);
    });

    it("leaves a blank field by a click on Look up: it is one click", async () => {
      await connection.press("Look it up…");
      await connection.field("Project MQTT ID").focus();
      await clickWithMouse(connection, "Look up");
      await connection.answers("Look up", "The login ID is missing");
      equal(await connection.problem("Project MQTT ID"), "The project MQTT ID is missing");
    });

    it("leaves a blank field with the keyboard, and reads at once what is missing", async () => {
      await connection.field("Project MQTT ID").focus();
      await connection.field("Project MQTT ID").press("Tab");
      equal(await connection.problem("Project MQTT ID"), "The project MQTT ID is missing");
    });
  });

  describe("in the dialogs of the nodes", () => {
    it("pastes a device ID with white space around it", async () => {
      await paste(dialog, "Device ID", "\tkitchen \n");
      equal(await dialog.field("Device ID").inputValue(), "kitchen");
      const [topic] = await dialog.preview();
      equal(topic, "0/demo-project/demo-user/kitchen");
    });

    it("pastes data and code as they are: quotes and white space mean something there", async () => {
      await paste(dialog, "Example", ' "on" ');
      equal(await dialog.field("Example").inputValue(), ' "on" ');
      await dialog.chooseType("Device ID", "expression");
      await paste(dialog, "Device ID", '"pump"');
      equal(await dialog.field("Device ID").inputValue(), '"pump"');
      await dialog.chooseType("Device ID", "string");
    });

    it("clicks Advanced with a blank tag: it is one click", async () => {
      await dialog.field("Tag").fill("");
      await clickWithMouse(dialog, "Advanced");
      await dialog.field("Stream").waitFor();
      match(await dialog.problem("Tag"), /the tag is missing$/);
      await dialog.press("Advanced");
    });

    it("sees what becomes of a number in text", async () => {
      await dialog.fill({ Tag: "temperature", Example: "21.5" });
      match((await dialog.preview())[1] ?? "", /\{"temperature":21\.5\}/);
      await dialog.press("Advanced");
      await dialog.choose("Numbers in text", "stay text");
      match((await dialog.preview())[1] ?? "", /\{"temperature":"21\.5"\}/);
      await dialog.fill({ Example: "356938035643809123" });
      await dialog.choose("Numbers in text", "become numbers");
      match((await dialog.preview())[1] ?? "", /\{"temperature":"356938035643809123"\}/);
      await dialog.press("Advanced");
    });

    const wrong: [type: string, text: string, words: RegExp][] = [
      ["msg.", "", /^event data: nothing is entered$/],
      ["global.", "", /^event data: nothing is entered$/],
      ["msg.", "payload..temperature", /^Event data: Invalid property expression/],
      ["JSON", "", /^event data: nothing is entered$/],
      ["JSON", '{"temperature":', /^Event data: Invalid JSON data/],
      ["JSON", "null", /^There is no event data: it is null$/],
      ["expression", " ", /^event data: nothing is entered$/],
      ["expression", "$foo(", /^Event data: Invalid JSONata expression/],
      ["env variable", "", /^event data: nothing is entered$/],
    ];
    for (const [type, text, words] of wrong) {
      it(`is told that ${type} ${JSON.stringify(text)} is no event data, and sees no event`, async () => {
        await dialog.chooseType("Event data", type);
        await dialog.fill({ "Event data": text });
        match(await dialog.problem("Event data"), words);
        match((await dialog.previewProblems()).at(-1) ?? "", words);
        deepEqual(await dialog.problems(), ["Event data"]);
        equal((await dialog.preview()).length, 1);
      });
    }

    it("sees an event again once the event data is right, variables and all", async () => {
      await dialog.chooseType("Event data", "expression");
      await dialog.fill({ "Event data": "payload.temperature" });
      equal((await dialog.preview()).length, 2);
      await dialog.chooseType("Device ID", "msg.");
      await dialog.fill({ "Device ID": "" });
      match(await dialog.problem("Device ID"), /^device ID: nothing is entered$/);
      await dialog.chooseType("Device ID", "string");
      await dialog.fill({ "Device ID": `${variable("SITE")}-pump` });
      deepEqual(await dialog.problems(), []);
      equal((await dialog.preview())[0], `0/demo-project/demo-user/${variable("SITE")}-pump`);
    });

    it("is told what an ID is taken for that looks like something else", async () => {
      for (const id of ["{{topic}}", "msg.topic"]) {
        await dialog.fill({ "Device ID": id });
        match(await dialog.hint("Device ID"), /^Taken as it is written\. .* choose msg\./);
      }
      deepEqual(await dialog.problems(), []);
    });

    it("finds the types of all fields in one order", async () => {
      const order = ["msg.", "flow.", "global.", "string", "JSON", "expression", "env variable"];
      for (const label of ["Device ID", "Event data", "Observed at"]) {
        const types = (await dialog.types(label)).filter((type) => order.includes(type));
        deepEqual(
          types,
          order.filter((type) => types.includes(type)),
        );
        equal(types.length, label === "Event data" ? 7 : 6);
      }
    });

    it("cancels, and opens the next", async () => {
      await dialog.cancel();
      dialog = await editor.edit("groups");
    });

    it("pastes a group ID in quotes", async () => {
      await paste(dialog, "Group IDs", '"greenhouses" ');
      equal(await dialog.field("Group IDs").inputValue(), "greenhouses");
    });

    it("is told that a list of groups in one row is one ID", async () => {
      await dialog.field("Group IDs").fill("greenhouse, shed");
      match(await dialog.hint("Group IDs"), /^A comma separates nothing here/);
      await dialog.field("Group IDs").fill("msg.group");
      match(await dialog.hint("Group IDs"), /^Taken as it is written: nothing/);
      await dialog.field("Group IDs").fill("greenhouse");
      equal(await dialog.hints("Group IDs"), 0);
      await dialog.cancel();
    });

    it("drags in a fresh one, which is called what it receives", async () => {
      await editor.drag("m1 group in", { x: 160, y: 320 });
      await editor.node("broadcasts only").waitFor();
    });

    it("is told the same of one device", async () => {
      dialog = await editor.edit("in");
      await dialog.fill({ "Device ID": "msg.topic" });
      match(await dialog.hint("Device ID"), /^Taken as it is written: nothing/);
      await dialog.fill({ "Device ID": "pump-1, pump-2" });
      match(await dialog.hint("Device ID"), /^A comma separates nothing here/);
      await dialog.cancel();
    });
  });

  async function note({ element }: Dialog): Promise<string> {
    return (await element.locator(".m1-pasted").innerText()).trim();
  }

  /** Presses and lets go where the button is before; nothing waits until it holds still. */
  async function clickWithMouse({ element, page }: Dialog, button: string): Promise<void> {
    const { x, y, width } = await boxOf(element.getByRole("button", { name: button, exact: true }));
    // Its upper edge: what moves down by a line is no longer there.
    await page.mouse.move(x + width / 2, y + 3);
    await page.mouse.down();
    await page.mouse.up();
  }
});

function variable(name: string): string {
  return ["$", "{M1_TEST_", name, "}"].join("");
}

function flow(url: string): { id: string; type: string }[] {
  const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
  const node = { z: "tab", connection: "m1", wires: [] };
  return [
    { id: "tab", type: "tab", label: "Fields" } as { id: string; type: string },
    { id: "m1", type: "m1 connection", ...{ name: "Tutorial", url, projectMqtt, userMqtt } },
    { ...node, id: "out", type: "m1 event out", ...{ name: "out", x: 160, y: 80 } },
    { ...node, id: "in", type: "m1 device in", ...{ name: "in", x: 160, y: 160 } },
    { ...node, id: "groups", type: "m1 group in", ...{ name: "groups", x: 160, y: 240 } },
  ];
}
