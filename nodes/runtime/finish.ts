// How a message ends: by its `done`, called once.
import type { Node, NodeAPI } from "node-red";
import { userError } from "./translate";

/** What `done` itself cannot bear is told by `node`. */
export function finish<E extends Error>(
  RED: NodeAPI,
  node: Node,
  done: (error?: E) => void,
  error?: E,
): void {
  try {
    if (error) done(error);
    else done();
  } catch (failure) {
    // For Catch and Complete nodes Node-RED clones the message, and not every message can be.
    node.error(userError(RED, failure));
  }
}
