// What the candidates of a scenario share: the broker and the cloud's two ends.
import os from "node:os";
import { Mosquitto } from "../test/support/mosquitto";
import { run } from "../test/support/processes";
import { Child } from "./child";
import type { Scale } from "./scenario";

export class Lab {
  readonly broker: Mosquitto;
  readonly consumer = new Child("consumer");
  readonly producer = new Child("producer");
  readonly scale: Scale;

  private constructor(broker: Mosquitto, scale: Scale) {
    this.broker = broker;
    this.scale = scale;
  }

  /** What it runs keeps off `core`, where there is more than one. */
  static async open(scale: Scale, core?: number): Promise<Lab> {
    const settings = [
      // Its usual twenty messages in flight would make every receiver wait for round trips.
      "max_inflight_messages 1000",
      "set_tcp_nodelay true",
      // Delivers at QoS 1 what the producer publishes at QoS 0: it has no more to do than it must.
      "upgrade_outgoing_qos true",
    ];
    const lab = new Lab(await Mosquitto.start({ settings }), scale);
    await lab.#connect();
    if (core !== undefined) await lab.#keepOff(core);
    return lab;
  }

  async #connect(): Promise<void> {
    const { port } = this.broker;
    await this.consumer.ask("subscribe", { port, filter: "0/#" });
    await this.producer.ask("connect", { port });
  }

  async #keepOff(core: number): Promise<void> {
    const others = [...os.cpus().keys()].filter((each) => each !== core);
    if (others.length === 0) return;
    for (const { pid } of [this.broker, this.consumer, this.producer]) {
      await run("taskset", ["--all-tasks", "--cpu-list", "--pid", others.join(), String(pid)]);
    }
  }

  /** After `broker.kill`. */
  async restoreBroker(): Promise<void> {
    await this.broker.resume();
    await this.consumer.ask("subscribe", { port: this.broker.port, filter: "0/#" });
  }

  async close(): Promise<void> {
    await this.consumer.stop();
    await this.producer.stop();
    await this.broker.stop();
  }
}
