// A door before a broker that cannot have users of the name `project/user`: it gives the broker another name, and
// passes on all the rest byte by byte.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

/** The longest fixed header of a packet: its type, and four bytes of length. */
const LONGEST_HEADER = 5;

export class UsernameDoor {
  readonly url: string;
  readonly #listener: Server;
  readonly #target: number;
  readonly #rename: (username: string) => string;
  readonly #sockets = new Set<Socket>();
  #open = true;

  private constructor(listener: Server, target: number, rename: (username: string) => string) {
    this.url = `mqtt://127.0.0.1:${(listener.address() as AddressInfo).port}`;
    this.#listener = listener;
    this.#target = target;
    this.#rename = rename;
    listener.on("connection", (client) => this.#enter(client));
  }

  /** Before the broker on port `target`. */
  static async start(target: number, rename: (username: string) => string): Promise<UsernameDoor> {
    const listener = createServer().listen(0, "127.0.0.1");
    await once(listener, "listening");
    return new UsernameDoor(listener, target, rename);
  }

  open(): void {
    this.#open = true;
  }

  /** Hangs up on all who come, until `open`. */
  close(): void {
    this.#open = false;
  }

  async stop(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #enter(client: Socket): void {
    // Who hangs up, and why, is what the other side sees.
    client.on("error", () => undefined);
    if (!this.#open) {
      client.destroy();
      return;
    }
    const broker = connect(this.#target, "127.0.0.1").on("error", () => undefined);
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(one);
      one.once("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
    broker.pipe(client);
    this.#introduce(client, broker);
  }

  /** Waits for the whole first packet, which is CONNECT. */
  #introduce(client: Socket, broker: Socket): void {
    let come = Buffer.alloc(0);
    const gather = (bytes: Buffer) => {
      come = Buffer.concat([come, bytes]);
      const length = packetLength(come);
      if (come.length < length) return;
      client.off("data", gather);
      broker.write(this.#renamed(come.subarray(0, length)));
      broker.write(come.subarray(length));
      client.pipe(broker);
    };
    client.on("data", gather);
  }

  #renamed(bytes: Buffer): Buffer {
    let connect: Packet | undefined;
    const packets = parser();
    packets.on("packet", (packet) => {
      connect = packet;
    });
    packets.parse(bytes);
    if (connect?.cmd !== "connect" || connect.username === undefined) return bytes;
    return generate({ ...connect, username: this.#rename(connect.username) });
  }
}

/** By its fixed header; infinite while that has not come. */
function packetLength(bytes: Buffer): number {
  let rest = 0;
  for (let index = 1; index < Math.min(bytes.length, LONGEST_HEADER); index += 1) {
    const byte = bytes.readUInt8(index);
    rest += (byte & 0x7f) * 128 ** (index - 1);
    if (byte < 0x80) return index + 1 + rest;
  }
  return Number.POSITIVE_INFINITY;
}
