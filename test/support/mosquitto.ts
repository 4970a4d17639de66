// A real mosquitto for tests: started on a free port with users and rules, killed, frozen and restarted.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { accepts, endProcess, freePort, run, temporaryFolder } from "./processes";

export interface MosquittoOptions {
  /** By user name. Anybody may connect if there are none. */
  readonly users?: Readonly<Record<string, string>>;
  /** Lines of mosquitto's acl_file. */
  readonly acl?: readonly string[];
  /** Further lines of mosquitto.conf. */
  readonly settings?: readonly string[];
}

export class Mosquitto {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #removeFolder: () => Promise<void>;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, removeFolder: () => Promise<void>) {
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#removeFolder = removeFolder;
  }

  /** With a configuration of the caller's own, for that port and with whatever it has put into that folder. */
  static async startWith(
    configure: (folder: string, port: number) => Promise<string>,
  ): Promise<Mosquitto> {
    requireMosquitto();
    const { folder, remove } = await temporaryFolder();
    const port = await freePort();
    const file = path.join(folder, "mosquitto.conf");
    const rootStays = process.getuid?.() === 0 ? "user root\n" : "";
    await writeFile(file, (await configure(folder, port)) + rootStays);
    const mosquitto = new Mosquitto(port, folder, remove);
    await mosquitto.resume();
    return mosquitto;
  }

  /** Sessions and messages are kept in memory: a restart forgets them, unless `settings` say otherwise. */
  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    return Mosquitto.startWith((folder, port) => configuration(port, folder, options));
  }

  /** Throws if it does not run. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error("mosquitto does not run");
    return pid;
  }

  /** Starts it again after `kill`. */
  async resume(): Promise<void> {
    const child = spawn("mosquitto", ["-c", path.join(this.#folder, "mosquitto.conf")], {
      stdio: "ignore",
    });
    this.#process = child;
    const ended = () => child.exitCode ?? child.signalCode;
    while (ended() === null && !(await accepts(this.port))) await pause(20);
    if (ended() !== null) throw new Error(`mosquitto ended with ${ended()}`);
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    if (this.#process) await endProcess(this.#process, "SIGKILL");
  }

  /** Keeps its sockets and does nothing more. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  async stop(): Promise<void> {
    this.thaw();
    await this.kill();
    await this.#removeFolder();
  }
}

function requireMosquitto(): void {
  if (spawnSync("mosquitto", ["-h"]).error) {
    throw new Error("These tests need mosquitto: install the Debian package, or your system's own");
  }
}

async function configuration(
  port: number,
  folder: string,
  { users, acl, settings = [] }: MosquittoOptions,
): Promise<string> {
  const lines = [
    `listener ${port} 127.0.0.1`,
    `allow_anonymous ${!users}`,
    // Without this it drops what a slow subscriber has not read yet.
    "max_queued_messages 0",
    ...settings,
  ];
  if (users) {
    const file = path.join(folder, "passwords");
    const entries = Object.entries(users).map(([name, password]) => `${name}:${password}\n`);
    await writeFile(file, entries.join(""));
    await run("mosquitto_passwd", ["-U", file]);
    lines.push(`password_file ${file}`);
  }
  if (acl) {
    const file = path.join(folder, "acl");
    await writeFile(file, acl.map((line) => `${line}\n`).join(""));
    lines.push(`acl_file ${file}`);
  }
  return lines.map((line) => `${line}\n`).join("");
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
