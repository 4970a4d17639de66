// A way into a Node-RED process: a flow that takes lines from a socket and sends each as an event.
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import type { NodeRed } from "./node-red";

/** The config node is `c1`, with the outbox on disk and these settings. */
export function feedFlow(url: string, feedPort: number, settings: object = {}) {
  const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
  const tcp = { server: "server", host: "", port: String(feedPort), datamode: "stream" };
  return [
    { id: "t", type: "tab", label: "t" },
    {
      ...{ id: "c1", type: "m1 connection", url, projectMqtt, userMqtt, outbox: "disk" },
      ...settings,
    },
    {
      ...{
        id: "feed",
        z: "t",
        type: "tcp in",
        ...tcp,
        datatype: "utf8",
        newline: "\\n",
        topic: "",
      },
      ...{ trim: true, base64: false, wires: [["out"]] },
    },
    { id: "out", z: "t", type: "m1 event out", connection: "c1", deviceId: "d", wires: [] },
  ];
}

/** Resolves once the flow listens. */
export async function openFeed(port: number): Promise<Socket> {
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    try {
      await once(socket, "connect");
      socket.on("error", () => socket.destroy());
      return socket;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Resolves once the last is written to the socket, which is before the flow has it. */
export async function sendNumbers(feed: Socket, from: number, to: number): Promise<void> {
  for (let number = from; number < to; number += 1) {
    const isTaken = feed.write(`{"number":${number}}\n`);
    if (!isTaken) await once(feed, "drain");
  }
}

/** Resolves once the node's status tells that so many wait. */
export async function isQueued(nodeRed: NodeRed, count: number): Promise<void> {
  const written = count.toLocaleString("en-US");
  await nodeRed.status("out", ({ text = "" }) => text.match(/\d[\d,]*/g)?.at(-1) === written);
}
