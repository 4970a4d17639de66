// A real browser on the console of a sandbox.
import { strict as assert } from "node:assert";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { openWeb, type Web } from "../../sandbox/http/web";
import { Sandbox, type SandboxOptions } from "../../sandbox/sandbox";
import { startBrowser } from "../support/browser";

export interface Opened {
  readonly sandbox: Sandbox;
  readonly page: Page;
  web: Web;
}

/**
 * For each test of the suite a sandbox, and a page that shows it. A test fails if its page reports
 * an error of any kind, one of the content security policy among them, or opens a dialog.
 */
export function eachWithConsole(
  options: SandboxOptions = {},
  pageOptions: BrowserContextOptions = {},
): Opened {
  const opened = {} as { -readonly [Name in keyof Opened]: Opened[Name] };
  let browser: Browser;
  let errors: string[];
  before(async () => {
    browser = await startBrowser();
  });
  after(() => browser.close());
  beforeEach(async () => {
    errors = [];
    opened.sandbox = new Sandbox({ port: 0, ...options });
    await opened.sandbox.start();
    opened.web = await openWeb(opened.sandbox, { port: 0 });
    const context = await browser.newContext(pageOptions);
    opened.page = await context.newPage();
    opened.page.on("pageerror", ({ message }) => errors.push(message));
    opened.page.on("dialog", (dialog) => {
      errors.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    opened.page.on("console", (message) => {
      if (message.type() === "error" && !isAway(message.text())) errors.push(message.text());
    });
    await opened.page.goto(opened.web.url);
    // Before it knows the accounts it has nobody to send to.
    await opened.page.locator("#send-user option").first().waitFor({ state: "attached" });
  });
  afterEach(async () => {
    await opened.page.context().close();
    await opened.web.close();
    await opened.sandbox.stop();
    assert.deepEqual(errors, []);
  });
  return opened;
}

/** What the browser itself says of a server that is away, or that refuses what was tried. */
function isAway(text: string): boolean {
  return /ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED_ENCODING|status of (4\d\d|503)/.test(text);
}
