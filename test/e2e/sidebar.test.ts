// A person looks after the queue in the sidebar: sees what waits and why, reads it, and steers it.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import type { Browser } from "playwright-core";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { startBrowser } from "../support/browser";
import { connectionTo, eventOut } from "../support/flows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { preloadTiming } from "../support/preload-timing";
import { freePort } from "../support/processes";
import { version } from "../support/release";
import { TcpProxy } from "../support/tcp-proxy";
import { faintestIn, LEGIBLE, THEMES } from "./contrast";
import { Dialog } from "./dialog";
import { Editor } from "./editor";
import { type Card, OutboxTab } from "./outbox-tab";
import { pictureCard, pictureFailure } from "./pictures";

const editorTheme = { tours: false, palette: { catalogues: [] } };

/** Milliseconds: a broker that is back is found soon, and whoever was refused waits to be told. */
const TIMING = { firstRetry: 100, stable: 0, longestRetry: 3_600_000, refusedRetry: 3_600_000 };

/** Printable ASCII, as an ID may be: markup that would show itself, and more than a line holds. */
const MARKUP = `<img src=x onerror=document.title=0>${"0123456789".repeat(6)}`;

/** The broker hangs up on it, until it is allowed. */
const POISON = "poison";

const REPORTS = /m1-connection\/outbox$/;

/** Press its button, and an event of the device leaves. */
const sending = (name: string, deviceId: string, payload: unknown, y: number) => [
  {
    id: name,
    z: "tab",
    type: "inject",
    name,
    repeat: "",
    x: 140,
    y,
    props: [
      { p: "payload", v: JSON.stringify(payload), vt: "json" },
      { p: "device", v: deviceId, vt: "str" },
    ],
    wires: [["out"]],
  },
];

const FLOW = (broker: { url: string }) => [
  { id: "tab", type: "tab", label: "Flow" },
  connectionTo(broker, { name: "Greenhouse", outbox: "disk" }),
  ...sending("reading", "kitchen", { temperature: 21.5 }, 80),
  ...sending("other", "cellar", { temperature: 8 }, 140),
  ...sending("bad", "kitchen", { note: POISON }, 200),
  ...sending("markup", MARKUP, { note: `<b>${MARKUP}</b>` }, 260),
  eventOut({
    name: "out",
    z: "tab",
    deviceId: "device",
    deviceIdType: "msg",
    x: 400,
    y: 140,
    wires: [],
  }),
];

describe(`in the sidebar of Node-RED ${version}, a person`, () => {
  const leftovers: (() => Promise<unknown>)[] = [];
  /** Keeps its port over a stop. */
  let sandbox: Sandbox;
  let proxy: TcpProxy;
  let nodeRed: NodeRed;
  let browser: Browser;
  let editor: Editor;
  let tab: OutboxTab;
  let card: Card;

  before(async function () {
    this.timeout(60_000);
    sandbox = new Sandbox({ port: await freePort() });
    await sandbox.start();
    leftovers.push(() => sandbox.stop());
    proxy = await TcpProxy.start(sandbox.port);
    leftovers.push(() => proxy.stop());
    const { userDir, remove } = await installation([]);
    leftovers.push(remove);
    const nodeOptions = ["--require", await preloadTiming(userDir, TIMING)];
    nodeRed = await NodeRed.start(userDir, { editorTheme }, { nodeOptions });
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

  const deploy = async (flow: readonly object[]) => {
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    const credentials = { apiKey, userPassword };
    const isConnection = (node: object) => "type" in node && node.type === "m1 connection";
    await nodeRed.deploy(
      flow.map((node) => (isConnection(node) ? { ...node, credentials } : node)),
    );
  };

  /** As after a deploy from elsewhere: the editor shows what runs. */
  const reopen = async () => {
    await editor.page.reload();
    await editor.loaded();
    tab = await OutboxTab.open(editor);
    card = tab.card("Greenhouse");
  };

  it("is told what to do while no connection is deployed", async () => {
    tab = await OutboxTab.open(editor);
    await tab.says("No connection is deployed yet");
    await tab.says(/^Drag an m1 event out node onto a flow/);
  });

  it("sees a new connection come up, without asking", async () => {
    await deploy(FLOW(proxy));
    card = tab.card("Greenhouse");
    await card.says(/^connected$/);
    await card.says(proxy.url);
    await card.counts("Waiting", 0);
    await reopen();
    await card.says(/^connected$/);
  });

  it("sees a stopped broker's queue grow, and why it does", async () => {
    await sandbox.stop();
    proxy.cut();
    await card.says("not connected");
    await editor.pressButton("reading");
    await card.counts("Waiting", 1);
    await editor.pressButton("reading");
    await editor.pressButton("other");
    await card.counts("Waiting", 3);
    equal(await card.figure("waiting"), "3");
    await card.says(/· oldest:\s\d+\ssec\.\sago/);
  });

  it("reads an event in it: the device, the time, the JSON", async () => {
    await card.turn("Waiting");
    await card.events.nth(2).waitFor();
    const first = card.events.first();
    match(await first.locator("header").innerText(), /kitchen\s*\d+:\d\d:\d\d [AP]M/);
    match(
      await first.locator("pre").innerText(),
      /^\{\n {2}"event_data": \{\n {4}"temperature": 21\.5\n {2}\}/,
    );
    match(await first.innerText(), /0\/demo-project\/demo-user\/kitchen/);
  });

  it("finds those of one device", async () => {
    await card.search("cellar");
    await card.events.first().getByText('"temperature": 8').waitFor();
    equal(await card.events.count(), 1);
    await card.search("attic");
    await card.says("Nothing here of the device attic");
    await card.search("");
    await card.events.nth(2).waitFor();
  });

  it("downloads what waits, one JSON object a line", async () => {
    const { name, lines } = await card.download();
    equal(name, "Greenhouse-waiting.jsonl");
    equal(lines.length, 3);
    for (const line of lines) ok(JSON.parse(line));
  });

  it("sees the queue drain when the broker is back", async () => {
    // A list that the mouse is on stays as it is.
    await editor.page.mouse.move(0, 0);
    await sandbox.start();
    const arrived = sandbox.next("event", ({ deviceId }) => deviceId === "cellar");
    await card.connect();
    await arrived;
    await card.counts("Waiting", 0);
    await card.says("Nothing waits to be sent");
    equal(sandbox.events.length, 3);
    await card.turn("Waiting");
  });

  it("sees that the account is refused, and connects at once when it is not any more", async () => {
    sandbox.configure({ accounts: [], rules: [] });
    await card.says(/^Not authorised: check project and user MQTT ID/);
    sandbox.configure({ accounts: [DEMO_ACCOUNT], rules: [] });
    await card.press("Connect now");
    await card.says(/^connected$/);
  });

  it("sees a poison event go into quarantine, with the reason", async () => {
    proxy.cutAt(POISON);
    await editor.pressButton("bad");
    await card.counts("In quarantine", 1);
    await card.turn("In quarantine");
    const entry = card.events.first();
    await entry.getByText(/The broker closed the connection 3 times on this event/).waitFor();
    await entry.getByText(`"note": "${POISON}"`).waitFor();
    await pictureCard(card, "sidebar");
  });

  it("is asked before it is sent again, and may think better of it", async () => {
    await card.press("Send again");
    match(await tab.question.words(), /^Events in quarantine: 1\. Send them again\?/);
    await editor.press("Escape");
    await tab.question.element.waitFor({ state: "detached" });
    await card.counts("In quarantine", 1);
  });

  it("allows it, sends it again, and finds it in Medium One", async () => {
    proxy.cutAt(undefined);
    const arrived = sandbox.next("event");
    await card.press("Send again");
    await tab.question.answer("Send again");
    await editor.notification("Back in the queue: 1").waitFor();
    const { deviceId, eventData } = await arrived;
    deepEqual([deviceId, eventData.note], ["kitchen", POISON]);
    await card.counts("In quarantine", 0);
    await card.says("Nothing is in quarantine");
  });

  it("sees text that looks like markup as the text it is", async () => {
    proxy.cutAt(POISON);
    await editor.pressButton("bad");
    await card.counts("In quarantine", 1);
    await card.events.first().waitFor();
    proxy.cutAt(undefined);
    await sandbox.stop();
    proxy.cut();
    await card.says("not connected");
    await editor.pressButton("markup");
    await card.counts("Waiting", 1);
    await card.turn("Waiting");
    const entry = card.events.first();
    await entry.getByText(MARKUP, { exact: true }).waitFor();
    equal(await card.element.locator("img").count(), 0);
    match(await entry.locator("pre").innerText(), /"note": "<b><img src=x/);
    match(await editor.page.title(), /Node-RED/);
  });

  it("keeps what it reads in its place while the queue grows, and is told that it has", async () => {
    const read = card.events.first();
    await read.hover();
    await read.evaluate((entry) => entry.setAttribute("data-read", ""));
    await editor.pressButton("other");
    await read.hover();
    await card.counts("Waiting", 2);
    await card.says(/^As of .*; it has changed since$/);
    equal(await card.element.locator("[data-read]").count(), 1);
    await card.press("Refresh");
    await card.says("cellar");
  });

  for (const width of [300, 400]) {
    it(`sees all of it in a tab of ${width} pixels`, async () => {
      deepEqual(await tab.cutOff(width), []);
    });
  }

  for (const theme of THEMES) {
    it(`reads every word of it in the ${theme} theme`, async () => {
      if (theme !== "light") await editor.setting("view-dark-theme", theme);
      const { ratio, words } = await faintestIn(tab.element, "none");
      ok(ratio >= LEGIBLE, `${words}: ${ratio}`);
    });
  }

  it("deletes what is in quarantine, after a question that says how many", async () => {
    await card.press("Delete (all)");
    match(await tab.question.words(), /^Events in quarantine: 1\. Delete them unsent\?/);
    await tab.question.answer("Delete");
    await editor.notification("Deleted: 1").waitFor();
    await card.counts("In quarantine", 0);
    await card.turn("In quarantine");
  });

  it("empties the queue, and nothing is left to send", async () => {
    const before = sandbox.events.length;
    await card.press("Empty the outbox");
    match(await tab.question.words(), /^Events that wait: 2\. Delete them all unsent\?/);
    await tab.question.answer("Empty the outbox");
    await editor.notification("Deleted unsent: 2").waitFor();
    await card.counts("Waiting", 0);
    await sandbox.start();
    await card.connect();
    await card.says(/^connected$/);
    const next = sandbox.next("event");
    await editor.pressButton("reading");
    equal((await next).deviceId, "kitchen");
    equal(sandbox.events.length, before + 1);
  });

  it("selects the nodes that use a connection, and opens its dialog", async () => {
    await card.press("Select the nodes that use it");
    await editor.page.locator(".red-ui-flow-node-selected").waitFor();
    await card.press("Greenhouse");
    const dialog = new Dialog(editor.page);
    equal(await dialog.field("Name").inputValue(), "Greenhouse");
    await card.press("Greenhouse");
    await editor.notification("A dialog is open: close it first").waitFor();
    await dialog.cancel();
  });

  it("is left in peace while the tab is not in front, and up to date when it is again", async () => {
    await tab.leave();
    const asked: string[] = [];
    editor.page.on("request", (request) => asked.push(request.url()));
    await sandbox.stop();
    proxy.cut();
    const other = await Editor.open(browser, nodeRed.url);
    await OutboxTab.open(other);
    // A tab that somebody looks at has asked again by then.
    await other.page.waitForRequest(REPORTS);
    await other.page.close();
    deepEqual(
      asked.filter((url) => REPORTS.test(url)),
      [],
    );
    await OutboxTab.open(editor);
    await card.says("not connected");
  });

  it("finds what a deleted connection has left, hands it over, and sees it sent", async () => {
    await editor.pressButton("reading");
    await card.counts("Waiting", 1);
    const [first, , ...rest] = FLOW(proxy);
    const heir = connectionTo(proxy, { id: "heir", name: "Heir", outbox: "disk" });
    const users = rest.map((node) => ({
      ...node,
      ...("connection" in node && { connection: "heir" }),
    }));
    await deploy([{ ...first }, heir, ...users]);
    await tab.left.getByText("Waiting: 1").waitFor();
    deepEqual(await tab.cutOff(300), []);
    ok((await faintestIn(tab.left, "none")).ratio >= LEGIBLE);
    await tab.left.getByRole("button", { name: "Hand over" }).click();
    match(await tab.question.words(), /^Events that wait: 1\. Hand them over to Heir\?/);
    await tab.question.answer("Hand over");
    await editor.notification("Handed over: 1").waitFor();
    await tab.left.waitFor({ state: "hidden" });
    const arrived = sandbox.next("event");
    await sandbox.start();
    await tab.card("Heir").connect();
    equal((await arrived).deviceId, "kitchen");
  });

  it("reaches each part of a card with the keyboard alone, and unfolds it", async () => {
    await reopen();
    const heir = tab.card("Heir");
    await heir.says(/^connected$/);
    const { keyboard } = editor.page;
    const reached = () =>
      editor.page.evaluate(() => {
        const { ariaLabel, textContent } = document.activeElement ?? document.body;
        return ariaLabel ?? textContent;
      });
    await heir.element.getByRole("button", { name: "Heir", exact: true }).focus();
    for (const part of ["Select the nodes that use it", "Waiting: 0", "In quarantine: 0"]) {
      await keyboard.press("Tab");
      equal(await reached(), part);
    }
    await keyboard.press("Enter");
    await heir.says("Nothing is in quarantine");
    await keyboard.press("Tab");
    equal(await reached(), "Search by device ID");
  });
});

describe(`in the sidebar of Node-RED ${version}, a person who may only look`, () => {
  const leftovers: (() => Promise<unknown>)[] = [];
  let editor: Editor;

  before(async function () {
    this.timeout(60_000);
    const { userDir, remove } = await installation(FLOW({ url: "mqtt://127.0.0.1:1" }));
    leftovers.push(remove);
    const adminAuth = { type: "credentials", users: [], default: { permissions: "read" } };
    const nodeRed = await NodeRed.start(userDir, { editorTheme, adminAuth });
    leftovers.push(() => nodeRed.stop());
    const browser = await startBrowser();
    leftovers.push(() => browser.close());
    editor = await Editor.open(browser, nodeRed.url);
  });

  after(async () => {
    for (const clear of leftovers.reverse()) await clear();
  });

  it("sees the queue, and is told that it needs a permission to change anything", async () => {
    const tab = await OutboxTab.open(editor);
    const card = tab.card("Greenhouse");
    await card.says("not connected");
    await card.press("Connect now");
    await editor.notification("it needs the permission m1-connection.write").waitFor();
  });
});
