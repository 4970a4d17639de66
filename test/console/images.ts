// The pictures of the console in the documentation: `npm run images:console` takes them anew.
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { rules } from "../../sandbox/cloud/workflows";
import { openWeb } from "../../sandbox/http/web";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { connect, endClients, OWN, refusedWith } from "../sandbox/clients";
import { startBrowser } from "../support/browser";

const FOLDER = path.join(__dirname, "../../docs/images");
const who = { projectMqtt: DEMO_ACCOUNT.projectMqtt, userMqtt: DEMO_ACCOUNT.userMqtt };
/** Seconds of history, and between two readings of a device. */
const PAST = 280;
const STEP = 4;

async function take(): Promise<void> {
  let now = Date.now() - PAST * 1000;
  const sandbox = new Sandbox({
    port: 0,
    rules: rules(),
    now: () => new Date(now).toISOString().replace("Z", "000Z"),
  });
  await sandbox.start();
  const web = await openWeb(sandbox, { port: 0 });
  const gateway = await connect(sandbox, { clientId: "nodered-5f3a9c1e", clean: false });
  await gateway.subscribeAsync([`1/${OWN}/#`, "2/demo-project/demo-group/#"], { qos: 1 });
  await connect(sandbox, { clientId: "esp32-greenhouse" });
  await sandbox.sendUpdate("greenhouse", "config", { interval: 4 });
  for (let second = 0; second <= PAST; second += STEP) {
    await measure(sandbox, "greenhouse", {
      temperature: rounded(27.5 + 4.5 * Math.sin(second / 45)),
      humidity: Math.round(58 - 9 * Math.sin(second / 45)),
      window: Math.sin(second / 45) > 0.3 ? "open" : "closed",
    });
    now += 1700;
    const battery = { level: rounded(88 - second / 60) };
    await measure(sandbox, "cellar", { temperature: rounded(14 + Math.cos(second / 60)), battery });
    now += STEP * 1000 - 1700;
  }
  for (const clientId of ["esp32-garage", "esp32-attic", "esp32-garage"]) {
    await refusedWith(sandbox, { clientId, password: "OLDKEY/demo/password" });
  }
  const shed = await connect(sandbox, { clientId: "esp32-shed" });
  const refused = sandbox.next("refusal");
  shed.publish(`0/${OWN}/shed`, '{"temperature": 4.5}', { qos: 1 });
  await refused;
  const browser = await startBrowser();
  for (const [name, colorScheme, width, height, address] of [
    ["console-light", "light", 1360, 960, ""],
    ["console-dark", "dark", 1360, 960, ""],
    ["console-phone", "light", 390, 844, ""],
    ["console-device", "light", 1360, 760, `?device=${OWN}/greenhouse`],
  ] as const) {
    const page = await browser.newPage({ viewport: { width, height }, colorScheme });
    await page.goto(`${web.url}/${address}`);
    await page.locator("canvas").first().waitFor();
    await page.locator("#link[data-state=live]").waitFor();
    await page.screenshot({ path: path.join(FOLDER, `${name}.png`) });
  }
  await browser.close();
  await endClients();
  await web.close();
  await sandbox.stop();
}

/** Resolves once the workflows have answered, by the same clock. */
async function measure(
  sandbox: Sandbox,
  deviceId: string,
  eventData: Record<string, unknown>,
): Promise<void> {
  const raw = JSON.stringify({ event_data: eventData });
  const arrival = { who, clientId: "nodered-5f3a9c1e", address: "", qos: 1, dup: false } as const;
  sandbox.store({ eventData, deviceId, raw }, arrival);
  await setImmediate();
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

void take();
