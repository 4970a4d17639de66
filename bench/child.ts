// A process of the bench's own, and the question and answer it is driven by.
import { type ChildProcess, fork } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import esbuild from "esbuild";
import { endProcess } from "../test/support/processes";

export const built = path.join(__dirname, ".built");

/** Longer than any question takes on a slow machine; a hang must not stop a run for ever. */
export const ANSWER_WITHIN = 120_000;

/** Whoever carries out commands: a child process, or a Node-RED with the bench's nodes. */
export interface Servant {
  ask<Answer = void>(command: string, parameters?: object): Promise<Answer>;
  stop(): Promise<void>;
}

/** The children run as plain JavaScript: a loader in the process would be measured too. */
export async function compileChildren(): Promise<void> {
  const entryPoints = ["bare", "consumer", "producer", "bench-nodes"];
  await esbuild.build({
    entryPoints: entryPoints.map((name) => path.join(__dirname, "children", `${name}.ts`)),
    outdir: built,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "cjs",
    target: "node20",
    logLevel: "warning",
  });
  // Node-RED loads no node without one; nobody opens an editor here.
  await writeFile(path.join(built, "bench-nodes.html"), "");
}

export class Child implements Servant {
  readonly #process: ChildProcess;
  readonly #name: string;
  #lastId = 0;

  constructor(name: string) {
    this.#name = name;
    this.#process = fork(path.join(built, `${name}.js`), { execArgv: [] });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  ask<Answer = void>(command: string, parameters: object = {}): Promise<Answer> {
    this.#lastId += 1;
    const id = this.#lastId;
    const what = `${this.#name}: ${command}`;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        this.#process.off("message", heard).off("exit", gone);
        settle();
      };
      const late = () => end(() => reject(new Error(`${what}: no answer in time`)));
      const timer = setTimeout(late, ANSWER_WITHIN);
      const gone = () => end(() => reject(new Error(`${what}: the process has ended`)));
      const heard = (message: { id: number; answer: Answer; error?: string }) => {
        if (message.id !== id) return;
        const { answer, error } = message;
        end(() => (error ? reject(new Error(`${what}: ${error}`)) : resolve(answer)));
      };
      this.#process.on("message", heard).on("exit", gone);
      this.#process.send({ id, command, parameters });
    });
  }

  stop(): Promise<void> {
    return endProcess(this.#process);
  }
}
