// A device user of its own, from the dialog of the connection to a green status: made, waited for, filled in.
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { openWeb, type Web } from "../../sandbox/http/web";
import { DEMO_ACCOUNT, DEMO_REGISTRATION, Sandbox } from "../../sandbox/sandbox";
import type { NodeRed } from "../support/node-red";
import { version } from "../support/release";
import { faintest, LEGIBLE, THEMES } from "./contrast";
import type { Dialog } from "./dialog";
import type { Editor } from "./editor";
import { areWanted, pictureDialog } from "./pictures";
import { setScene } from "./scene";

/** Any free one, but pictures show the usual ones. */
const PORT = areWanted ? {} : { port: 0 };

const NEW_USER = "pump-7@example.com";

describe(`in the editor of Node-RED ${version}, a person with a registration user`, () => {
  const accounts = [DEMO_ACCOUNT, DEMO_REGISTRATION];
  const sandbox = new Sandbox({ ...PORT, accounts, weather: { createLater: 1_000 } });
  let web: Web;
  let nodeRed: NodeRed;
  let editor: Editor;
  let dialog: Dialog;
  let connection: Dialog;
  let password: string;

  setScene({ sandbox }, async (scene) => {
    ({ nodeRed, editor } = scene);
    web = await openWeb(sandbox, PORT);
    scene.leaving(() => web.close());
  });

  it("begins a connection with what is the project's", async () => {
    await editor.drag("inject", { x: 160, y: 80 });
    await editor.drag("m1 event out", { x: 460, y: 80 });
    await editor.wire("timestamp", "m1 event out");
    dialog = await editor.edit("m1 event out");
    await dialog.fill({ "Device ID": "pump" });
    connection = await dialog.add("Connection");
    const { projectMqtt, apiKey } = DEMO_ACCOUNT;
    await connection.fill({ Name: "Pump 7", URL: sandbox.url, "Project MQTT ID": projectMqtt });
    await connection.fill({ "API key": apiKey });
  });

  it("opens the panel and fills it in with the keyboard alone", async () => {
    const { keyboard } = editor.page;
    await connection.element.getByRole("button", { name: "Create a device user…" }).focus();
    await keyboard.press("Enter");
    for (const text of [DEMO_REGISTRATION.loginId ?? "", "wrong", NEW_USER]) {
      await keyboard.press("Tab");
      await keyboard.type(text);
    }
    await keyboard.press("Tab");
    await keyboard.press("Control+a");
    await keyboard.type(`${web.url}/v2`);
    await keyboard.press("Enter");
    await connection.answers("Create", /refused the registration user: check its login ID/);
  });

  it("sees the password that has been sent, for an answer may be lost", async () => {
    password = await connection.field("New password").inputValue();
    match(password, /^(\w{5}-){3}\w{5}$/);
  });

  it("has the user made, though it takes its time, and both fields filled in", async () => {
    await connection.fill({ "Its password": DEMO_REGISTRATION.userPassword });
    await connection.press("Create");
    await connection.answers("Create", `${NEW_USER} has been created`);
    equal(await connection.field("New password").inputValue(), password);
    equal(await connection.field("User password").inputValue(), password);
    const made = sandbox.accounts.find(({ loginId }) => loginId === NEW_USER);
    equal(made?.userPassword, password);
    equal(await connection.field("User MQTT ID").inputValue(), made?.userMqtt);
    equal(await connection.field("Its password").inputValue(), "");
    deepEqual(await connection.problems(), []);
    await pictureDialog(connection, "create-user");
  });

  it("copies the password, which is shown this once", async () => {
    const { page } = editor;
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await connection.press("Copy");
    equal(await page.evaluate(() => navigator.clipboard.readText()), password);
  });

  it("is told that there is such a user now, when it is made once more", async () => {
    await connection.fill({ "Its password": DEMO_REGISTRATION.userPassword });
    await connection.press("Create");
    await connection.answers("Create", /could not create the user pump-7@example\.com/);
    equal(await connection.field("New password").inputValue(), password);
  });

  for (const width of [400, 320]) {
    it(`sees all of the panel in a dialog of ${width} pixels`, async () => {
      deepEqual(await connection.cutOff(width), []);
    });
  }

  it("deploys, turns green, and the event is the new user's", async () => {
    await connection.done();
    await dialog.done();
    await editor.deploy();
    await editor.shows("pump", "connected");
    const event = sandbox.next("event");
    await editor.pressButton("timestamp");
    const made = sandbox.accounts.find(({ loginId }) => loginId === NEW_USER);
    equal((await event).userMqtt, made?.userMqtt);
  });

  it("finds the password nowhere any more, and the registration's in no file and no log", async () => {
    dialog = await editor.edit("pump");
    connection = await dialog.edit("Connection");
    equal(await connection.field("User password").inputValue(), "__PWRD__");
    await connection.press("Create a device user…");
    equal(await connection.element.getByText("New password", { exact: true }).isVisible(), false);
    equal(await connection.field("Registration login").inputValue(), "");
    const { userPassword, loginId = "" } = DEMO_REGISTRATION;
    const files = await readdir(nodeRed.userDir);
    const texts = files
      .filter((name) => name.endsWith(".json"))
      .map((name) => readFile(path.join(nodeRed.userDir, name), "utf8"));
    for (const text of [...(await Promise.all(texts)), nodeRed.output]) {
      doesNotMatch(text, new RegExp(`${userPassword}|${loginId}`));
    }
  });

  for (const theme of THEMES) {
    it(`reads every word of the panel in the ${theme} theme`, async () => {
      if (theme !== "light") {
        await connection.done();
        await dialog.done();
        await editor.setting("view-dark-theme", theme);
        dialog = await editor.edit("pump");
        connection = await dialog.edit("Connection");
        await connection.press("Create a device user…");
      }
      const { ratio, words } = await faintest(connection);
      ok(ratio >= LEGIBLE, `${words}: ${ratio}`);
    });
  }

  it("is asked before stored secrets go to another server, and decides", async () => {
    await connection.fill({ URL: "mqtt://name.invalid:1883" });
    await connection.press("Test connection");
    await connection.answers(
      "Test connection",
      /\(API key, user password\) would go to mqtt:\/\/name\.invalid:1883/,
    );
    await connection.press("Send it there");
    await connection.answers("Test connection", "Host not found: name.invalid");
  });
});
