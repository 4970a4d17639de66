// The cloud's end of a test: every numbered event that a broker passes on, in order, repetitions included.
import { connectAsync, type MqttClient } from "mqtt";

export class EventLog {
  readonly numbers: number[] = [];
  /** Each topic once, in the order of their first events. */
  readonly topics: string[] = [];
  readonly #distinct = new Set<number>();
  #client: MqttClient | undefined;

  get distinct(): ReadonlySet<number> {
    return this.#distinct;
  }

  async join(url: string): Promise<void> {
    this.#client = await connectAsync(url, { reconnectPeriod: 0 });
    this.#client.on("message", (topic, payload) => {
      if (!this.topics.includes(topic)) this.topics.push(topic);
      const { number } = JSON.parse(payload.toString()).event_data;
      this.numbers.push(number);
      this.#distinct.add(number);
    });
    // At QoS 0 it never writes, so the kernel hands over all that a killed broker had sent.
    await this.#client.subscribeAsync("0/#", { qos: 0 });
  }

  async leave(): Promise<void> {
    await this.#client?.endAsync(true);
  }

  async has(count: number): Promise<void> {
    while (this.#distinct.size < count) await this.#message();
  }

  async hasNumber(number: number): Promise<void> {
    while (!this.#distinct.has(number)) await this.#message();
  }

  #message(): Promise<unknown> {
    return new Promise((resolve) => this.#client?.once("message", resolve));
  }

  /** Each number where it came first. */
  get firsts(): number[] {
    return [...this.#distinct];
  }
}
