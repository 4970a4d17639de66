// A Node-RED under measurement: a real one, with this package and the bench's own nodes.
import { installation } from "../test/support/installation";
import { type Launch, NodeRed } from "../test/support/node-red";
import { temporaryFolder } from "../test/support/processes";
import { ANSWER_WITHIN, built, type Servant } from "./child";
import type { Flow } from "./flows";
import type { Lab } from "./lab";

export interface MeasuredLaunch extends Launch {
  /** How long the event loop is held up is measured from the start of the flows on. */
  readonly watchesLoop?: boolean;
}

export class MeasuredNodeRed implements Servant {
  readonly #userDir: string;
  readonly #remove: () => Promise<void>;
  readonly #launch: MeasuredLaunch;
  #process: NodeRed | undefined;

  private constructor(userDir: string, remove: () => Promise<void>, launch: MeasuredLaunch) {
    this.#userDir = userDir;
    this.#remove = remove;
    this.#launch = launch;
  }

  /** Until the lab is closed. */
  static async start(lab: Lab, launch: MeasuredLaunch = {}): Promise<MeasuredNodeRed> {
    const { userDir, remove } = await installation([]);
    const nodeRed = new MeasuredNodeRed(userDir, remove, profiled(launch));
    lab.onClose(() => nodeRed.stop());
    await nodeRed.resume();
    return nodeRed;
  }

  /** Until `stop`. */
  static async startWithoutPackage(): Promise<MeasuredNodeRed> {
    const { folder, remove } = await temporaryFolder();
    const nodeRed = new MeasuredNodeRed(folder, remove, { nodeOptions: ["--expose-gc"] });
    try {
      await nodeRed.resume();
    } catch (error) {
      await nodeRed.stop();
      throw error;
    }
    return nodeRed;
  }

  /** Starts it again after `kill`, with the flow it had. */
  async resume(): Promise<void> {
    const { watchesLoop = false, ...launch } = this.#launch;
    const logging = { console: { level: "warn" } };
    const settings = { nodesDir: built, logging, watchesLoop };
    this.#process = await NodeRed.start(this.#userDir, settings, launch);
  }

  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
  }

  /** Stands still while `during` runs. */
  async frozen(during: () => Promise<void>): Promise<void> {
    const { pid } = this.#process ?? {};
    if (pid === undefined) throw this.#failure("does not run");
    process.kill(pid, "SIGSTOP");
    try {
      await during();
    } finally {
      process.kill(pid, "SIGCONT");
    }
  }

  /** Not killed: Node.js writes a profile only when it ends by itself. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    await this.#remove();
  }

  /** Resolves when Node-RED says that the flow has started. */
  async deploy(flow: Flow): Promise<void> {
    await this.#post("flows", flow);
  }

  /** As the editor does: without the secrets it was not told, or their node would count as changed. */
  async deployChanges(flow: Flow): Promise<void> {
    const unchanged = flow.map(({ credentials, ...node }) => node);
    await this.#post("flows", unchanged, { "Node-RED-Deployment-Type": "nodes" });
  }

  /** Of the admin API, as the editor asks for it. */
  async read(resource: string): Promise<void> {
    await this.#process?.get(resource);
  }

  /** All of it is taken, and nothing kept. */
  async download(resource: string): Promise<void> {
    const response = await fetch(`${this.#process?.url}/${resource}`, {
      signal: AbortSignal.timeout(ANSWER_WITHIN),
    });
    if (!response.ok) throw this.#failure(`${resource}: ${response.status}`);
    for await (const chunk of response.body ?? []) void chunk;
  }

  /** An action of the admin API, as the editor asks for it. */
  async act(resource: string): Promise<void> {
    await this.#post(resource, {});
  }

  async ask<Answer = void>(command: string, parameters: object = {}): Promise<Answer> {
    const response = await this.#post(`bench/${command}`, parameters);
    return (await response.json()) as Answer;
  }

  /** Resolves when the node shows that it is connected. */
  async connected(id: string): Promise<void> {
    const deadline = performance.now() + ANSWER_WITHIN;
    while ((await this.ask<{ fill?: string }>("status", { id })).fill !== "green") {
      if (performance.now() > deadline) throw this.#failure(`${id} does not connect`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #post(resource: string, body: unknown, headers = {}): Promise<Response> {
    try {
      const response = await fetch(`${this.#process?.url}/${resource}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_WITHIN),
      });
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
      return response;
    } catch (error) {
      throw this.#failure(`${resource}: ${(error as Error).message}`, error);
    }
  }

  #failure(what: string, cause?: unknown): Error {
    const printed = this.#process?.output.slice(-2_000) ?? "";
    return new Error(`Node-RED: ${what}\n${printed}`, { cause });
  }
}

/** With a folder in M1_BENCH_PROFILES, each process leaves a CPU profile there. */
function profiled(launch: MeasuredLaunch): MeasuredLaunch {
  const { M1_BENCH_PROFILES: folder } = process.env;
  if (!folder) return launch;
  const options = ["--cpu-prof", `--cpu-prof-dir=${folder}`];
  return { ...launch, nodeOptions: [...(launch.nodeOptions ?? []), ...options] };
}

export const SMALL_CORE = 0;

/** For the rows "small machine": one core, and a heap of 128 MB. */
export const SMALL: Launch = {
  nodeOptions: ["--max-old-space-size=128"],
  wrapper: ["taskset", "--cpu-list", String(SMALL_CORE)],
};
