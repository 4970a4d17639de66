// The demo as a person meets it: the console on one side, Node-RED's debug sidebar on the other.
import { strict as assert } from "node:assert";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Browser } from "playwright-core";
import { startBrowser } from "../support/browser";
import { endProcess, freePort, temporaryFolder } from "../support/processes";

const root = path.resolve(__dirname, "../..");

describe("the demo", () => {
  let demo: ChildProcess;
  let browser: Browser;
  let removeFolder: () => Promise<void>;
  let printed = "";

  before(async () => {
    const { folder, remove } = await temporaryFolder();
    removeFolder = remove;
    const [editor, sandbox, web] = await Promise.all([freePort(), freePort(), freePort()]);
    demo = spawn(process.execPath, ["--import", "tsx", path.join(root, "demo/demo.ts")], {
      cwd: root,
      env: {
        ...process.env,
        ...{ M1_DEMO_PORT: String(editor), M1_SANDBOX_PORT: String(sandbox) },
        ...{ M1_SANDBOX_HTTP_PORT: String(web), M1_DEMO_USER_DIR: folder },
      },
      stdio: ["ignore", "pipe", "inherit"],
    });
    demo.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    while (!printed.includes("The demo runs")) await once(demo.stdout ?? demo, "data");
    browser = await startBrowser();
  });

  after(async () => {
    await browser?.close();
    if (demo) await endProcess(demo);
    await removeFolder?.();
  });

  it("shows the sensor's line in the console, and in Node-RED what is sent from there", async () => {
    const [, editorUrl = ""] = /Editor +(http:\S+)/.exec(printed) ?? [];
    const [, consoleUrl = ""] = /Console +(http:\S+)/.exec(printed) ?? [];
    const editor = await browser.newPage();
    await editor.goto(editorUrl);
    await editor.locator("#red-ui-tab-debug-link-button").click();
    const page = await browser.newPage();
    await page.goto(consoleUrl);

    const latest = page.locator('.card[data-tag="temperature"] .latest');
    await latest.waitFor();
    const before = await latest.innerText();
    await page.waitForFunction(
      (text) => document.querySelector('[data-tag="temperature"] .latest')?.textContent !== text,
      before,
    );
    assert.equal(await page.inputValue("#send-device"), "demo-device");

    // The workflows turn the fan off too; this one is told from theirs.
    await page.fill("#send-payload", '{"fan":"off","by":"hand"}');
    await page.click("button.primary");
    const message = editor.locator(".red-ui-debug-msg", { hasText: "hand" });
    await message.first().waitFor();
    assert.match(await message.first().innerText(), /fan: "off", by: "hand"/);
  });

  it("remembers as many events as the sandbox does by itself: thousands", async () => {
    const [, restUrl = ""] = /Console +(http:\S+)/.exec(printed) ?? [];
    const login = { login_id: "demo@example.com", password: "demo/password", api_key: "DEMO0KEY" };
    const body = JSON.stringify({ ...login, no_cookies: true });
    const session = await fetch(`${restUrl}/v2/login`, { method: "POST", body });
    const token = (await session.json()) as string;
    const events = `${restUrl}/v2/events/many?token=${encodeURIComponent(token)}`;
    const lines = Array.from({ length: 2500 }, (_, n) => JSON.stringify({ event_data: { n } }));
    await fetch(events, { method: "POST", body: lines.join("\n") });
    const kept = (await (await fetch(events)).text()).trim().split("\n");
    assert.equal(kept.length, 2500);
  });
});
