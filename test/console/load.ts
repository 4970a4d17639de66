// Many events a second for a page of the console, and the memory that it has.
import type { Page } from "playwright-core";
import type { Sandbox } from "../../sandbox/sandbox";
import { EVENT } from "../sandbox/clients";

const DEVICES = 5;
/** Milliseconds between two bursts. */
const BURST = 20;
const who = { projectMqtt: "demo-project", userMqtt: "demo-user" };
const arrival = { who, clientId: "fast", address: "", qos: 1, dup: false } as const;

export class Load {
  readonly #sandbox: Sandbox;
  readonly #perSecond: number;
  #stored = 0;

  constructor(sandbox: Sandbox, perSecond: number) {
    this.#sandbox = sandbox;
    this.#perSecond = perSecond;
  }

  /** How many events there were. */
  get stored(): number {
    return this.#stored;
  }

  async run(seconds: number): Promise<void> {
    const until = this.#stored + seconds * this.#perSecond;
    const began = performance.now();
    const first = this.#stored;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = first + ((performance.now() - began) * this.#perSecond) / 1000;
        while (this.#stored < Math.min(due, until)) this.#store();
        if (this.#stored < until) return;
        clearInterval(timer);
        resolve();
      }, BURST);
    });
  }

  #store(): void {
    const number = this.#stored++;
    const eventData = { temperature: Math.sin(number / 5000), count: number };
    this.#sandbox.store({ eventData, deviceId: `d${number % DEVICES}`, raw: EVENT }, arrival);
  }
}

export interface PageMemory {
  /** Of the script's heap, without what is garbage. */
  readonly megabytes: number;
  /** Of the document. */
  readonly nodes: number;
}

export async function memoryOf(page: Page): Promise<PageMemory> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const { nodes } = await session.send("Memory.getDOMCounters");
  await session.detach();
  return { megabytes: usedSize / 1e6, nodes };
}
