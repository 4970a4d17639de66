// A Node-RED of its own: a child process with a user directory, for what must survive a restart or be installed.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { WebSocket } from "ws";
import { endProcess, freePort } from "./processes";
import { nodeRedRequire } from "./release";

const red = nodeRedRequire.resolve("node-red/red.js");

export interface Status {
  fill?: string;
  shape?: string;
  text?: string;
}

export interface Launch {
  /** Of Node.js itself. */
  readonly nodeOptions?: readonly string[];
  /** A command that replaces itself by the one that follows it, under conditions of its own. */
  readonly wrapper?: readonly string[];
}

export class NodeRed {
  readonly url: string;
  readonly userDir: string;
  readonly #process: ChildProcess;
  #output = "";

  private constructor(url: string, userDir: string, child: ChildProcess) {
    this.url = url;
    this.userDir = userDir;
    this.#process = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output += text;
      });
    }
  }

  /**
   * Resolves once the editor's API answers. Rejects with what it printed if it ends before that.
   * `launcher` are the words of a command that starts another, such as taskset.
   */
  static async start(
    userDir: string,
    settings: object = {},
    { nodeOptions = [], wrapper = [] }: Launch = {},
  ): Promise<NodeRed> {
    const port = await freePort();
    const file = path.join(userDir, "settings.js");
    const all = {
      uiHost: "127.0.0.1",
      uiPort: port,
      userDir,
      flowFile: "flows.json",
      credentialSecret: false,
      telemetry: { enabled: false, updateNotification: false },
      logging: { console: { level: "info", metrics: false, audit: false } },
      ...settings,
    };
    await writeFile(file, `module.exports = ${JSON.stringify(all, null, 2)};\n`);
    const node = [process.execPath, ...nodeOptions, red, "--settings", file];
    const [command = "", ...args] = [...wrapper, ...node];
    const child = spawn(command, args, { stdio: "pipe" });
    const { httpAdminRoot = "" } = settings as { httpAdminRoot?: string };
    const nodeRed = new NodeRed(`http://127.0.0.1:${port}${httpAdminRoot}`, userDir, child);
    try {
      await nodeRed.#ready();
    } catch (error) {
      await nodeRed.stop();
      throw error;
    }
    return nodeRed;
  }

  /** Rejects with what it printed when it ends. */
  async ended(): Promise<never> {
    const { exitCode, signalCode } = this.#process;
    const isOver = exitCode !== null || signalCode !== null;
    const [code, signal] = isOver ? [exitCode, signalCode] : await once(this.#process, "exit");
    throw new Error(`Node-RED ended with ${code ?? signal}:\n${this.#output}`);
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  async get(resource: string): Promise<unknown> {
    const response = await fetch(`${this.url}/${resource}`, {
      headers: { accept: "application/json" },
    });
    if (!response.ok) throw new Error(`GET ${resource}: ${response.status}`);
    return response.json();
  }

  /** Resolves when the node shows a status for which `matches` holds; the editor hears of it the same way. */
  async status(id: string, matches: (status: Status) => boolean): Promise<Status> {
    const socket = new WebSocket(`${this.url.replace("http", "ws")}/comms`);
    await once(socket, "open");
    socket.send(JSON.stringify({ subscribe: `status/${id}` }));
    return new Promise((resolve) => {
      socket.on("message", (bytes) => {
        const told = messages<Status>(String(bytes), `status/${id}`);
        const found = told.map((status) => status ?? {}).find(matches);
        if (!found) return;
        socket.close();
        resolve(found);
      });
    });
  }

  /** Deploys a flow file as the editor does, credentials in its nodes. */
  async deploy(flow: readonly object[]): Promise<void> {
    const response = await fetch(`${this.url}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(flow),
    });
    if (!response.ok) throw new Error(`POST flows: ${response.status}`);
  }

  /** Presses the button of an inject node. */
  async press(id: string): Promise<void> {
    const response = await fetch(`${this.url}/inject/${id}`, { method: "POST" });
    if (!response.ok) throw new Error(`POST inject/${id}: ${response.status}`);
  }

  /** What a Debug node shows next in the sidebar; the outer promise resolves once it is listened to. */
  async debugging(id: string): Promise<{ shown: Promise<string> }> {
    const socket = new WebSocket(`${this.url.replace("http", "ws")}/comms`);
    await once(socket, "open");
    const shown = new Promise<string>((resolve) => {
      socket.on("message", (bytes) => {
        const told = messages<{ id: string; msg: string }>(String(bytes), "debug");
        const found = told.find((data) => data?.id === id);
        if (!found) return;
        socket.close();
        resolve(found.msg);
      });
    });
    return { shown };
  }

  stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    return endProcess(this.#process, signal);
  }

  async #ready(): Promise<void> {
    while (this.#process.exitCode === null && this.#process.signalCode === null) {
      try {
        const { ok, status } = await fetch(`${this.url}/settings`);
        // Where users have to log in, a refusal shows that it is there.
        if (ok || status === 401) return;
      } catch (error) {
        // fetch makes a TypeError of a refused connection: not there yet.
        if (!(error instanceof TypeError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const { exitCode, signalCode } = this.#process;
    throw new Error(`Node-RED ended with ${exitCode ?? signalCode}:\n${this.#output}`);
  }
}

/** The editor's messages come in lists, each with its topic. */
function messages<Data>(text: string, topic: string): (Data | undefined)[] {
  const all = [JSON.parse(text)].flat() as { topic?: string; data?: Data }[];
  return all.filter((message) => message.topic === topic).map(({ data }) => data);
}
