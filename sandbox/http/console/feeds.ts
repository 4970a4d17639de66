// The connections of the open feeds. By hand, on Node's own response: hono writes a stream without
// telling whether the client takes it, and hears of no end of a response that waits behind another.
import type { ServerResponse } from "node:http";
import type { Sandbox } from "../../sandbox";
import { Declined } from "../declined";
import { Feed } from "./feed";
import type { Filter } from "./filter";

/** More open pages than anyone has; each costs a little for every event. */
const MOST_FEEDS = 20;
/** Milliseconds; a connection that died unseen is found by it. */
const KEEP_ALIVE = 15_000;

export class Feeds {
  readonly #sandbox: Sandbox;
  /** What ends each feed that is open. */
  readonly #open = new Set<() => void>();

  constructor(sandbox: Sandbox) {
    this.#sandbox = sandbox;
  }

  /** Ends every feed. */
  close(): void {
    for (const end of this.#open) end();
  }

  /** Writes from now on. Throws 503 FEEDS if too many are open. */
  open(response: ServerResponse, filter: Filter): void {
    if (this.#open.size >= MOST_FEEDS) throw Declined.because(503, "FEEDS", { limit: MOST_FEEDS });
    const { socket } = response.req;
    // Nobody would hear the end of a connection that is gone by now.
    if (socket.destroyed) return;
    response.writeHead(200, { "content-type": "text/event-stream" });
    const feed = new Feed(this.#sandbox, filter, {
      tell: (name, data) => response.write(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`),
      isReady: () => !response.writableNeedDrain,
      failed: (error) => {
        end();
        response.destroy();
        this.#sandbox.emit("error", error);
      },
    });
    const keepAlive = setInterval(() => response.write(": \n\n"), KEEP_ALIVE);
    const end = () => {
      if (!this.#open.delete(end)) return;
      clearInterval(keepAlive);
      feed.close();
    };
    this.#open.add(end);
    response.once("close", end);
    // A response behind another of its connection never closes; all of them listen to one socket.
    socket.setMaxListeners(socket.getMaxListeners() + 1).once("close", end);
    feed.open();
  }
}
