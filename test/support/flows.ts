// Flows for tests: run by Node-RED's test helper on the built package, beside the core nodes they use.
import { type EventEmitter, once } from "node:events";
import { createRequire } from "node:module";
import path from "node:path";
import type { Node, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import { DEMO_ACCOUNT, type Sandbox } from "../../sandbox/sandbox";

const required = createRequire(__filename);
const root = path.resolve(__dirname, "../..");

const ours = ["m1-connection", "m1-event-out", "m1-device-in", "m1-group-in"].map((set) =>
  required(path.join(root, "dist", set)),
);
const core = ["network/05-tls", "common/24-complete", "common/25-catch", "common/25-status"].map(
  (file) => required(`@node-red/nodes/core/${file}`),
);

helper.init(required.resolve("node-red"));

/** A node of a flow file. */
export type FlowNode = { id: string; type: string } & Record<string, unknown>;

export type Message = NodeMessage & Record<string, unknown>;

/** Starts the flow, as a first deploy would; resolves once all flows have started. */
export async function startFlow(
  flow: readonly FlowNode[],
  credentials: Record<string, Record<string, string>> = { m1: demoCredentials() },
): Promise<void> {
  await helper.load([...ours, ...core], [...flow], credentials);
}

export async function stopFlow(): Promise<void> {
  await helper.unload();
}

export function startServer(): Promise<void> {
  return new Promise((resolve) => helper.startServer(resolve));
}

export function stopServer(): Promise<void> {
  return new Promise((resolve) => helper.stopServer(resolve));
}

export function node(id: string): Node {
  return helper.getNode(id);
}

/** Deploys a changed flow file, as the editor's Deploy menu would. */
export async function deploy(
  flow: readonly FlowNode[],
  type: "full" | "flows" | "nodes",
): Promise<void> {
  await helper.setFlows([...flow], type);
}

/** Hands a message to the node and resolves with how the node finished it. */
export async function input(id: string, message: Record<string, unknown>): Promise<Outcome> {
  const { hooks } = required("@node-red/util") as { hooks: Hooks };
  const _msgid = `test-${Math.random().toString(16).slice(2)}`;
  const label = `onComplete.${_msgid}`;
  return new Promise((resolve) => {
    hooks.add(label, (event) => {
      if (event.msg._msgid !== _msgid) return;
      hooks.remove(label);
      resolve({ error: event.error });
    });
    node(id).receive({ _msgid, ...message } as NodeMessage);
  });
}

export interface Outcome {
  /** Undefined if the node finished the message without one. */
  readonly error: (Error & { code?: string }) | undefined;
}

interface Hooks {
  add(label: string, hook: (event: { msg: Message; error?: Error }) => void): void;
  remove(label: string): void;
}

/** The next message that arrives at a `helper` node. */
export async function received(id: string): Promise<Message> {
  const [message] = (await once(node(id), "input")) as [Message];
  return message;
}

/** Resolves when the node shows a status for which `matches` holds. */
export function shows(id: string, matches: (status: Status) => boolean): Promise<Status> {
  return new Promise((resolve) => {
    const emitter: EventEmitter = node(id);
    const listener = (call: { args: [Status] }) => {
      if (!matches(call.args[0])) return;
      emitter.off("call:status", listener);
      resolve(call.args[0]);
    };
    emitter.on("call:status", listener);
  });
}

export interface Status {
  fill?: string;
  shape?: string;
  text?: string;
}

export function demoCredentials(): Record<string, string> {
  const { apiKey, userPassword } = DEMO_ACCOUNT;
  return { apiKey, userPassword };
}

/** The config node `m1` for the sandbox's first account. */
export function connectionTo(sandbox: Pick<Sandbox, "url">, settings: object = {}): FlowNode {
  return {
    id: "m1",
    type: "m1 connection",
    url: sandbox.url,
    projectMqtt: DEMO_ACCOUNT.projectMqtt,
    userMqtt: DEMO_ACCOUNT.userMqtt,
    outbox: "memory",
    ...settings,
  };
}
