// What every browser test begins with and leaves behind: a sandbox, a Node-RED with a flow, and its editor in a browser.
import type { Browser } from "playwright-core";
import type { Sandbox } from "../../sandbox/sandbox";
import { startBrowser } from "../support/browser";
import { type Installation, installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { Editor } from "./editor";
import { pictureFailure } from "./pictures";

/** Of every Node-RED: nobody wants to be shown around, and the list of other packages is in the network. */
export const settings = { editorTheme: { tours: false, palette: { catalogues: [] } } };

type Flow = Parameters<typeof installation>[0];

export interface Scenery {
  /** Started first and stopped last. */
  readonly sandbox?: Sandbox;
  /** Asked for once the sandbox has its port; without it, the editor is empty. */
  readonly flow?: () => Flow;
  /** Where Node-RED starts; unless told, with this package in it. */
  readonly install?: (flow: Flow) => Promise<Installation>;
}

export interface Scene {
  readonly nodeRed: NodeRed;
  readonly browser: Browser;
  readonly editor: Editor;
  /** Has something ended with the suite, before all that was there earlier. */
  leaving(end: () => Promise<unknown>): void;
}

/**
 * For the suite in which it is called: `begin` gets the editor before the first test, everything ends after the last,
 * and whenever a test fails, there is a picture.
 */
export function setScene(
  { sandbox, flow = () => [], install = installation }: Scenery,
  begin: (scene: Scene) => unknown,
): void {
  const ends: (() => Promise<unknown>)[] = [];
  let browser: Browser;

  before(async function () {
    this.timeout(60_000);
    await sandbox?.start();
    ends.push(async () => sandbox?.stop());
    const { userDir, remove } = await install(flow());
    ends.push(remove);
    const nodeRed = await NodeRed.start(userDir, settings);
    ends.push(() => nodeRed.stop());
    browser = await startBrowser();
    ends.push(() => browser.close());
    const editor = await Editor.open(browser, nodeRed.url);
    await begin({ nodeRed, browser, editor, leaving: (end) => ends.push(end) });
  });

  after(async () => {
    for (const end of ends.reverse()) await end();
  });

  afterEach(async function () {
    if (this.currentTest?.state === "failed") await pictureFailure(browser);
  });
}
