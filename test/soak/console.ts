// `npm run soak:console`: 5,000 events a second before a page of the console for ten minutes, twice what its
// charts show, and the memory it has after each. Ends with code 1 if it has grown. Needs chromium.
import { openWeb } from "../../sandbox/http/web";
import { Sandbox } from "../../sandbox/sandbox";
import { Load, memoryOf } from "../console/load";
import { startBrowser } from "../support/browser";

const MINUTES = 10;
const PER_SECOND = 5000;
/** Megabytes that the page may differ by, from when its charts are full to the last. */
const ALLOWED = 3;
/** The charts are full after five; one more to be sure. */
const FULL = 6;

async function soak(): Promise<void> {
  const sandbox = new Sandbox({ port: 0, keep: 10_000 });
  await sandbox.start();
  const web = await openWeb(sandbox, { port: 0 });
  const browser = await startBrowser();
  const page = await browser.newPage();
  await page.goto(web.url);
  const load = new Load(sandbox, PER_SECOND);
  const megabytes: number[] = [];
  console.log("minute     events   memory   nodes");
  for (let minute = 1; minute <= MINUTES; minute += 1) {
    await load.run(60);
    const memory = await memoryOf(page);
    megabytes.push(memory.megabytes);
    console.log(
      [
        String(minute).padStart(6),
        load.stored.toLocaleString("en").padStart(11),
        `${memory.megabytes.toFixed(1)} MB`.padStart(9),
        String(memory.nodes).padStart(8),
      ].join(""),
    );
  }
  await browser.close();
  await web.close();
  await sandbox.stop();
  const grown = (megabytes.at(-1) ?? 0) - (megabytes[FULL - 1] ?? 0);
  console.log(`From minute ${FULL} to the last: ${grown.toFixed(1)} MB`);
  if (grown > ALLOWED) process.exitCode = 1;
}

void soak();
