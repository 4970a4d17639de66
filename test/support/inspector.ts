// A look into a running Node.js process through its inspector: what its heap really holds.
import { once } from "node:events";
import { WebSocket } from "ws";

/** Has the process print the address that `heapInUse` needs; the port is a free one. */
export const INSPECTABLE = "--inspect=127.0.0.1:0";

/** Bytes in use after a full collection: what is kept, without what merely is not yet swept up. */
export async function heapInUse({ output }: { output: string }): Promise<number> {
  const address = /ws:\/\/127\.0\.0\.1:\d+\/\S+/.exec(output)?.[0];
  if (!address) throw new Error("the process was not started with INSPECTABLE");
  const socket = new WebSocket(address);
  await once(socket, "open");
  await command(socket, 1, "HeapProfiler.collectGarbage");
  const { usedSize } = (await command(socket, 2, "Runtime.getHeapUsage")) as { usedSize: number };
  socket.close();
  return usedSize;
}

async function command(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }));
  for (;;) {
    const [bytes] = await once(socket, "message");
    const message = JSON.parse(String(bytes)) as { id?: number; result?: unknown };
    if (message.id === id) return message.result;
  }
}
