// A real ejabberd with its MQTT module for tests: on a free port, with everything in a temporary folder.
import { type ChildProcess, spawn } from "node:child_process";
import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { createInterface } from "node:readline";
import { endProcess, freePort, temporaryFolder } from "./processes";

/** Debian keeps ejabberd among Erlang's libraries, in a folder of this one that is named by the machine's kind. */
const LIBRARIES = "/usr/lib";

/** What it prints when it knows its users. */
const READY = "ready";

/** By the name before `@localhost`, which has none of `"&'/:<>@` and no space. */
export type EjabberdUsers = Readonly<Record<string, EjabberdUser>>;

export interface EjabberdUser {
  readonly password: string;
  /** Topic filters that it may write and read. */
  readonly write: readonly string[];
  readonly read: readonly string[];
}

export class Ejabberd {
  readonly port: number;
  readonly url: string;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #users: EjabberdUsers;
  readonly #removeFolder: () => Promise<void>;
  #process: ChildProcess | undefined;

  private constructor(
    port: number,
    folder: string,
    environment: NodeJS.ProcessEnv,
    users: EjabberdUsers,
    removeFolder: () => Promise<void>,
  ) {
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    this.#folder = folder;
    this.#environment = environment;
    this.#users = users;
    this.#removeFolder = removeFolder;
  }

  static async start(users: EjabberdUsers): Promise<Ejabberd> {
    const libraries = await erlangLibraries();
    const { folder, remove } = await temporaryFolder();
    const port = await freePort();
    const environment = {
      ...process.env,
      ERL_LIBS: libraries,
      EJABBERD_CONFIG_PATH: path.join(folder, "ejabberd.yml"),
      EJABBERD_LOG_PATH: path.join(folder, "ejabberd.log"),
    };
    // YAML takes JSON as it is.
    await writeFile(environment.EJABBERD_CONFIG_PATH, JSON.stringify(configuration(port, users)));
    const ejabberd = new Ejabberd(port, folder, environment, users, remove);
    try {
      await ejabberd.resume();
    } catch (error) {
      await ejabberd.stop();
      throw error;
    }
    return ejabberd;
  }

  /** Starts it, and starts it again after `kill`, when it has forgotten all sessions. */
  async resume(): Promise<void> {
    // Debian's ejabberdctl would do the same as another user, under a name that a daemon of Erlang's must know.
    const child = spawn("erl", this.#arguments(), {
      cwd: this.#folder,
      env: this.#environment,
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#process = child;
    // Nothing is left behind either when the tests are given up in the middle.
    process.once("exit", () => child.kill("SIGKILL"));
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      if (line === READY) break;
    }
    if (lines.at(-1) !== READY) throw new Error(`ejabberd ended:\n${lines.join("\n")}`);
    child.stdout.resume();
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    if (this.#process) await endProcess(this.#process, "SIGKILL");
  }

  async stop(): Promise<void> {
    await this.kill();
    await this.#removeFolder();
  }

  #arguments(): string[] {
    const database = JSON.stringify(path.join(this.#folder, "database"));
    const known = Object.entries(this.#users).map(
      ([name, { password }]) =>
        `ejabberd_auth:try_register(<<"${name}">>, <<"localhost">>, <<"${password}">>)`,
    );
    const program = [...known, `io:format("${READY}~n")`].join(", ");
    return ["-noinput", "-mnesia", "dir", database, "-s", "ejabberd", "-eval", `${program}.`];
  }
}

async function erlangLibraries(): Promise<string> {
  const folders = (await readdir(LIBRARIES)).map((name) => path.join(LIBRARIES, name));
  for (const folder of folders.filter((name) => name.endsWith("-linux-gnu"))) {
    if ((await readdir(folder)).some((name) => name.startsWith("ejabberd-"))) return folder;
  }
  throw new Error("These tests need ejabberd: install the Debian package");
}

/** A rule for each user, by the user's name, and for each filter the rule that lets this user pass. */
function configuration(port: number, users: EjabberdUsers): object {
  const rules = Object.keys(users).map((name) => [name, { allow: { user: name } }]);
  const access = (filters: (user: EjabberdUser) => readonly string[]) =>
    Object.fromEntries(
      Object.entries(users).flatMap(([name, user]) => filters(user).map((it) => [it, name])),
    );
  return {
    hosts: ["localhost"],
    loglevel: "warning",
    listen: [{ port, ip: "127.0.0.1", module: "mod_mqtt" }],
    access_rules: Object.fromEntries(rules),
    modules: {
      mod_mqtt: {
        access_publish: access(({ write }) => write),
        access_subscribe: access(({ read }) => read),
      },
    },
  };
}
