// The sandbox as users get it: packed, installed from the tarball with nothing else, run by npx.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { inbox } from "../sandbox/clients";
import { run, temporaryFolder } from "../support/processes";

const root = path.resolve(__dirname, "../..");

describe("the packed sandbox", () => {
  let folder: string;
  let removeFolder: () => Promise<void>;
  let command: ChildProcess;
  let client: MqttClient;
  let printed = "";

  before(async function () {
    this.timeout(180_000);
    const temporary = await temporaryFolder();
    folder = temporary.folder;
    removeFolder = temporary.remove;
    const pack = ["pack", "--workspace", "sandbox", "--json", "--pack-destination", folder];
    const packed = await run("npm", pack, { cwd: root });
    const tarball = /"filename": "([^"]+)"/.exec(packed)?.[1] ?? "";
    await run("npm", ["init", "--yes"], { cwd: folder });
    const install = ["install", "--no-audit", "--no-fund", path.join(folder, tarball)];
    await run("npm", install, { cwd: folder });
    command = spawn("npx", ["m1-sandbox", "--port", "0", "--http-port", "0"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
      detached: true,
    });
    command.stdout?.setEncoding("utf8");
    while (!printed.includes("mosquitto_sub")) {
      const [chunk] = await once(command.stdout ?? command, "data");
      printed += chunk;
    }
    const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
    client = await connectAsync(found(/listens at (mqtt:\S+)\./), {
      username: `${projectMqtt}/${userMqtt}`,
      password: `${apiKey}/${userPassword}`,
    });
  });

  after(async () => {
    await client?.endAsync(true);
    // npx is the leader of its group: it and the sandbox end together.
    if (command?.pid && command.exitCode === null) {
      const closed = once(command, "close");
      process.kill(-command.pid, "SIGTERM");
      await closed;
    }
    await removeFolder?.();
  });

  function found(pattern: RegExp): string {
    return pattern.exec(printed)?.[1] ?? "";
  }

  it("serves its console, script and style", async () => {
    const url = found(/Console +(http:\S+)/);
    for (const file of ["", "console.js", "console.css", "icon.svg"]) {
      const { status } = await fetch(`${url}/${file}`);
      assert.equal(status, 200, file);
    }
  });

  it("shows the console what a device sends, and sends the device what a person tells it", async () => {
    const url = found(/Console +(http:\S+)/);
    await client.subscribeAsync("1/demo-project/demo-user/#", { qos: 1 });
    const received = inbox(client);
    const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
    const payload = '{"fan":"off"}';
    const form = { kind: "event", projectMqtt, userMqtt, deviceId: "kitchen", payload };
    const headers = { "content-type": "application/json" };
    const sent = await fetch(`${url}/console/send`, {
      method: "POST",
      headers,
      body: JSON.stringify(form),
    });
    assert.equal(sent.status, 200);
    const [message] = await received.upTo(1);
    assert.equal(message?.topic, "1/demo-project/demo-user/kitchen/event");
    assert.equal(message?.payload, payload);
    const event = '{"event_data":{"temperature":21.5}}';
    await client.publishAsync("0/demo-project/demo-user/kitchen", event, { qos: 1 });
    const feed = await fetch(`${url}/console/feed`);
    const reader = feed.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    await reader?.cancel();
    assert.match(new TextDecoder().decode(value), /"tags":\[\["temperature","21\.5"\]\]/);
  });

  it("gives programs the class", async () => {
    const script =
      'const { Sandbox } = require("m1-sandbox"); console.log(new Sandbox({ port: 1 }).url)';
    assert.equal(
      await run(process.execPath, ["-e", script], { cwd: folder }),
      "mqtt://127.0.0.1:1\n",
    );
  });

  it("gives programs its types, which need no others than those of Node.js", async function () {
    this.timeout(60_000);
    const program = path.join(folder, "program.ts");
    await writeFile(
      program,
      `import { openWeb, Sandbox, type StoredEvent } from "m1-sandbox";
      async function observe(): Promise<StoredEvent> {
        const sandbox = new Sandbox({ port: 0, bounds: { retained: 5 } });
        await sandbox.start();
        const web = await openWeb(sandbox, { port: 0 });
        sandbox.on("refusal", ({ code, reason }) => console.log(code, reason, web.url));
        // @ts-expect-error: a device ID is text.
        await sandbox.sendDeviceEvent(7, {});
        return sandbox.next("event", ({ deviceId }) => deviceId === "kitchen");
      }
      void observe();`,
    );
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    const types = ["--types", "node", "--typeRoots", path.join(root, "node_modules/@types")];
    const checks = ["--strict", "--noEmit", "--module", "node20", "--target", "es2022", ...types];
    assert.equal(await run(process.execPath, [tsc, ...checks, program], { cwd: folder }), "");
  });

  it("asks for a Node.js that can require the ES modules that it depends on", async () => {
    const read = async (name: string) =>
      JSON.parse(await readFile(path.join(folder, "node_modules", name, "package.json"), "utf8"));
    const { engines, dependencies } = await read("m1-sandbox");
    const kinds = await Promise.all(
      Object.keys(dependencies).map(async (name) => (await read(name)).type),
    );
    assert.ok(kinds.includes("module"), "it would do with less");
    // Without a flag since these: https://nodejs.org/api/modules.html, the history of require().
    assert.equal(engines.node, "^20.19.0 || >=22.12.0");
  });

  it("carries the licences of what is bundled in it", async () => {
    const file = path.join(folder, "node_modules/m1-sandbox/dist/BUNDLED-LICENSES");
    const licences = await readFile(file, "utf8");
    for (const name of ["@hono/node-server", "hono", "temporal-polyfill", "uplot", "zod"])
      assert.match(licences, new RegExp(`^${name}\n\n.*MIT License`, "m"));
  });

  it("carries only what is needed, and depends on five packages", async () => {
    const installed = path.join(folder, "node_modules/m1-sandbox");
    const files = await readdir(installed, { recursive: true });
    const isType = (file: string) => file.startsWith(path.normalize("dist/types"));
    assert.deepEqual(files.filter((file) => !isType(file)).sort(), [
      "LICENSE",
      "README.md",
      "dist",
      "dist/BUNDLED-LICENSES",
      "dist/command.js",
      "dist/index.js",
      "dist/page",
      "dist/page/icon.svg",
      "dist/page/index.html",
      "dist/page/main.css",
      "dist/page/main.js",
      "dist/sandbox.schema.json",
      "package.json",
    ]);
    const manifest = JSON.parse(await readFile(path.join(installed, "package.json"), "utf8"));
    assert.deepEqual(Object.keys(manifest.dependencies), [
      "aedes",
      "aedes-persistence",
      "classic-level",
      "mqtt-packet",
      "ws",
    ]);
  });
});
