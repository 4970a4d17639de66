// The nodes that drive a Node-RED under measurement: a source that sends as fast as its messages are
// finished, and a sink that counts. Commanded over the admin API.
import type { Node, NodeAPI, NodeDef, NodeStatus } from "node-red";
import type { Commands } from "./commands";
import { now } from "./meter";
import { Tally } from "./tally";
import { Window } from "./window";

interface SourceConfig extends NodeDef {
  payload: unknown;
}

/** `hooks` is not in the types of Node-RED. */
interface Hooks {
  add(hook: string, listener: (event: { error?: Error; node: { node: Node } }) => void): void;
  remove(hook: string): void;
}

export = (RED: NodeAPI & { hooks: Hooks }): void => {
  const tally = new Tally();
  const statuses = new Map<string, NodeStatus>();
  let window: Window | undefined;
  let starting = 0;

  RED.events.on("node-status", ({ id, status }: { id: string; status: NodeStatus }) => {
    statuses.set(id, status);
  });
  RED.events.on("flows:starting", () => {
    starting = now();
  });

  function BenchSource(this: Node, config: SourceConfig): void {
    RED.nodes.createNode(this, config);
    const { payload } = config;
    const source = new Window(() => this.send({ payload }));
    window = source;
    // Whatever node ends a message, as a Complete node would hear of it, but without a copy of it.
    RED.hooks.add("onComplete.bench", ({ error }) => source.finished(error));
    this.on("close", () => RED.hooks.remove("onComplete.bench"));
  }

  function BenchSink(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", () => tally.add());
  }

  const commands: Commands = {
    status: ({ id }: { id: string }) => statuses.get(id) ?? {},
    startedAt: () => starting,
    send: ({ count, outstanding }: { count: number; outstanding?: number }) =>
      window?.run(count, outstanding),
    expect: ({ count }: { count: number }) => tally.expect(count),
    complete: () => tally.complete(),
  };

  RED.nodes.registerType("bench source", BenchSource);
  RED.nodes.registerType("bench sink", BenchSink);
  RED.httpAdmin.post("/bench/:command", async (request, response) => {
    try {
      const answer = await commands[request.params.command ?? ""]?.(request.body);
      response.json(answer ?? {});
    } catch (error) {
      response.status(500).send(String(error));
    }
  });
};
