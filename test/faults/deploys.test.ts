// Deploys of every kind with a real broker: what becomes of the connection, and of what is on its way.
import assert from "node:assert/strict";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { useDurations } from "../support/durations";
import {
  connectionTo,
  type DeployType,
  demoCredentials,
  deploy,
  deviceIn,
  eventOut,
  type FlowNode,
  input,
  node,
  type Outcome,
  online,
  sentBy,
  startFlow,
  startServer,
  stopFlow,
  stopServer,
} from "../support/flows";
import { Mosquitto } from "../support/mosquitto";
import { DEMO_BROKER, Observer } from "../support/observer";
import { freePort } from "../support/processes";
import { SocketWatch } from "../support/sockets";

const { projectMqtt, userMqtt } = DEMO_ACCOUNT;

describe("a deploy", () => {
  before(startServer);
  after(stopServer);
  useDurations({ close: 2_000 });

  let broker: Mosquitto;
  let observer: Observer;
  let watch: SocketWatch;
  /** The nodes' own way to the broker, so that their connections can be told from the observer's. */
  let url: string;

  beforeEach(async () => {
    const port = await freePort();
    const settings = [...DEMO_BROKER.settings, `listener ${port} 127.0.0.1`];
    broker = await Mosquitto.start({ ...DEMO_BROKER, settings });
    url = `mqtt://127.0.0.1:${port}`;
    observer = await Observer.start(broker);
    watch = new SocketWatch(port);
  });

  afterEach(async () => {
    broker.thaw();
    await stopFlow();
    watch.stop();
    await observer.stop();
    await broker.stop();
  });

  function flowOf(config: object = {}, out: object = {}, receiver: object = {}): FlowNode[] {
    return [
      connectionTo({ url }, config),
      eventOut(out),
      ...deviceIn("in", { broadcast: false, ...receiver }),
    ];
  }

  describe("while the broker is frozen", () => {
    const EVENTS = 500;

    for (const outbox of ["memory", "disk"]) {
      it(`ends within 3 s and leaves no connection behind; nothing is lost (outbox: ${outbox})`, async () => {
        await startFlow(flowOf({ outbox }));
        await online();
        broker.freeze();
        const fates = Array.from({ length: EVENTS }, (_, value) =>
          input("out", { payload: value }),
        );

        const begun = performance.now();
        await deploy(flowOf({ outbox, keepalive: "61" }), "full");
        const took = performance.now() - begun;

        assert.ok(took < 3_000, `took ${took} ms`);
        broker.thaw();
        await online();
        const outcomes = await Promise.all(fates);
        assert.deepEqual(outcomes.filter(({ error }) => error).length, 0, "errors");
        const firsts = [...new Set(await observer.numbers(EVENTS))];
        assert.deepEqual(firsts, upTo(EVENTS));
        assert.equal(watch.count, 1, "connections");
        assert.equal(watch.most, 1, "connections at a time");
      });
    }
  });

  interface Change {
    readonly title: string;
    /** How many connections there are after it. */
    readonly connections: 0 | 1;
    readonly flow: () => FlowNode[];
  }

  const changes: readonly Change[] = [
    { title: "nothing changed", connections: 1, flow: () => flowOf() },
    { title: "the config node edited", connections: 1, flow: () => flowOf({ keepalive: "30" }) },
    {
      title: "the sender edited",
      connections: 1,
      flow: () => flowOf({}, { tag: "value", name: "x" }),
    },
    { title: "the receiver edited", connections: 1, flow: () => flowOf({}, {}, { name: "x" }) },
    {
      title: "the last node removed",
      connections: 0,
      flow: () => [connectionTo({ url })],
    },
    {
      title: "all its nodes disabled",
      connections: 0,
      flow: () => flowOf({}, { d: true }, { d: true }),
    },
    { title: "the config node disabled", connections: 0, flow: () => flowOf({ d: true }) },
    {
      // The editor takes the reference out of those who used it.
      title: "the config node deleted",
      connections: 0,
      flow: () => flowOf({}, { connection: "" }, { connection: "" }).slice(1),
    },
  ];

  for (const { title, connections, flow } of changes) {
    for (const type of ["nodes", "flows", "full"] as DeployType[]) {
      const number = connections === 1 ? "one connection" : "none";
      it(`"${type}", ${title}: exactly ${number}, and nothing is lost once it is undone`, async () => {
        await startFlow(flowOf());
        await online();
        // Only what is subscribed to is kept by the broker for a session that is away.
        await observer.publish(`1/${projectMqtt}/${userMqtt}/pump/event`, "-1");
        await sentBy("in", 0);
        const traffic = new Traffic(observer);

        await traffic.some();
        await deploy(flow(), type);
        await watch.reaches(connections);
        if (connections === 1) await online();
        await traffic.some();
        assert.equal(watch.count, connections, "connections after the deploy");
        await deploy(flowOf(), type, { m1: demoCredentials() });
        await online();
        await traffic.some();

        await traffic.verify();
        assert.equal(watch.count, 1, "connections in the end");
        assert.equal(watch.most, 1, "connections at a time");
      });
    }
  }
});

/** Numbered messages in both directions, one after the other, until it is judged. */
class Traffic {
  readonly #observer: Observer;
  readonly #outcomes: { value: number; outcome: Promise<Outcome> }[] = [];
  #published = 0;
  #stopped = false;
  readonly #running: Promise<void>;

  constructor(observer: Observer) {
    this.#observer = observer;
    this.#running = this.#run();
  }

  /** Resolves when some more have gone. */
  async some(): Promise<void> {
    const enough = this.#published + 20;
    while (this.#published < enough) await new Promise(setImmediate);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const value = this.#published;
      // A node that a deploy has taken away takes nothing.
      if (node("out")) this.#outcomes.push({ value, outcome: input("out", { payload: value }) });
      const topic = `1/${projectMqtt}/${userMqtt}/pump/event`;
      await this.#observer.publish(topic, String(value));
      this.#published += 1;
    }
  }

  /** All that was published has been received, and each event has arrived or its error says why not. */
  async verify(): Promise<void> {
    this.#stopped = true;
    await this.#running;
    const received = new Set<number>();
    for (let index = 0; received.size <= this.#published; index += 1) {
      received.add((await sentBy("in", index)).payload as number);
    }
    assert.deepEqual([...received], [-1, ...upTo(this.#published)]);
    const accepted: number[] = [];
    const refused = new Map<string, number>();
    for (const { value, outcome } of this.#outcomes) {
      const { error } = await outcome;
      if (!error) accepted.push(value);
      else refused.set(`${error.code}`, (refused.get(`${error.code}`) ?? 0) + 1);
    }
    const heard = [...new Set(await this.#observer.numbers(accepted.length))];
    assert.deepEqual(
      heard.filter((value) => accepted.includes(value)),
      accepted,
    );
  }
}

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
