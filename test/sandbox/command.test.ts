// `npm run sandbox` as a process of its own (sandbox/command.ts).
import { strict as assert } from "node:assert";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { connectAsync, type MqttClient } from "mqtt";
import { Sandbox } from "../../sandbox/sandbox";
import { EVENT, OWN } from "./clients";

const COMMAND = join(__dirname, "../../sandbox/command.ts");

type Command = ChildProcessByStdio<null, Readable, Readable>;

describe("sandbox: command", function () {
  this.timeout(20_000);
  let command: Command | undefined;
  let client: MqttClient | undefined;
  afterEach(async () => {
    await client?.endAsync(true);
    if (command?.exitCode === null) command.kill("SIGKILL");
    command = undefined;
    client = undefined;
  });

  it("prints how to connect, tells what happens, and ends with code 0 on Ctrl-C", async () => {
    command = start("0");
    const output = new Output(command.stdout);
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    await output.match(/API key +DEMO0KEY/);
    client = await connectAsync(url, { username: OWN, password: "DEMO0KEY/demo/password" });
    await client.publishAsync(`0/${OWN}/demo-device`, EVENT, { qos: 1 });
    await output.match(/^[\d:.]+ {2}event +demo-device +\{"event_data"/m);
    await output.match(/^[\d:.]+ {2}sent +demo-device +\{"interval":2\}/m);
    assert.ok(!output.text.includes("\x1b"));
    await end(command, "SIGINT", 0);
  });

  it("says in one line that its port is taken, and ends with code 1", async () => {
    const taken = new Sandbox({ port: 0 });
    await taken.start();
    try {
      command = start(String(taken.port));
      const errors = new Output(command.stderr);
      assert.deepEqual(await once(command, "close"), [1, null]);
      assert.equal(
        errors.text,
        `The sandbox cannot run: Another program listens on port ${taken.port} of 127.0.0.1; set M1_SANDBOX_PORT to use another port\n`,
      );
    } finally {
      await taken.stop();
    }
  });

  it("says in one line that its port is no port, and ends with code 1", async () => {
    command = start("http");
    const errors = new Output(command.stderr);
    assert.deepEqual(await once(command, "close"), [1, null]);
    assert.match(errors.text, /^The sandbox cannot run: M1_SANDBOX_PORT is http; .*\n$/);
  });
});

function start(port: string): Command {
  const env = { ...process.env, M1_SANDBOX_PORT: port };
  return spawn(process.execPath, ["--import", "tsx", COMMAND], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

async function end(command: Command, signal: NodeJS.Signals, code: number): Promise<void> {
  const closed = once(command, "close");
  command.kill(signal);
  assert.deepEqual(await closed, [code, null]);
}

/** The text of a stream so far, and the wait for a pattern in it. */
class Output {
  text = "";
  readonly #stream: Readable;

  constructor(stream: Readable) {
    this.#stream = stream;
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      this.text += chunk;
    });
  }

  match(pattern: RegExp): Promise<RegExpMatchArray> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = this.text.match(pattern);
        if (!match) return;
        this.#stream.off("data", check);
        resolve(match);
      };
      this.#stream.on("data", check);
      this.#stream.once("close", () => reject(new Error(`No ${pattern} in: ${this.text}`)));
      check();
    });
  }
}
