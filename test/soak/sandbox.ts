// `npm run soak:sandbox`: a million events through the sandbox with a console open, and the memory it has
// after each hundred thousand. Ends with code 1 if it has grown. Linux only: it reads /proc. What follows
// `--` goes to the sandbox, `--data <folder>` say.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { follow } from "../sandbox/following";

const COMMAND = path.join(__dirname, "../../sandbox/dist/command.js");
const EVENTS = 1_000_000;
const ROUND = EVENTS / 10;
/** Events sent and not yet acknowledged. */
const IN_FLIGHT = 200;
const DEVICES = 20;
/** Megabytes that the memory may differ by, from the second round to the last. */
const ALLOWED = 40;

const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;

async function soak(): Promise<void> {
  const own = ["--port", "0", "--http-port", "0", "--quiet"];
  const args = [COMMAND, ...own, ...process.argv.slice(2)];
  const sandbox = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const { mqtt, web } = await places(sandbox);
  const client = await connectAsync(mqtt, {
    username: `${projectMqtt}/${userMqtt}`,
    password: `${apiKey}/${userPassword}`,
  });
  const page = await follow(`${web}/console/feed`);
  const megabytes: number[] = [];
  console.log("    events   a second   memory");
  for (let round = 1; round <= 10; round += 1) {
    const began = performance.now();
    await publish(client, ROUND);
    const rate = Math.round(ROUND / ((performance.now() - began) / 1000));
    const memory = await residentMegabytes(sandbox);
    megabytes.push(memory);
    const columns = [(round * ROUND).toLocaleString("en"), rate.toLocaleString("en")];
    console.log(
      `${columns[0]?.padStart(10)}${columns[1]?.padStart(11)}${memory.toFixed(0).padStart(6)} MB`,
    );
  }
  page.close();
  await client.endAsync();
  sandbox.kill();
  await once(sandbox, "close");
  const [, second = 0] = megabytes;
  const grown = (megabytes.at(-1) ?? 0) - second;
  console.log(`From the second round to the last: ${grown.toFixed(0)} MB`);
  if (grown > ALLOWED) process.exitCode = 1;
}

async function places({ stdout }: ChildProcess): Promise<{ mqtt: string; web: string }> {
  let printed = "";
  for await (const chunk of stdout?.iterator({ destroyOnReturn: false }) ?? []) {
    printed += chunk;
    const mqtt = /listens at (mqtt:\S+)\./.exec(printed)?.[1];
    const web = /Console +(http:\S+)/.exec(printed)?.[1];
    if (mqtt && web) return { mqtt, web };
  }
  throw new Error(`The sandbox did not start: ${printed}`);
}

async function publish(client: MqttClient, count: number): Promise<void> {
  let sent = 0;
  const one = async () => {
    while (sent < count) {
      const number = sent++;
      const event_data = { temperature: 20 + Math.sin(number / 1000), number, door: "closed" };
      const topic = `0/${projectMqtt}/${userMqtt}/device-${number % DEVICES}`;
      await client.publishAsync(topic, JSON.stringify({ event_data }), { qos: 1 });
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, one));
}

async function residentMegabytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024;
}

void soak();
