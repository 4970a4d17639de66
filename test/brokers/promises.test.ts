// What holds on every broker: one list of promises, and the table of it in docs/brokers.md.
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import type { Connection } from "../../nodes/connection/connection";
import type { ConnectionSettings } from "../../nodes/connection/mqtt-client";
import { Outbox } from "../../nodes/outbox/outbox";
import type { M1Error } from "../../nodes/protocol/errors";
import type { QoS } from "../../nodes/protocol/settings";
import { eventTopic } from "../../nodes/protocol/topics";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  reaches,
  sendNumber,
  sendNumbers,
  WHO,
} from "../support/connections";
import {
  deviceRequest,
  groupRequest,
  type RememberingSubscriber,
  subscriber,
} from "../support/subscribers";
import type { Message, Peculiarity, RunningBroker } from "./broker";
import { LAB } from "./lab";
import { Table } from "./table";

const PAGE = path.join(__dirname, "../../docs/brokers.md");
const OWN = `${WHO.projectMqtt}/${WHO.userMqtt}`;
const LEGAL_IDS = ["a b", "$x", "it's", '"q"', "a-b_c~!@%^&()=[]{};:,<>?|`", "x".repeat(200)];

const table = new Table();

for (const lab of LAB) {
  describe(`on ${lab.name}`, () => {
    let broker: RunningBroker;
    const has = (peculiarity: Peculiarity) => lab.peculiarities.has(peculiarity);

    before(async function () {
      this.timeout(180_000);
      broker = await lab.start();
    });

    after(() => broker?.stop());

    afterEach(closeConnections);

    /** What is promised on every broker; `but` is what this one makes of it, for the table. */
    function promise(title: string, test: () => Promise<void>, but = ""): void {
      it(title, async () => {
        await test();
        table.add(title, lab.name, but);
      });
    }

    for (const qos of [0, 1, 2] as QoS[]) {
      promise(
        `events at QoS ${qos} all arrive, in order`,
        async () => {
          const connection = await onlineConnection(broker);
          const first = broker.cloud.heard.length;
          const fates = await sendNumbers(connection, 200, qos, qos * 1_000);
          assert.deepEqual(new Set(fates), new Set([undefined]));
          await broker.cloud.until((heard) => distinct(heard.slice(first)).length === 200);
          const expected = Array.from({ length: 200 }, (_, index) => qos * 1_000 + index);
          assert.deepEqual(distinct(broker.cloud.heard.slice(first)), expected);
        },
        qos === 2 && has("qos2AsQoS1") ? "at QoS 1" : "",
      );

      promise(
        `messages at QoS ${qos} arrive once at each node, whatever filters overlap`,
        async () => {
          const nodes = ["pump", "pump", ""].map((id) => subscriber(deviceRequest(id, { qos })));
          await receiving(broker, nodes);
          for (let index = 0; index < 20; index += 1) {
            await broker.cloud.send(`1/${OWN}/pump/event`, String(index), { qos });
          }
          for (const node of nodes)
            assert.deepEqual((await comes(node, 20)).sort(byNumber), numerals(20));
        },
      );
    }

    promise("events of QoS 0, 1 and 2 hold each other up nowhere", async () => {
      const connection = await onlineConnection(broker);
      const fates = await Promise.all(
        Array.from({ length: 300 }, (_, n) => sendNumber(connection, 5_000 + n, (n % 3) as QoS)),
      );
      assert.deepEqual(new Set(fates), new Set([undefined]));
      assert.equal(connection.outbox.size, 0);
    });

    promise("a message to a group reaches each node that wants it", async () => {
      const node = subscriber(groupRequest(["north", "south"], { broadcast: true }));
      await receiving(broker, [node]);
      for (const group of ["north", "_all"]) {
        await broker.cloud.send(`2/${WHO.projectMqtt}/${group}/news`, group);
      }
      assert.deepEqual(await comes(node, 2), ["north", "_all"]);
    });

    promise(
      "a retained update reaches a node that comes later",
      async () => {
        if (has("retainedOnlyForExactTopics")) return;
        await broker.cloud.send(`1/${OWN}/late/update/config`, "kept", { retain: true });
        const connection = connectionTo(broker);
        const node = subscriber(deviceRequest("late"));
        connection.addSubscriber(node);
        connection.endDeploy();
        const [message] = await node.upTo(1);
        assert.equal(message?.payload.toString(), "kept");
        assert.equal(message?.retain, true);
      },
      has("retainedOnlyForExactTopics")
        ? "no: this broker keeps them for exact topics only, and the nodes subscribe with `#`"
        : "",
    );

    promise("what is sent while Node-RED is away arrives when it is back", async () => {
      const settings = { clientId: "returns" };
      const first = await receiving(broker, [subscriber(deviceRequest("away"))], settings);
      await first.close();
      await broker.cloud.send(`1/${OWN}/away/event`, "meanwhile");
      const second = connectionTo(broker, { settings });
      const node = subscriber(deviceRequest("away"));
      second.addSubscriber(node);
      second.endDeploy();
      assert.deepEqual(await comes(node, 1), ["meanwhile"]);
    });

    promise("a wrong password is told as such", async () => {
      const connection = openConnection(broker, { settings: { password: "wrong/password" } });
      const { reason } = await enters(connection, "offline");
      assert.equal(reason.code, "NOT_AUTHORISED");
    });

    promise(
      "a refused subscription is told with its filter",
      async () => {
        const connection = connectionTo(broker, {
          settings: { identity: { projectMqtt: "another", userMqtt: "one" } },
        });
        const node = subscriber(deviceRequest("x"));
        const refused = new Promise<string | undefined>((resolve) => {
          node.refused = (reason) => resolve(reason?.code);
        });
        connection.addSubscriber(node);
        connection.endDeploy();
        await reaches(connection, "online");
        if (has("grantsForbiddenSubscriptions")) return;
        assert.equal(await refused, "SUBSCRIPTION_REFUSED");
      },
      (has("grantsForbiddenSubscriptions") && "this broker grants it, and delivers nothing") ||
        ((has("closesOnForbiddenSubscription") || has("refusesSubscriptionUnreadably")) &&
          "after three disconnects") ||
        "",
    );

    promise(
      "an event that the user may not publish does not hold up the others",
      async () => {
        const connection = await onlineConnection(broker);
        await sendNumber(connection, 7_000);
        const refused = sendTo(connection, "0/another/user/d", 7_001);
        const fates = await sendNumbers(connection, 100, 1, 7_002);
        assert.deepEqual(new Set(fates), new Set([undefined]));
        const fate = await refused;
        assert.equal(fate?.code, has("closesOnRefusedPublish") ? "EVENT_HANGS_UP" : undefined);
      },
      has("closesOnRefusedPublish")
        ? "it goes into quarantine after three disconnects"
        : "acknowledged, and dropped by the broker: MQTT 3.1.1 has no word for it",
    );

    promise("two clients with one id are named as such", async () => {
      const settings = { clientId: "twin" };
      const clash = async (connection: Connection) => {
        for (;;) {
          const { reason } = await enters(connection, "offline");
          if (reason.code === "CLIENT_ID_CLASH") return;
        }
      };
      const twins = [openConnection(broker, { settings }), openConnection(broker, { settings })];
      await Promise.race(twins.map(clash));
    });

    promise(
      "MQTT 5 works, or is refused with a reason",
      async () => {
        const connection = openConnection(broker, { settings: { protocolVersion: 5 } });
        if (has("closesOnMqtt5") || has("refusesMqtt5")) {
          const { reason } = await enters(connection, "offline");
          const expected = has("refusesMqtt5") ? "PROTOCOL_REFUSED" : "MQTT_5_REFUSED";
          assert.equal(reason.code, expected);
          return;
        }
        await reaches(connection, "online");
        assert.equal(await sendNumber(connection, 8_000), undefined);
      },
      (has("closesOnMqtt5") && "no: it closes the connection") ||
        (has("refusesMqtt5") && "no: it answers with return code 1") ||
        "",
    );

    promise(
      "an id may have spaces, quotes, `$` and other legal characters, and be 200 long",
      async () => {
        const connection = await onlineConnection(broker);
        for (const [index, id] of LEGAL_IDS.entries()) {
          const topic = eventTopic(WHO, id);
          assert.equal(await sendTo(connection, topic, 9_000 + index), undefined);
          await broker.cloud.until((heard) => heard.some((message) => message.topic === topic));
        }
      },
    );

    for (const [character, name, other, isOther] of [
      [".", "dot", "/", has("dotBecomesSlash")],
      ["*", "star", "+", has("starBecomesPlus")],
    ] as const) {
      promise(
        `an id may have a ${name}`,
        async () => {
          const connection = await onlineConnection(broker);
          const topic = eventTopic(WHO, `v1${character}2`);
          assert.equal(await sendTo(connection, topic, 9_100), undefined);
          const expected = isOther ? topic.replace(character, other) : topic;
          await broker.cloud.until((heard) => heard.some((message) => message.topic === expected));
        },
        isOther ? `it arrives as \`${other}\`` : "",
      );
    }

    promise(
      "a broker that is killed costs no event, and its return brings all that waited, in order",
      async () => {
        const connection = await onlineConnection(broker, { outbox: roomy() });
        await broker.kill();
        const sent = sendNumbers(connection, 2_000, 1, 20_000);
        await broker.resume();
        assert.deepEqual(new Set(await sent), new Set([undefined]));
        const mine = (heard: readonly Message[]) => distinct(heard).filter((n) => n >= 20_000);
        await broker.cloud.until((heard) => mine(heard).length === 2_000);
        const expected = Array.from({ length: 2_000 }, (_, index) => 20_000 + index);
        assert.deepEqual(mine(broker.cloud.heard), expected);
      },
    );
  });
}

after(async () => {
  const text = await readFile(PAGE, "utf8");
  const replaced = table.into(
    text,
    LAB.map(({ name }) => name),
  );
  if (replaced !== text) await writeFile(PAGE, replaced);
});

/** Each number once, where it came first. */
function distinct(heard: readonly Message[]): number[] {
  return [...new Set(heard.map(({ payload }) => JSON.parse(payload).event_data.number as number))];
}

function numerals(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}

/** RabbitMQ keeps no order between a client's messages at QoS 0. */
function byNumber(one: string, other: string): number {
  return Number(one) - Number(other);
}

function roomy(): Outbox {
  return new Outbox({
    limit: 100_000,
    full: "reject",
    bytes: Number.POSITIVE_INFINITY,
    maxAge: Number.POSITIVE_INFINITY,
  });
}

function sendTo(connection: Connection, topic: string, number: number) {
  return new Promise<M1Error | undefined>((done) => {
    const payload = JSON.stringify({ event_data: { number } });
    connection.send({ topic, payload, qos: 1, done });
  });
}

/** A connection with these nodes, once the broker has granted what they want: a message that is sent now arrives. */
async function receiving(
  broker: RunningBroker,
  nodes: readonly RememberingSubscriber[],
  settings: Partial<ConnectionSettings> = {},
): Promise<Connection> {
  const connection = connectionTo(broker, { settings });
  const probe = subscriber(deviceRequest("probe"));
  for (const node of [...nodes, probe]) connection.addSubscriber(node);
  connection.endDeploy();
  await reaches(connection, "online");
  for (let tries = 0; probe.messages.length === 0 && tries < 200; tries += 1) {
    await broker.cloud.send(`1/${OWN}/probe/event`, "?");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return connection;
}

/** What came, without the probes. */
function payloads(node: RememberingSubscriber): string[] {
  const own = node.messages.filter(({ topic }) => !topic.includes("/probe/"));
  return own.map(({ payload }) => payload.toString());
}

async function comes(node: RememberingSubscriber, count: number): Promise<string[]> {
  while (payloads(node).length < count) await node.upTo(node.messages.length + 1);
  return payloads(node);
}
