// What a Node-RED process tells of its feed before it is killed: each number whose `done` was called.
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";

export class DoneLog {
  readonly numbers = new Set<number>();
  readonly #server: Server;
  /** What the present process has connected. */
  #socket: Socket | undefined;

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => this.#listen(socket));
  }

  static async start(): Promise<DoneLog> {
    const log = new DoneLog(createServer());
    log.#server.listen(0, "127.0.0.1");
    await once(log.#server, "listening");
    return log;
  }

  /** For the flow of a feed, in which `out` is the node that sends. */
  get nodes(): { id: string; type: string }[] {
    const { port } = this.#server.address() as AddressInfo;
    const address = { beserver: "client", host: "127.0.0.1", port: String(port) };
    const complete = { id: "done", z: "t", type: "complete", scope: ["out"], wires: [["told"]] };
    const told = { id: "told", z: "t", type: "tcp out", ...address, base64: false, wires: [] };
    return [complete, told];
  }

  /** Resolves once the process is connected: from then on none of its words is lost. */
  async joined(): Promise<void> {
    while (!this.#socket) await once(this.#server, "connection");
  }

  /** Resolves once a process that has ended has been heard out. */
  async heardOut(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket && !socket.closed) await once(socket, "close");
  }

  stop(): void {
    this.#server.close();
  }

  #listen(socket: Socket): void {
    this.#socket = socket;
    let rest = "";
    socket.setEncoding("utf8").on("data", (text: string) => {
      const told = (rest + text).split("}");
      rest = told.pop() ?? "";
      for (const one of told) this.numbers.add(JSON.parse(`${one}}`).number);
    });
    // A killed process may leave a reset.
    socket.on("error", () => socket.destroy());
  }
}
