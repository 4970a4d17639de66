// An MQTT client that does what a test tells it and nothing by itself: it acknowledges nothing, and sends
// packets that no library would.
import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";
import type { Sandbox } from "../../sandbox/sandbox";
import { connectBytes } from "./clients";

type Command = Packet["cmd"];
type Of<Name extends Command> = Extract<Packet, { cmd: Name }>;

export class BareClient {
  readonly #socket: Socket;
  readonly #closed: Promise<unknown>;
  readonly #arrived: Packet[] = [];
  #waiting: (() => void) | undefined;

  constructor({ port }: Sandbox, connect: Parameters<typeof connectBytes>[0] | Buffer = {}) {
    this.#socket = openSocket(port, "127.0.0.1");
    this.#closed = once(this.#socket, "close");
    const packets = parser();
    packets.on("packet", (packet) => {
      this.#arrived.push(packet);
      this.#waiting?.();
    });
    this.#socket.on("data", (chunk) => packets.parse(chunk));
    this.send(Buffer.isBuffer(connect) ? connect : connectBytes(connect));
  }

  send(...packets: (Packet | Buffer)[]): void {
    const bytes = packets.map((packet) => (Buffer.isBuffer(packet) ? packet : generate(packet)));
    this.#socket.write(Buffer.concat(bytes));
  }

  /** The next of that name that came and was not asked for yet; those before it are dropped. */
  async next<Name extends Command>(name: Name): Promise<Of<Name>> {
    for (;;) {
      const packet = this.#arrived.shift();
      if (packet?.cmd === name) return packet as Of<Name>;
      if (!packet) {
        await new Promise<void>((resolve) => {
          this.#waiting = resolve;
        });
      }
    }
  }

  /** Subscribes, and resolves once that is granted. */
  async subscribe(...filters: (readonly [filter: string, qos: 0 | 1 | 2])[]): Promise<void> {
    const subscriptions = filters.map(([topic, qos]) => ({ topic, qos }));
    this.send({ cmd: "subscribe", messageId: 1, subscriptions });
    await this.next("suback");
  }

  /** Resolves with what had come and was not asked for, once the sandbox has ended the connection. */
  async end(): Promise<readonly Packet[]> {
    await this.#closed;
    return this.#arrived;
  }

  /** Breaks the connection. */
  async cut(): Promise<void> {
    this.#socket.destroy();
    await this.#closed;
  }
}
