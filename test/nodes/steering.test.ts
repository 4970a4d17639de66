// Whatever people do to an outbox, and whatever happens to it meanwhile, no event is lost; and while the disk
// works, each has one end and the counts are right.
import { deepEqual, equal, ok } from "node:assert/strict";
import helper from "node-red-node-test-helper";
import type { Count, OutboxReport } from "../../nodes/admin/outbox-answers";
import { failWrites, restoreWrites } from "../support/disk-writing";
import {
  connectionTo,
  deploy,
  eventOut,
  input,
  online,
  startFlow,
  startServer,
  stopFlow,
  stopServer,
  useFolder,
} from "../support/flows";
import { temporaryFolder } from "../support/processes";
import { Random } from "../support/random";
import { numberOf, ScriptedBroker, stopBrokers } from "../support/scripted-broker";

const STEPS = 60;
const REFUSED = 0x87;

/** What became of the events, as it can be seen from outside. */
class Model {
  fed = 0;
  readonly taken: number[] = [];
  readonly emptied = new Set<number>();
  /** As the answers say. */
  emptiedCount = 0;
  deletedCount = 0;
}

describe("an outbox that people steer", () => {
  let model: Model;
  let isRefusing: boolean;
  let broker: ScriptedBroker;
  let remove: () => Promise<void>;
  const ends: Promise<void>[] = [];

  before(async () => {
    const temporary = await temporaryFolder();
    remove = temporary.remove;
    useFolder(temporary.folder);
    await startServer();
  });
  after(async () => {
    await stopServer();
    useFolder(undefined);
    await remove();
  });
  beforeEach(async () => {
    model = new Model();
    isRefusing = false;
    ends.length = 0;
    broker = await ScriptedBroker.start((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      const isBad = isRefusing && packet.topic.endsWith("/bad");
      if (!isBad) model.taken.push(numberOf(packet));
      reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: isBad ? REFUSED : 0 });
      return true;
    });
  });
  afterEach(async () => {
    restoreWrites();
    await stopFlow();
    await stopBrokers();
  });

  async function post(action: string, body: object = {}): Promise<Count> {
    const response = await helper.request().post(`/m1-connection/outbox/m1/${action}`).send(body);
    return response.body as Count;
  }

  async function figures() {
    const { body } = await helper.request().get("/m1-connection/outbox");
    return (body as OutboxReport).connections[0]?.outbox;
  }

  function feed(count: number, device: string): void {
    for (let n = 0; n < count; n += 1) {
      const number = model.fed;
      model.fed += 1;
      const end = input("out", { payload: { number }, topic: device }).then(({ error }) => {
        if (error?.code === "OUTBOX_EMPTIED") model.emptied.add(number);
        else ok(error === undefined || error.code === "EVENT_REFUSED", error?.message);
      });
      ends.push(end);
    }
  }

  async function empty(): Promise<void> {
    const { count } = await post("empty");
    model.emptiedCount += count;
  }

  async function deleteRefused(): Promise<void> {
    const { count } = await post("delete", { code: "EVENT_REFUSED" });
    model.deletedCount += count;
  }

  for (const outbox of ["memory", "disk"]) {
    for (const seed of [1, 2, 3]) {
      it(`keeps its accounts, with the outbox in ${outbox}, in random order ${seed}`, async function () {
        this.timeout(60_000);
        const random = new Random(seed);
        const flow = () => [
          connectionTo(broker, { outbox, protocolVersion: "5" }),
          eventOut({ deviceId: "topic", deviceIdType: "msg" }),
        ];
        await startFlow(flow());
        await online();
        const steps: (() => unknown)[] = [
          () => feed(random.below(200), "good"),
          () => feed(random.below(50), "bad"),
          () => empty(),
          () => Promise.all([empty(), empty()]),
          () => deleteRefused(),
          () => Promise.all([post("send-again"), post("send-again"), deleteRefused()]),
          () => post("send-again", { code: "EVENT_REFUSED" }),
          () => helper.request().get("/m1-connection/outbox/m1/waiting?device=bad"),
          () => helper.request().get("/m1-connection/outbox/m1/quarantined.jsonl"),
          () => {
            isRefusing = !isRefusing;
          },
        ];
        for (let step = 0; step < STEPS; step += 1) {
          const together = [random.pick(steps)(), random.pick(steps)()];
          await Promise.all(together);
        }
        isRefusing = false;
        await settled();

        const taken = new Set(model.taken);
        // Nobody is told of those that had been in quarantine before.
        ok(model.emptied.size <= model.emptiedCount);
        const both = model.taken.filter((number) => model.emptied.has(number));
        deepEqual(both, [], "delivered, and said to be deleted");
        equal(taken.size, model.taken.length, "sent twice");
        equal(taken.size + model.emptiedCount + model.deletedCount, model.fed, "all events");
      });
    }
  }

  for (const seed of [1, 2, 3, 4]) {
    it(`loses none on a disk that fails now and then, and sends none twice, in random order ${seed}`, async function () {
      this.timeout(60_000);
      const random = new Random(seed);
      await startFlow([
        connectionTo(broker, { outbox: "disk", protocolVersion: "5" }),
        eventOut({ deviceId: "topic", deviceIdType: "msg" }),
      ]);
      await online();
      const steps: (() => unknown)[] = [
        () => feed(random.below(200), "good"),
        () => feed(random.below(50), "bad"),
        () => Promise.all([post("send-again"), post("send-again")]),
        () => helper.request().get("/m1-connection/outbox/m1/quarantined.jsonl"),
        () => {
          isRefusing = !isRefusing;
        },
        () => {
          if (random.below(2) === 0) failWrites();
          else restoreWrites();
        },
      ];
      for (let step = 0; step < STEPS; step += 1) {
        await Promise.all([random.pick(steps)(), random.pick(steps)()]);
      }
      restoreWrites();
      isRefusing = false;
      await settled();
      equal(new Set(model.taken).size, model.fed);
      equal(model.taken.length, model.fed, "sent twice");
    });
  }

  it("loses none over deploys in between", async function () {
    this.timeout(60_000);
    const flow = (name: string) => [
      connectionTo(broker, { outbox: "disk", protocolVersion: "5", name }),
      eventOut({ deviceId: "topic", deviceIdType: "msg" }),
    ];
    await startFlow(flow("0"));
    await online();
    isRefusing = true;
    for (let turn = 1; turn <= 10; turn += 1) {
      feed(100, "bad");
      feed(100, "good");
      await Promise.all([post("send-again"), deploy(flow(String(turn)), "full")]);
    }
    isRefusing = false;
    await settled();
    equal(new Set(model.taken).size, model.fed);
  });

  /** All that is in quarantine is sent again until nothing is left anywhere. */
  async function settled(): Promise<void> {
    for (;;) {
      const { waiting, quarantined } = (await figures()) ?? {};
      if (waiting === 0 && quarantined === 0) break;
      if (waiting === 0) await post("send-again");
    }
    await Promise.all(ends);
  }
});
