// What the candidates of a scenario share: the broker and the cloud's two ends. It ends all that was started.
import os from "node:os";
import { Mosquitto } from "../test/support/mosquitto";
import { run } from "../test/support/processes";
import { Child } from "./child";
import { EVERY_EVENT, LAST_EVENTS } from "./flows";
import type { Scale } from "./scale";

const SETTINGS = [
  // With its usual twenty a receiver would wait for round trips.
  "max_inflight_messages 1000",
  "set_tcp_nodelay true",
  // Delivers at QoS 1 what the producer publishes at QoS 0: it has no more to do than it must.
  "upgrade_outgoing_qos true",
];

export interface LabOptions {
  /** The core that the candidates have to themselves, if they are on a small machine. */
  readonly core?: number;
  /** The cloud hears of the last event of a round only; the others end at the broker. */
  readonly isLastOnly?: boolean;
}

export class Lab {
  readonly scale: Scale;
  readonly consumer = new Child("consumer");
  readonly producer = new Child("producer");
  readonly #core: number | undefined;
  readonly #isLastOnly: boolean;
  readonly #ends: (() => Promise<void>)[] = [];
  #broker: Mosquitto | undefined;
  #progressPort = 0;

  private constructor(scale: Scale, { core, isLastOnly = false }: LabOptions) {
    this.scale = scale;
    this.#core = core;
    this.#isLastOnly = isLastOnly;
  }

  static async open(scale: Scale, options: LabOptions): Promise<Lab> {
    const lab = new Lab(scale, options);
    try {
      lab.#broker = await Mosquitto.start({ settings: SETTINGS });
      await lab.#subscribe();
      lab.#progressPort = await lab.producer.ask("connect", { port: lab.broker.port });
      await lab.#keepOffCore();
    } catch (error) {
      await lab.close();
      throw error;
    }
    return lab;
  }

  get broker(): Mosquitto {
    if (!this.#broker) throw new Error("there is no broker");
    return this.#broker;
  }

  /** Where the producer wants to be told of a receiver's progress. */
  get progressPort(): number {
    return this.#progressPort;
  }

  /** Has the consumer await so many events, of which it may hear of the last only. */
  expect(count: number): Promise<void> {
    return this.consumer.ask("expect", { count: this.#isLastOnly ? 1 : count });
  }

  /** Has `end` called when the lab is closed, whatever happens until then. */
  onClose(end: () => Promise<void>): void {
    this.#ends.push(end);
  }

  /** After `broker.kill`. */
  async restoreBroker(): Promise<void> {
    await this.broker.resume();
    await this.#keepOffCore();
    await this.#subscribe();
  }

  async close(): Promise<void> {
    const ends = [
      ...this.#ends,
      () => this.consumer.stop(),
      () => this.producer.stop(),
      async () => this.#broker?.stop(),
    ];
    const results = await Promise.allSettled(ends.map((end) => end()));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  #subscribe(): Promise<void> {
    const filter = this.#isLastOnly ? LAST_EVENTS : EVERY_EVENT;
    return this.consumer.ask("subscribe", { port: this.broker.port, filter });
  }

  async #keepOffCore(): Promise<void> {
    if (this.#core === undefined) return;
    const others = [...os.cpus().keys()].filter((each) => each !== this.#core);
    if (others.length === 0) return;
    for (const { pid } of [this.broker, this.consumer, this.producer]) {
      await run("taskset", ["--all-tasks", "--cpu-list", "--pid", others.join(), String(pid)]);
    }
  }
}
