// Where the outboxes of a Node-RED lie: a folder for each connection in its user directory.
import path from "node:path";
import type { NodeAPI } from "node-red";

/** `<userDir>/m1-outbox`; undefined where Node-RED has no user directory. */
export function outboxesFolder(RED: NodeAPI): string | undefined {
  const { userDir } = RED.settings as { userDir?: string };
  return userDir && path.join(userDir, "m1-outbox");
}

/** The name of a config node's folder in there. */
export function folderName(id: string): string {
  return id.replace(/[^\w.-]/g, "_");
}
