// How a message ends: by its `done`, called once.
import type { Node, NodeAPI } from "node-red";
import { M1Error } from "../protocol/errors";
import { problem } from "./problem";

/** What `done` itself cannot bear is told by `node`. */
export function finish(
  RED: NodeAPI,
  node: Node,
  done: (error?: Error) => void,
  error?: unknown,
): void {
  try {
    if (error) done(problem(RED, error));
    else done();
  } catch (failure) {
    // For Catch and Complete nodes Node-RED clones the message, and not every message can be.
    const reason = problem(RED, failure).message;
    node.error(problem(RED, new M1Error("MESSAGE_NOT_COPIED", { reason })));
  }
}
