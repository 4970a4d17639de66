// The nodes that drive a Node-RED under measurement: a source that sends as fast as its messages are
// finished, and a sink that counts. Commanded over the admin API.
import path from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { ClassicLevel } from "classic-level";
import type { Node, NodeAPI, NodeDef, NodeStatus } from "node-red";
import { type Commands, carryOut } from "./commands";
import { now } from "./meter";
import { Pace } from "./pace";
import type { Progress } from "./progress";
import { Tally } from "./tally";
import { Window } from "./window";

interface SourceConfig extends NodeDef {
  payload: unknown;
  /** Each message is written into a LevelDB before it is sent: what that costs by itself. */
  isStored?: boolean;
  /** It sends the last message of a round, and no other. */
  isLast?: boolean;
}

interface Expectation {
  readonly count: number;
  /** Others do not count. */
  readonly topic?: string;
  readonly progress?: Progress;
}

/** `hooks` is not in the types of Node-RED. */
interface Hooks {
  add(hook: string, listener: (event: { error?: Error; node: { node: Node } }) => void): void;
  remove(hook: string): void;
}

export = (RED: NodeAPI & { hooks: Hooks }): void => {
  const statuses = new Map<string, NodeStatus>();
  const arrivals = new Tally();
  const writes = new Tally();
  let awaitedTopic: string | undefined;
  let sendMessage: () => void = () => undefined;
  let sendLast: () => void = () => undefined;
  let sending: Window | Pace | undefined;
  let started = 0;
  const delays = monitorEventLoopDelay({ resolution: 1 });
  let memoryBefore: Memory = { inUse: 0, resident: 0 };

  RED.events.on("node-status", ({ id, status }: { id: string; status: NodeStatus }) => {
    statuses.set(id, status);
  });
  function watchLoop(): void {
    delays.reset();
    delays.enable();
  }

  RED.events.on("flows:starting", () => {
    started = now();
    // It wakes the process a thousand times a second.
    if ((RED.settings as { watchesLoop?: boolean }).watchesLoop) watchLoop();
  });

  function BenchSource(this: Node, config: SourceConfig): void {
    RED.nodes.createNode(this, config);
    const { payload, isStored, isLast } = config;
    const send = () => this.send({ payload });
    if (isLast) {
      sendLast = send;
      return;
    }
    const { userDir = "" } = RED.settings as { userDir?: string };
    const db = isStored ? new ClassicLevel(path.join(userDir, "bench-level")) : undefined;
    let stored = 0;
    const storeAndSend = (to: ClassicLevel) => {
      stored += 1;
      const key = String(stored).padStart(16, "0");
      void to.batch([{ type: "put", key, value: JSON.stringify(payload) }]).then(send);
    };
    sendMessage = db ? () => storeAndSend(db) : send;
    // Whatever node ends a message, as a Complete node would hear of it, but without a copy of it.
    RED.hooks.add("onComplete.bench", ({ error }) => sending?.finished(error));
    this.on("close", (done: () => void) => {
      RED.hooks.remove("onComplete.bench");
      void Promise.resolve(db?.close()).then(done);
    });
  }

  function BenchSink(this: Node, config: NodeDef): void {
    RED.nodes.createNode(this, config);
    this.on("input", (msg) => {
      if (awaitedTopic === undefined || msg.topic === awaitedTopic) arrivals.add();
    });
  }

  async function grown(): Promise<{ megabytes: number; resident: number }> {
    const { inUse, resident } = await settledMemory();
    return {
      megabytes: inUse - memoryBefore.inUse,
      resident: resident - memoryBefore.resident,
    };
  }

  const commands: Commands = {
    status: ({ id }: { id: string }) => statuses.get(id),
    /** When the flows began to start. */
    started: () => ({ at: started }),
    send({ count, outstanding }: { count: number; outstanding?: number }) {
      const window = new Window((isLast) => (isLast ? sendLast() : sendMessage()));
      sending = window;
      return window.run(count, outstanding);
    },
    pace({ count, rate }: { count: number; rate: number }) {
      const pace = new Pace(sendMessage);
      sending = pace;
      return pace.run(count, rate);
    },
    expect({ count, topic, progress }: Expectation) {
      awaitedTopic = topic;
      arrivals.expect(count, progress);
    },
    complete: () => arrivals.complete(),

    /** Counts what the outbox has written, from outside: a flow cannot tell. */
    watchStore({ store }: { store: string }) {
      const { EventStore } = require(store) as typeof import("../../nodes/outbox/event-store");
      const { write } = EventStore.prototype;
      EventStore.prototype.write = async function (changes) {
        await write.call(this, changes);
        writes.add(changes?.add?.length ?? 0);
      };
    },
    expectWritten: ({ count }: { count: number }) => writes.expect(count),
    written: () => writes.complete(),

    async load({ files }: { files: string[] }) {
      memoryBefore = await settledMemory();
      const from = now();
      for (const file of files) require(file)(RED);
      const milliseconds = now() - from;
      return { milliseconds, ...(await grown()) };
    },
    /** What `grown` counts from. */
    async settle() {
      memoryBefore = await settledMemory();
    },
    /** The event loop, from now until `loop`; before it is asked for, since the flows started. */
    watchLoop,
    /** Milliseconds in which nothing else could run, at the longest. */
    loop: () => ({ longest: delays.max / 1e6 }),

    /** Since before `load` or `settle`. */
    grown,
  };

  RED.nodes.registerType("bench source", BenchSource);
  RED.nodes.registerType("bench sink", BenchSink);
  RED.httpAdmin.post("/bench/:command", async (request, response) => {
    try {
      const answer = await carryOut(commands, request.params.command ?? "", request.body);
      response.json(answer ?? {});
    } catch (error) {
      response.status(500).send(String(error));
    }
  });
};

/** Milliseconds in which V8 gives back to the system what it has freed. */
const SETTLING = 200;
const MOST_COLLECTIONS = 10;
/** MB that make no difference. */
const NOISE = 0.5;

interface Memory {
  /** MB in use. */
  readonly inUse: number;
  /** MB that it has, with what the heap has in reserve. */
  readonly resident: number;
}

/** After what is garbage has gone. */
async function settledMemory(): Promise<Memory> {
  let settled: Memory = { inUse: Number.POSITIVE_INFINITY, resident: 0 };
  for (let collections = 0; collections < MOST_COLLECTIONS; collections += 1) {
    globalThis.gc?.();
    await new Promise((resolve) => setTimeout(resolve, SETTLING));
    const { rss, heapTotal, heapUsed } = process.memoryUsage();
    const memory = { inUse: (rss - heapTotal + heapUsed) / 1e6, resident: rss / 1e6 };
    if (memory.inUse > settled.inUse - NOISE) return settled;
    settled = memory;
  }
  return settled;
}
