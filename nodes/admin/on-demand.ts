// What the editor and programs may ask of the runtime, loaded with the first request: on most machines nobody asks.
import type { NodeAPI } from "node-red";

/** Everything below `m1-connection/`. */
export function offerOnDemand(RED: NodeAPI): void {
  let loading: Promise<void> | undefined;
  RED.httpAdmin.use("/m1-connection", (_asked, _answering, next) => {
    loading ??= load(RED);
    // What was added meanwhile comes after this.
    loading.then(() => next(), next);
  });
}

async function load(RED: NodeAPI): Promise<void> {
  const [{ offerEndpoints }, { offerOutboxes }] = await Promise.all([
    import("./endpoints.js"),
    import("./outbox-endpoints.js"),
  ]);
  offerEndpoints(RED);
  offerOutboxes(RED);
}
