// Flows for tests: run by Node-RED's test helper on the built package, beside the core nodes they use.
import { deepEqual } from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import type { Node, NodeAPI, NodeDef, NodeMessage } from "node-red";
import helper from "node-red-node-test-helper";
import type { Timing } from "../../nodes/connection/timing";
import {
  DEMO_ACCOUNT,
  Sandbox,
  type SandboxOptions,
  type StoredEvent,
} from "../../sandbox/sandbox";
import { withCode } from "./error-codes";
import { nodeRedRequire } from "./release";
import { stopBrokers } from "./scripted-broker";

const root = path.resolve(__dirname, "../..");

const ours = ["m1-connection", "m1-event-out", "m1-device-in", "m1-group-in"].map((set) =>
  nodeRedRequire(path.join(root, "dist", set)),
);
const core = ["network/05-tls", "common/24-complete", "common/25-catch", "common/25-status"].map(
  (file) => nodeRedRequire(`@node-red/nodes/core/${file}`),
);

const { events, hooks, log } = nodeRedRequire("@node-red/util") as {
  events: EventEmitter;
  hooks: Hooks;
  log: { addHandler(handler: EventEmitter): void; removeHandler(handler: EventEmitter): void };
};
const runtime = nodeRedRequire("@node-red/runtime/lib/nodes") as {
  setFlows(flow: FlowNode[], credentials: Credentials, type: DeployType): Promise<void>;
};

helper.init(nodeRedRequire.resolve("node-red"));

// What takes seconds for the good of a broker takes milliseconds here.
const { TIMING } = nodeRedRequire(path.join(root, "dist/connection/timing")) as { TIMING: Timing };
Object.assign(TIMING, { firstRetry: 20, longestRetry: 100, refusedRetry: 20 });

/** A node of a flow file. */
export type FlowNode = { id: string; type: string } & Record<string, unknown>;
export type Message = NodeMessage & Record<string, unknown>;
export type Credentials = Record<string, Record<string, string>>;
export type DeployType = "full" | "flows" | "nodes";

export interface Status {
  fill?: string;
  shape?: string;
  text?: string;
}

/** How a node finished a message. */
export interface Outcome {
  /** Undefined if the node finished the message without one. */
  readonly error: (Error & { code?: string }) | undefined;
}

/** The log levels up to this one are shown in the debug sidebar, too. */
const WARN = 30;

/** What Node-RED was told to log; `level` 20 is an error, 40 is for information. */
export interface LogEntry {
  readonly level: number;
  readonly id?: string;
  readonly msg: unknown;
}

interface Completion {
  readonly node: { readonly id: string };
  readonly msg: Message;
  readonly error?: Error;
}

interface Sending {
  readonly source: { readonly id: string };
  readonly msg: Message;
}

interface Hooks {
  add(label: "onComplete.recording", hook: (completion: Completion) => void): void;
  add(label: "onSend.recording", hook: (sendings: readonly Sending[]) => void): void;
  remove(label: string): void;
}

/** What happens in a flow, recorded from its start to its stop. */
class Recording {
  readonly statuses = new Map<string, Status[]>();
  readonly arrived = new Map<string, Message[]>();
  readonly taken = new Map<string, number>();
  readonly sent = new Map<string, Message[]>();
  readonly outcomes = new Map<string, Outcome[]>();
  readonly logged: LogEntry[] = [];
  /** Emits `change` whenever anything has been added. */
  readonly changes = new EventEmitter().setMaxListeners(0);
  readonly #logHandler = new EventEmitter();

  /** As the editor shows it: the rest is for Status nodes. */
  readonly #onStatus = ({ id, status }: { id: string; status: Status & { m1?: unknown } }) => {
    const { m1: _, ...shown } = { ...status };
    this.#add(this.statuses, id, shown);
  };

  constructor() {
    events.on("node-status", this.#onStatus);
    hooks.add("onComplete.recording", ({ node, msg, error }) =>
      this.#add(this.outcomes, `${msg._msgid} at ${node.id}`, { error }),
    );
    hooks.add("onSend.recording", (sendings) => {
      for (const { source, msg } of sendings) this.#add(this.sent, source.id, msg);
    });
    this.#logHandler.on("log", (entry: LogEntry) => this.logged.push({ ...entry }));
    log.addHandler(this.#logHandler);
  }

  message(id: string, message: Message): void {
    this.#add(this.arrived, id, message);
  }

  end(): void {
    events.off("node-status", this.#onStatus);
    hooks.remove("*.recording");
    log.removeHandler(this.#logHandler);
  }

  #add<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
    const list = lists.get(key);
    if (list) list.push(value);
    else lists.set(key, [value]);
    this.changes.emit("change");
  }
}

let recording: Recording | undefined;
let sent = 0;

function present(): Recording {
  if (!recording) throw new Error("no flow has been started");
  return recording;
}

/** The first value that `find` gives, now or after something has changed. */
async function eventually<Value>(find: () => Value | undefined): Promise<Value> {
  const { changes } = present();
  for (;;) {
    const found = find();
    if (found !== undefined) return found;
    await once(changes, "change");
  }
}

// --- life -----------------------------------------------------------------------------------------

/** Node-RED for a suite, and for each of its tests a sandbox that keeps its port when it restarts. */
export function eachWithSandbox(options: SandboxOptions = {}): { sandbox: Sandbox } {
  const context = {} as { sandbox: Sandbox };
  before(startServer);
  after(stopServer);
  beforeEach(async () => {
    context.sandbox = new Sandbox({ recordWire: true, ...options, port: await freePort() });
    await context.sandbox.start();
  });
  afterEach(async () => {
    await stopBrokers();
    await stopFlow();
    await context.sandbox.stop();
  });
  return context;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export function startServer(): Promise<void> {
  return new Promise((resolve) => helper.startServer(resolve));
}

export function stopServer(): Promise<void> {
  return new Promise((resolve) => helper.stopServer(resolve));
}

/** Where Node-RED keeps files from the next start on; none unless told. */
export function useFolder(userDir: string | undefined): void {
  helper.settings(userDir === undefined ? {} : { userDir });
}

/** Starts the flow, as a first deploy would; resolves once all flows have started. */
export async function startFlow(
  flow: readonly FlowNode[],
  credentials: Credentials = { m1: demoCredentials() },
): Promise<void> {
  recording = new Recording();
  await helper.load([...ours, ...core, probe], onTab(flow), structuredClone(credentials));
}

/**
 * Deploys a changed flow file, as the editor's Deploy menu would; resolves once it has started.
 * Credentials of nodes that stay are kept.
 */
export async function deploy(
  flow: readonly FlowNode[],
  type: DeployType,
  credentials: Credentials = {},
): Promise<void> {
  const started = once(events, "flows:started");
  await runtime.setFlows(onTab(flow), structuredClone(credentials), type);
  await started;
}

/**
 * Removes the flow, waits for its nodes to close, and checks that no message was finished twice and nothing was
 * reported that the debug sidebar would show as an object.
 */
export async function stopFlow(): Promise<void> {
  if (!recording) return;
  const { outcomes, logged } = recording;
  // An empty deploy first: what one flow leaves for its successor is no business of the next test.
  await deploy([], "full");
  recording.end();
  recording = undefined;
  await helper.unload();
  const twice = [...outcomes].filter(([, { length }]) => length > 1).map(([id]) => id);
  deepEqual(twice, [], "messages that were finished more than once");
  const objects = logged.filter(({ level, msg }) => level <= WARN && msg instanceof Error);
  deepEqual(objects, [], "reports that are no sentences");
}

/** Stops without removing, as Node-RED does when its process ends. */
export async function quit(): Promise<void> {
  present().end();
  recording = undefined;
  await helper.unload();
}

const ON_NO_TAB: ReadonlySet<string> = new Set(["tab", "subflow", "m1 connection", "tls-config"]);

/** Catch, Complete and Status nodes listen to their tab, and config nodes stand on none. */
function onTab(flow: readonly FlowNode[]): FlowNode[] {
  if (flow.length === 0) return [];
  const nodes = flow.map((node) =>
    ON_NO_TAB.has(node.type) ? { ...node } : { z: "tab", x: 0, y: 0, wires: [], ...node },
  );
  return [{ id: "tab", type: "tab", label: "" }, ...nodes];
}

/** The events that the sandbox has stored, once there are so many. */
export async function storedEvents(
  sandbox: Sandbox,
  count: number,
): Promise<readonly StoredEvent[]> {
  while (sandbox.events.length < count) await once(sandbox, "event");
  return sandbox.events;
}

// --- a flow's messages ----------------------------------------------------------------------------

/** The node type `probe`: an end of a wire that keeps what arrives, over deploys too. */
function probe(RED: NodeAPI): void {
  function Probe(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (message, _send, done) => {
      recording?.message(config.id, message as Message);
      done();
    });
  }
  RED.nodes.registerType("probe", Probe);
}

export function node(id: string): Node {
  return helper.getNode(id);
}

/** Hands a message to the node and resolves with how the node finished it. */
export function input(id: string, message: Record<string, unknown>): Promise<Outcome> {
  sent += 1;
  const _msgid = `message-${sent}`;
  const finished = eventually(() => present().outcomes.get(`${_msgid} at ${id}`)?.[0]);
  node(id).receive({ _msgid, ...message } as NodeMessage);
  return finished;
}

/** The next message that arrives at a probe and has not been asked for yet. */
export function received(id: string): Promise<Message> {
  const { arrived, taken } = present();
  const index = taken.get(id) ?? 0;
  taken.set(id, index + 1);
  return eventually(() => arrived.get(id)?.[index]);
}

/** All that has arrived at a probe since the flow started. */
export function inbox(id: string): readonly Message[] {
  return present().arrived.get(id) ?? [];
}

/** What a node sent on as its message number `index`, from 0, even if a deploy stopped the receiver. */
export function sentBy(id: string, index: number): Promise<Message> {
  return eventually(() => present().sent.get(id)?.[index]);
}

/** What a Catch node made of an error. */
export interface Caught extends Message {
  error: { message: string; code?: string; source: { id: string; type: string } };
}

/** The next error that reaches the Catch node of `catching`. */
export async function caught(): Promise<Caught> {
  return withCodeTold((await received("caught")) as Caught);
}

export function allCaught(): readonly Caught[] {
  return (inbox("caught") as readonly Caught[]).map(withCodeTold);
}

function withCodeTold(message: Caught): Caught {
  return { ...message, error: withCode(message.error) };
}

/** A Catch node for the tab, its errors told by `caught`. */
export function catching(): FlowNode[] {
  return [
    { id: "catch", type: "catch", scope: null, wires: [["caught"]] },
    { id: "caught", type: "probe" },
  ];
}

// --- what a flow shows ----------------------------------------------------------------------------

/** All statuses of a node since the flow started, oldest first. */
export function statuses(id: string): readonly Status[] {
  return present().statuses.get(id) ?? [];
}

/** The status that a node shows now. */
export function status(id: string): Status | undefined {
  return statuses(id).at(-1);
}

/** Resolves as soon as the node shows a status for which `matches` holds. */
export function shows(id: string, matches: (status: Status) => boolean): Promise<Status> {
  return eventually(() => {
    const shown = status(id);
    return shown && matches(shown) ? shown : undefined;
  });
}

/** Resolves as soon as the connection is up. */
export async function online(id = "m1"): Promise<void> {
  await shows(id, ({ fill }) => fill === "green");
}

/** Everything that has been logged since the flow started, down to trace. */
export function logged(): readonly LogEntry[] {
  return present().logged;
}

/** What a node has warned of since the flow started. */
export function warnings(id: string): string[] {
  const entries = logged().filter((entry) => entry.level === 30 && entry.id === id);
  return entries.map(({ msg }) => String(msg));
}

/** How many wait to hear that flows have started: those of removed nodes would be a leak. */
export function startListeners(): number {
  return events.listenerCount("flows:started");
}

// --- parts of flows -------------------------------------------------------------------------------

export function demoCredentials(): Record<string, string> {
  const { apiKey, userPassword } = DEMO_ACCOUNT;
  return { apiKey, userPassword };
}

/** The config node `m1` for the sandbox's first account. */
export function connectionTo(broker: Pick<Sandbox, "url">, settings: object = {}): FlowNode {
  return {
    id: "m1",
    type: "m1 connection",
    url: broker.url,
    projectMqtt: DEMO_ACCOUNT.projectMqtt,
    userMqtt: DEMO_ACCOUNT.userMqtt,
    outbox: "memory",
    ...settings,
  };
}

export function eventOut(settings: object = {}): FlowNode {
  return { id: "out", type: "m1 event out", connection: "m1", ...settings };
}

/** A receiving node, and the probe `<id> got` behind it. */
export function deviceIn(id: string, settings: object = {}): FlowNode[] {
  return withProbe({ id, type: "m1 device in", connection: "m1", ...settings });
}

export function groupIn(id: string, settings: object = {}): FlowNode[] {
  return withProbe({ id, type: "m1 group in", connection: "m1", ...settings });
}

function withProbe(receiver: FlowNode): FlowNode[] {
  const { id } = receiver;
  return [
    { wires: [[`${id} got`]], ...receiver },
    { id: `${id} got`, type: "probe" },
  ];
}
