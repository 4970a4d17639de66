// A bad network: a TCP proxy that delays, goes silent, or cuts a connection in the middle of a packet.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

export class TcpProxy {
  readonly port: number;
  /** Milliseconds added to what passes, in each direction. */
  latency = 0;
  readonly #listener: Server;
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #silent = false;
  #refusing = false;
  /** How many more bytes may pass to the server before the connection is cut. */
  #budget = Number.POSITIVE_INFINITY;
  #unbearable: string | undefined;

  private constructor(listener: Server, target: number) {
    this.#listener = listener;
    this.#target = target;
    this.port = (listener.address() as AddressInfo).port;
    listener.on("connection", (client) => this.#join(client));
  }

  static async start(target: number): Promise<TcpProxy> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new TcpProxy(listener, target);
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Half-open: sockets stay, nothing passes, nobody is told. */
  silence(): void {
    this.#silent = true;
    for (const { client, server } of this.#pairs) {
      client.pause();
      server.pause();
    }
  }

  /** Hangs up on every new connection, until `restore`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** New connections work again; those that were silenced are cut, as a router would in the end. */
  restore(): void {
    this.#silent = false;
    this.#refusing = false;
    this.cut();
  }

  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  /** Cuts after so many bytes more have gone to the server, wherever in a packet that is. */
  cutAfter(bytes: number): void {
    this.#budget = bytes;
  }

  /** Cuts whenever a client sends this text, which does not reach the server; without one, never again. */
  cutAt(text?: string): void {
    this.#unbearable = text;
  }

  async stop(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.cut();
    await closed;
  }

  #join(client: Socket): void {
    if (this.#refusing) {
      client.destroy();
      return;
    }
    const server = connect(this.#target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    client.on("data", (bytes) => this.#spend(bytes, pair));
    server.on("data", (bytes) => this.#pass(bytes, client));
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      // A reset is what this proxy is for; the close that follows says the rest.
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        if (!this.#silent) other.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#silent) {
      client.pause();
      server.pause();
    }
  }

  #spend(bytes: Buffer, { client, server }: Pair): void {
    const cut = this.#unbearable === undefined ? -1 : bytes.indexOf(this.#unbearable);
    if (cut >= 0) {
      server.end(bytes.subarray(0, cut));
      client.destroy();
      return;
    }
    if (bytes.length <= this.#budget) {
      this.#budget -= bytes.length;
      this.#pass(bytes, server);
      return;
    }
    const rest = bytes.subarray(0, this.#budget);
    this.#budget = Number.POSITIVE_INFINITY;
    server.end(rest);
    client.destroy();
  }

  #pass(bytes: Buffer, to: Socket): void {
    if (this.latency === 0) to.write(bytes);
    else setTimeout(() => to.writable && to.write(bytes), this.latency);
  }
}
