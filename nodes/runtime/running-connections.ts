// The config nodes that run at present, for what looks at all of them.
import type { ConnectionNode } from "./registration";

const running = new Set<ConnectionNode>();

export function runningConnections(): readonly ConnectionNode[] {
  return [...running];
}

/** Until the node is closed. */
export function enlist(node: ConnectionNode): void {
  running.add(node);
  node.on("close", () => running.delete(node));
}
