// A broker that does only what a test tells it: it answers late, refuses, or falls silent.
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { generate, type Packet, parser } from "mqtt-packet";

/** Sends a packet to the client that asked. */
export type Reply = (packet: Packet) => void;

/** Answers a packet, or leaves it to the usual answer by returning false. */
export type Script = (packet: Packet, reply: Reply, socket: Socket) => boolean;

/** Of an event that `sendNumber` has sent. Throws a TypeError for another packet. */
export function numberOf(packet: Packet): number {
  if (packet.cmd !== "publish") throw new TypeError(`${packet.cmd} has no number`);
  return JSON.parse(packet.payload.toString()).event_data.number;
}

const brokers = new Set<ScriptedBroker>();

/** Ends every broker that a test has started. */
export async function stopBrokers(): Promise<void> {
  await Promise.all([...brokers].map((broker) => broker.stop()));
  brokers.clear();
}

export class ScriptedBroker extends EventEmitter<{ packet: [Packet]; connection: [Socket] }> {
  /** What clients have sent, in the order it came. */
  readonly packets: Packet[] = [];
  readonly sockets = new Set<Socket>();
  #latest: Reply | undefined;
  readonly #server: Server;

  private constructor(script: Script) {
    super();
    this.#server = createServer((socket) => this.#welcome(socket, script));
  }

  /** Listens on any free port, until `stopBrokers`. */
  static async start(script: Script = () => false): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker(script);
    brokers.add(broker);
    broker.#server.listen(0, "127.0.0.1");
    await once(broker.#server, "listening");
    return broker;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    brokers.delete(this);
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  /** Says something unasked to the client that came last. */
  send(packet: Packet): void {
    this.#latest?.(packet);
  }

  /** The first packet for which `matches` holds, that has come or will come. */
  async packet(matches: (packet: Packet) => boolean): Promise<Packet> {
    for (;;) {
      const found = this.packets.find(matches);
      if (found) return found;
      await once(this, "packet");
    }
  }

  #welcome(socket: Socket, script: Script): void {
    this.sockets.add(socket);
    let protocolVersion = 4;
    const packets = parser();
    const reply: Reply = (packet) => socket.write(generate(packet, { protocolVersion }));
    this.#latest = reply;
    packets.on("packet", (packet) => {
      if (packet.cmd === "connect") protocolVersion = packet.protocolVersion ?? 4;
      this.packets.push(packet);
      this.emit("packet", packet);
      if (!script(packet, reply, socket)) answer(packet, reply);
    });
    socket.on("data", (chunk) => packets.parse(chunk));
    socket.on("close", () => this.sockets.delete(socket));
    // A client may vanish while it is written to.
    socket.on("error", () => this.sockets.delete(socket));
    this.emit("connection", socket);
  }
}

/** What any broker would say that has nothing against it. */
function answer(packet: Packet, reply: Reply): void {
  switch (packet.cmd) {
    case "connect":
      reply({ cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent: false });
      return;
    case "subscribe": {
      const granted = packet.subscriptions.map(({ qos }) => qos);
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
      return;
    }
    case "unsubscribe": {
      const granted = packet.unsubscriptions.map(() => 0);
      reply({ cmd: "unsuback", messageId: packet.messageId ?? 0, granted });
      return;
    }
    case "publish":
      if (packet.qos > 0) {
        reply({ cmd: packet.qos === 1 ? "puback" : "pubrec", messageId: packet.messageId ?? 0 });
      }
      return;
    case "pubrel":
      reply({ cmd: "pubcomp", messageId: packet.messageId ?? 0 });
      return;
    case "pingreq":
      reply({ cmd: "pingresp" });
  }
}
