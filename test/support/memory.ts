// The memory of a Node.js process: what the system gave it, and what its heap really holds.
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { WebSocket } from "ws";

export const MEGABYTE = 1_000_000;

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

/** Resident bytes (proc(5), VmRSS): with what is not yet swept up, or not yet given back. */
export async function resident({ pid }: { pid: number | undefined }): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

export function inMegabytes(bytes: number): string {
  return `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

async function command(socket: WebSocket, id: number, method: string): Promise<unknown> {
  socket.send(JSON.stringify({ id, method }));
  for (;;) {
    const [bytes] = await once(socket, "message");
    const message = JSON.parse(String(bytes)) as { id?: number; result?: unknown };
    if (message.id === id) return message.result;
  }
}
