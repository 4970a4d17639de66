// `npm run sandbox` as a process of its own (sandbox/command/command.ts).
import { strict as assert } from "node:assert";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Readable } from "node:stream";
import { setTimeout } from "node:timers/promises";
import { connectAsync, type MqttClient } from "mqtt";
import { elsewhere } from "../../../sandbox/command/reachable";
import { Sandbox } from "../../../sandbox/sandbox";
import { endProcess } from "../../support/processes";
import { EVENT, OWN } from "../clients";
import { follow } from "../following";

const COMMAND = path.join(__dirname, "../../../sandbox/command/command.ts");

const LOGIN = { username: OWN, password: "DEMO0KEY/demo/password" };

type Command = ChildProcessByStdio<null, Readable, Readable>;

describe("sandbox: command", function () {
  this.timeout(20_000);
  let command: Command | undefined;
  let client: MqttClient | undefined;
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "m1-command-"));
  });
  afterEach(async () => {
    await client?.endAsync(true);
    if (command) await endProcess(command, "SIGKILL");
    await rm(folder, { recursive: true });
    command = undefined;
    client = undefined;
  });

  it("prints how to connect, tells what happens, and ends with code 0 on Ctrl-C", async () => {
    command = start();
    const output = new Output(command.stdout);
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    await output.match(/Console +http:\/\/127\.0\.0\.1:\d+/);
    await output.match(/API key +DEMO0KEY/);
    client = await connectAsync(url, LOGIN);
    await client.publishAsync(`0/${OWN}/demo-device`, EVENT, { qos: 1 });
    await output.match(/^[\d:.]+ {2}event +demo-device +\{"event_data"/m);
    await output.match(/^[\d:.]+ {2}sent +demo-device +\{"interval":2\}/m);
    assert.ok(!output.text.includes("\x1b"), output.text);
    await end(command, "SIGINT", 0);
  });

  it("serves the console and the REST API", async () => {
    command = start();
    const [, url = ""] = await new Output(command.stdout).match(/Console +(http:\S+)/);
    const body = '{"login_id":"demo@example.com","password":"demo/password","api_key":"DEMO0KEY"}';
    const response = await fetch(`${url}/v2/login`, { method: "POST", body });
    assert.equal(await response.text(), "true");
  });

  it("has a registration user, whose login it prints, and whom the console has no devices of", async () => {
    command = start();
    const output = new Output(command.stdout);
    const [, url = ""] = await output.match(/Console +(http:\S+)/);
    const printed = /Registration +(\S+) .*\n +(demo\/\S+)\n/;
    const [, login_id = "", password = ""] = await output.match(printed);
    const post = (path: string, body: object) =>
      fetch(`${url}/v2/${path}`, { method: "POST", body: JSON.stringify(body) });
    const login = { login_id, password, api_key: "DEMO0KEY", no_cookies: true };
    const token = await (await post("login", login)).json();
    const user = { login_id: "pump@example.com", password: "long enough" };
    assert.equal((await post(`users?token=${token}`, user)).status, 200);
  });

  it("speaks TLS with a certificate that it makes itself, and keeps", async () => {
    const tls = path.join(folder, "tls");
    command = start("--tls", tls);
    const [, url = ""] = await new Output(command.stdout).match(/listens at (mqtts:\S+)\./);
    const ca = await readFile(path.join(tls, "cert.pem"));
    client = await connectAsync(url, { ...LOGIN, ca });
    await end(command, "SIGTERM", 0);
    command = start("--tls", tls);
    await new Output(command.stdout).match(/Certificate +.*cert\.pem/);
    assert.deepEqual(await readFile(path.join(tls, "cert.pem")), ca);
  });

  it("takes projects and users from a file, and again when it changes", async () => {
    const file = path.join(folder, "sandbox.json");
    await writeFile(file, fileWith("first"));
    command = start("--file", file);
    const output = new Output(command.stdout);
    const errors = new Output(command.stderr);
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    await output.match(/Who may log in:\s+plant\/first/);
    await writeFile(file, "{");
    await errors.match(/sandbox\.json: It is not JSON: .* What was in force stays so\./);
    await writeFile(file, fileWith("second"));
    await output.match(/The file has changed, and what it says is in force\./);
    client = await connectAsync(url, { username: "plant/second", password: "KEY/secret" });
    assert.ok(!output.text.includes("secret"), output.text);
  });

  it("has again what it kept a second before it was killed", async () => {
    const data = path.join(folder, "data");
    const session = { ...LOGIN, clientId: "keeper", clean: false };
    command = start("--data", data);
    let output = new Output(command.stdout);
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    client = await connectAsync(url, session);
    await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    await client.endAsync();
    await output.match(/ disconnected +keeper /);
    client = await connectAsync(url, LOGIN);
    await client.publishAsync(`0/${OWN}/demo-device`, EVENT, { qos: 1 });
    await output.match(/^[\d:.]+ {2}sent +demo-device +\{"interval":2\}/m);
    // What is promised is a time.
    await setTimeout(1000);
    await client.endAsync(true);
    await endProcess(command, "SIGKILL");
    command = start("--data", data);
    output = new Output(command.stdout);
    const [, again = ""] = await output.match(/listens at (mqtt:\S+)\./);
    const [, web = ""] = await output.match(/Console +(http:\S+)/);
    await output.match(/Data +\S+data /);
    const page = await follow(`${web}/console/feed`);
    const { totals, retained } = page.snapshot;
    page.close();
    assert.equal(totals.events, 1);
    assert.equal(retained.total, 1);
    client = await connectAsync(again, session);
    await output.match(/ connected +keeper .*session resumed/);
  });

  it("starts again however it was killed, with the events in a row up to the last that it kept", async () => {
    const data = path.join(folder, "data");
    let sent = 0;
    for (const kills of [30_000, 40_000, 1]) {
      command = start("--data", data, "--keep", "1000000", "--quiet");
      const output = new Output(command.stdout);
      const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
      const [, web = ""] = await output.match(/Console +(http:\S+)/);
      const page = await follow(`${web}/console/feed`);
      const { activity, totals } = page.snapshot;
      page.close();
      const numbers = activity.flatMap((row) => (row.kind === "event" ? [row.tags[0]?.[1]] : []));
      const last = Number(numbers.at(-1) ?? 0);
      assert.deepEqual(
        numbers,
        numbers.map((_number, index) => String(last - numbers.length + 1 + index)),
      );
      assert.equal(totals.events, last);
      assert.ok(last <= sent);
      client = await connectAsync(url, { ...LOGIN, reconnectPeriod: 0 });
      sent = await publishUntilKilled(client, last, kills);
    }
  });

  /** Counts on from `last`; kills once so many are acknowledged. Resolves with the last that was sent. */
  async function publishUntilKilled(to: MqttClient, last: number, acks: number): Promise<number> {
    let number = last;
    let acknowledged = 0;
    const one = async () => {
      while (acknowledged < acks) {
        number += 1;
        const event = JSON.stringify({ event_data: { number } });
        await to.publishAsync(`0/${OWN}/d`, event, { qos: 1 });
        acknowledged += 1;
      }
    };
    await Promise.all(Array.from({ length: 100 }, one));
    if (command) await endProcess(command, "SIGKILL");
    await to.endAsync(true);
    return number;
  }

  it("warns loudly when the network is let in", async () => {
    command = start("--host", "0.0.0.0");
    await new Output(command.stderr).match(/WARNING: the sandbox listens on 0\.0\.0\.0/);
  });

  for (const [host, reached] of [
    ["::1", "::1"],
    ["::", "::1"],
    ["0.0.0.0", "127.0.0.1"],
  ] as const) {
    it(`shows how this computer reaches it at ${reached} when it listens on ${host}`, async () => {
      command = start("--host", host);
      const output = new Output(command.stdout);
      await output.match(new RegExp(`mosquitto_sub -h ${reached} -p `));
      const everywhere = `mqtt://${host.includes(":") ? `[${host}]` : host}:`;
      for (const url of elsewhere(everywhere)) assert.ok(output.text.includes(url), url);
      const text = output.text.replace(/^ +From elsewhere .*(\n {20}\S+)*/m, "");
      const urls = text.match(/\b(mqtt|http):\S+(?=:\d)/g) ?? [];
      const at = reached.includes(":") ? `[${reached}]` : reached;
      assert.deepEqual(urls, [`mqtt://${at}`, `http://${at}`, `http://${at}`]);
    });
  }

  it("prints what it refuses, and no event, when it is to be quiet", async () => {
    command = start("--quiet");
    const output = new Output(command.stdout);
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    client = await connectAsync(url, LOGIN);
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    await assert.rejects(client.subscribeAsync("#"));
    await output.match(/ refused .*\[FILTER_FOREIGN\]/);
    assert.doesNotMatch(output.text, / (event|connected) /);
  });

  it("prints no line for each event when it is to be quiet, and its weather", async () => {
    command = start(
      "--quiet",
      "--latency",
      "5",
      "--refuse",
      "0.5",
      "--create-later",
      "10",
      "--no-qos-2",
    );
    const output = new Output(command.stdout);
    await output.match(
      /Weather +5 ms late, 0\.5 % of logins and REST requests refused, new users 10 ms late, QoS 2 as QoS 1\n/,
    );
    const [, url = ""] = await output.match(/listens at (mqtt:\S+)\./);
    client = await connectAsync(url, { ...LOGIN, reconnectPeriod: 10 });
    await end(command, "SIGTERM", 0);
    assert.ok(!output.text.includes("connected"), output.text);
  });

  it("explains itself, and tells its version", async () => {
    command = start("-h");
    const help = new Output(command.stdout);
    assert.deepEqual(await once(command, "close"), [0, null]);
    for (const option of [
      "port",
      "http-port",
      "file",
      "tls",
      "latency",
      "drop",
      "refuse",
      "create-later",
      "data",
      "no-qos-2",
      "no-retained-wildcards",
      "slash-dots",
      "mqtt-3-only",
    ]) {
      assert.match(help.text, new RegExp(`^  --${option} `, "m"));
    }
    command = start("--version");
    const output = new Output(command.stdout);
    assert.deepEqual(await once(command, "close"), [0, null]);
    assert.match(output.text, /^\d+\.\d+\.\d+\n$/);
  });

  for (const [what, option, other] of [
    ["its port", "--port", "--http-port"],
    ["the console's port", "--http-port", "--port"],
  ] as const) {
    it(`says in one line that ${what} is taken, and ends with code 1`, async () => {
      const taken = new Sandbox({ port: 0 });
      await taken.start();
      try {
        const { port } = taken;
        assert.equal(
          await complaint(option, String(port), other, "0"),
          `The sandbox cannot run: Another program listens on port ${port} of 127.0.0.1; give another with ${option}\n`,
        );
      } finally {
        await taken.stop();
      }
    });
  }

  const mistakes: [args: string[], complaint: RegExp][] = [
    [["--port", "http"], /--port is http; it must be a number from 0 to 65535/],
    [["--http-port", "65536"], /--http-port is 65536; /],
    [["--host", "example.com"], /--host is example\.com; it must be an IP address/],
    [["--drop", "101"], /--drop is 101; it must be a number from 0 to 100/],
    [["--wind", "9"], /Unknown option '--wind'.*See m1-sandbox --help/],
    [["--data", " "], /--data is blank; it must be a folder/],
    [["--data", __filename], /\.ts cannot keep data: EEXIST.*; it must be a folder that can be/],
    [["--data", __dirname], /has files that are no sandbox's; data is kept in an empty folder/],
    [["--file", "/nowhere.json"], /\/nowhere\.json cannot be read: ENOENT/],
  ];
  for (const [args, words] of mistakes) {
    it(`says in one line what is wrong with ${args.join(" ")}, and ends with code 1`, async () => {
      const text = await complaint(...args);
      assert.match(text, words);
      assert.match(text, /^The sandbox cannot run: .*\n$/);
    });
  }

  /** What it prints before it ends with code 1. */
  async function complaint(...args: string[]): Promise<string> {
    command = start(...args);
    const errors = new Output(command.stderr);
    assert.deepEqual(await once(command, "close"), [1, null]);
    return errors.text;
  }
});

function start(...args: string[]): Command {
  const env = { ...process.env, M1_SANDBOX_PORT: "0", M1_SANDBOX_HTTP_PORT: "0" };
  return spawn(process.execPath, ["--import", "tsx", COMMAND, ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

function fileWith(userMqtt: string): string {
  const users = [{ userMqtt, userPassword: "secret" }];
  return JSON.stringify({ projects: [{ projectMqtt: "plant", apiKeys: ["KEY"], users }] });
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
