// A real RabbitMQ with its MQTT plugin for tests: one node or a cluster, on free ports, with everything in a temporary folder.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { accepts, freePort, run, temporaryFolder } from "./processes";

/** Debian keeps the programs here, and starts them as another user from the PATH. */
const PROGRAMS = "/usr/lib/rabbitmq/bin";

/** Milliseconds for each step of a node's start; it takes some seconds on a machine that does nothing else. */
const PATIENCE = 60_000;

/** How often a node's start is tried. */
const STARTS = 2;

export interface Place {
  readonly home: string;
  /** Free ports for the protocols. */
  readonly amqp: number;
  readonly mqtt: number;
}

/** The text of rabbitmq.conf for a node there. */
export type Configure = (place: Place) => Promise<string>;

const standard: Configure = async ({ amqp, mqtt }) =>
  [
    `listeners.tcp.1 = 127.0.0.1:${amqp}`,
    `mqtt.listeners.tcp.1 = 127.0.0.1:${mqtt}`,
    "mqtt.allow_anonymous = false",
    "",
  ].join("\n");

/** Everything that the nodes of one cluster share. */
interface Site {
  readonly folder: string;
  readonly environment: NodeJS.ProcessEnv;
}

export class RabbitMQ {
  readonly nodes: readonly RabbitNode[];
  readonly #ports: ChildProcess;
  readonly #removeFolder: () => Promise<void>;

  private constructor(
    nodes: readonly RabbitNode[],
    ports: ChildProcess,
    removeFolder: () => Promise<void>,
  ) {
    this.nodes = nodes;
    this.#ports = ports;
    this.#removeFolder = removeFolder;
  }

  /** Starts so many nodes, which form a cluster. `users` is a script that adds them; `configure` writes the configuration of each. */
  static async start(users: string, count = 1, configure = standard): Promise<RabbitMQ> {
    if (!existsSync(PROGRAMS)) {
      throw new Error("These tests need RabbitMQ: install the Debian package rabbitmq-server");
    }
    const { folder, remove } = await temporaryFolder();
    const portMapper = await freePort();
    const site: Site = {
      folder,
      // The cookie by which nodes and rabbitmqctl know each other is made in HOME.
      environment: { ...process.env, HOME: folder, ERL_EPMD_PORT: String(portMapper) },
    };
    // Its own, or Erlang would start one in the background that stays.
    const ports = spawn("epmd", ["-port", String(portMapper), "-address", "127.0.0.1"], {
      stdio: "ignore",
    });
    const nodes: RabbitNode[] = [];
    const broker = new RabbitMQ(nodes, ports, remove);
    try {
      await until("Erlang's port mapper listens", () => accepts(portMapper));
      for (let index = 0; index < count; index += 1) {
        const name = `m1-${portMapper}-${index}@localhost`;
        const node = await RabbitNode.prepare(site, name, configure);
        nodes.push(node);
        await node.resume();
        const [first = node] = nodes;
        if (node !== first) await node.join(first);
      }
      await nodes[0]?.script(users);
    } catch (error) {
      await broker.stop();
      throw error;
    }
    return broker;
  }

  /** Resolves once each queue has a copy on every node that is as new as itself: any node may die then. */
  async mirrorsInSync(): Promise<void> {
    const columns = ["slave_pids", "synchronised_slave_pids"] as const;
    await until("the copies of the queues are in step", async () => {
      const [first] = this.nodes as readonly [RabbitNode];
      const text = await first.control("list_queues", "--formatter=json", ...columns);
      const queues = JSON.parse(text) as Record<(typeof columns)[number], string[]>[];
      const copies = this.nodes.length - 1;
      return queues.every((queue) => columns.every((column) => queue[column].length === copies));
    });
  }

  async stop(): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    this.#ports.kill();
    await this.#removeFolder();
  }
}

export class RabbitNode {
  readonly name: string;
  readonly port: number;
  readonly url: string;
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;

  private constructor(name: string, port: number, environment: NodeJS.ProcessEnv) {
    this.name = name;
    this.port = port;
    this.url = `mqtt://127.0.0.1:${port}`;
    this.#environment = environment;
    // Nothing is left behind either when the tests are given up in the middle.
    process.once("exit", () => {
      if (this.#process) killGroup(this.#process);
    });
  }

  static async prepare(
    { folder, environment }: Site,
    name: string,
    configure: Configure,
  ): Promise<RabbitNode> {
    const home = path.join(folder, name);
    await mkdir(home);
    const [port, amqp, distribution] = [await freePort(), await freePort(), await freePort()];
    await writeFile(path.join(home, "rabbitmq.conf"), await configure({ home, amqp, mqtt: port }));
    await writeFile(path.join(home, "plugins"), "[rabbitmq_mqtt].\n");
    return new RabbitNode(name, port, {
      ...environment,
      RABBITMQ_NODENAME: name,
      RABBITMQ_MNESIA_BASE: path.join(home, "data"),
      RABBITMQ_LOG_BASE: path.join(home, "log"),
      RABBITMQ_CONFIG_FILE: path.join(home, "rabbitmq.conf"),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(home, "plugins"),
      RABBITMQ_CONF_ENV_FILE: path.join(home, "none"),
      RABBITMQ_DIST_PORT: String(distribution),
    });
  }

  /** Starts it, and starts it again after `kill`. One that comes back to its cluster now and then never gets ready. */
  async resume(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#start();
      } catch (error) {
        if (tries === STARTS) throw error;
        console.error(`      ${error}\n      ${this.name} is started once more`);
        await this.kill();
      }
    }
  }

  async #start(): Promise<void> {
    const child = spawn(path.join(PROGRAMS, "rabbitmq-server"), {
      env: this.#environment,
      stdio: "ignore",
      // A group of its own: the script does not pass a signal on to Erlang.
      detached: true,
    });
    this.#process = child;
    const ended = () => child.exitCode ?? child.signalCode;
    await until(`${this.name} listens`, async () => ended() !== null || (await accepts(this.port)));
    if (ended() !== null) throw new Error(`RabbitMQ ended with ${ended()}`);
    await this.control("await_startup", "--timeout", "45");
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    killGroup(child);
    await gone;
    // The script is gone then, and Erlang a moment later.
    await until(`${this.name} is gone`, async () => !(await accepts(this.port)));
  }

  async join(other: RabbitNode): Promise<void> {
    await this.control("stop_app");
    await this.control("join_cluster", other.name);
    await this.control("start_app");
    await until(`${this.name} listens in the cluster`, () => accepts(this.port));
  }

  /** Runs a script in which rabbitmqctl means this node. */
  script(file: string): Promise<string> {
    const PATH = `${PROGRAMS}:${process.env.PATH}`;
    return run("sh", [file], { env: { ...this.#environment, PATH } });
  }

  /** Runs rabbitmqctl for this node. */
  control(...args: readonly string[]): Promise<string> {
    const program = path.join(PROGRAMS, "rabbitmqctl");
    return run(program, ["--quiet", "--node", this.name, ...args], {
      env: this.#environment,
      timeout: PATIENCE,
    });
  }
}

function killGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid !== undefined && exitCode === null && signalCode === null) process.kill(-pid, "SIGKILL");
}

/** Polls what cannot be awaited, for so long. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + PATIENCE;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`waited ${PATIENCE} ms in vain: ${what}`);
    await pause(50);
  }
}
