// The TCP connections that this process holds open to one port, as the sockets themselves tell.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { EventEmitter, once } from "node:events";
import type { Socket } from "node:net";

const CHANNEL = "net.client.socket";

export class SocketWatch {
  /** The most that were open at a time. */
  most = 0;
  readonly #port: number;
  readonly #open = new Set<Socket>();
  readonly #changes = new EventEmitter();

  readonly #created = (message: unknown) => {
    const { socket } = message as { socket: Socket };
    socket.once("connect", () => {
      if (socket.remotePort !== this.#port) return;
      this.#open.add(socket);
      this.most = Math.max(this.most, this.#open.size);
      this.#changes.emit("change");
      socket.once("close", () => {
        this.#open.delete(socket);
        this.#changes.emit("change");
      });
    });
  };

  constructor(port: number) {
    this.#port = port;
    subscribe(CHANNEL, this.#created);
  }

  get count(): number {
    return this.#open.size;
  }

  /** Resolves once exactly so many are open. */
  async reaches(count: number): Promise<void> {
    while (this.#open.size !== count) await once(this.#changes, "change");
  }

  stop(): void {
    unsubscribe(CHANNEL, this.#created);
  }
}
