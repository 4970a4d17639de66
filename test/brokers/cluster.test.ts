// A cluster of three brokers of which one dies every few seconds: what arrives, and what comes twice.
import assert from "node:assert/strict";
import { setTimeout as pause } from "node:timers/promises";
import { EventStore } from "../../nodes/outbox/event-store";
import { Outbox } from "../../nodes/outbox/outbox";
import { formatBrokerUrl, parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import {
  closeConnections,
  connectionTo,
  OWN,
  reaches,
  sendNumber,
  WHO,
} from "../support/connections";
import { connectionTo as connectionNode } from "../support/flows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { temporaryFolder } from "../support/processes";
import { RabbitMQ, type RabbitNode } from "../support/rabbitmq";
import { deviceRequest, subscriber } from "../support/subscribers";
import { type Message, MqttCloud } from "./broker";
import { ownBrokerFile } from "./own-broker-files";

const NODES = 3;
const EVENTS = 20_000;
/** Events a millisecond, so that they take as long as several deaths. */
const PACE = 0.4;
/** Of nodes, at the least: a slow machine starts them slowly, and more events are sent then. */
const DEATHS = 4;
/** Milliseconds that a killed node is away. */
const AWAY = 1_000;
/** Between two messages of the cloud, in milliseconds. */
const MESSAGE_EVERY = 100;
const ANSWERED_WITHIN = 5_000;
const NODE_REDS = 5;

describe("a cluster of three RabbitMQ nodes", () => {
  let cluster: RabbitMQ;
  let cloud: MqttCloud;
  let urls: readonly string[];
  /** What runs beside a test ends with it, also when it failed. */
  let isOver: boolean;
  let progress: () => string;

  beforeEach(() => {
    isOver = false;
    progress = () => "it had not begun";
  });

  afterEach(function () {
    isOver = true;
    if (this.currentTest?.isFailed()) console.error(`      ${progress()}`);
  });

  before(async function () {
    this.timeout(300_000);
    cluster = await RabbitMQ.start(ownBrokerFile("rabbitmq-users.sh"), NODES);
    // A session is a queue. On one node only, it would be gone as long as that node is.
    const policy = JSON.stringify({ "ha-mode": "all", "ha-sync-mode": "automatic" });
    await cluster.nodes[0]?.control("set_policy", "sessions", "^mqtt-subscription-", policy);
    urls = cluster.nodes.map(({ url }) => url);
    cloud = new MqttCloud();
    await cloud.connect(...urls);
  });

  after(async function () {
    this.timeout(60_000);
    await closeConnections();
    await cloud?.leave();
    await cluster?.stop();
  });

  it(`loses none of ${EVENTS} events and no message while one node after the other dies`, async function () {
    this.timeout(300_000);
    const { folder, remove } = await temporaryFolder();
    const outbox = new Outbox(
      {
        limit: 100_000,
        full: "reject",
        bytes: Number.POSITIVE_INFINITY,
        maxAge: Number.POSITIVE_INFINITY,
      },
      { store: new EventStore(folder, WHO), storesNew: true },
    );
    const connection = connectionTo(
      { url: urls[0] ?? "" },
      {
        outbox,
        settings: { brokers: urls.map(parseBrokerUrl) as never, clientId: "clustered" },
      },
    );
    const node = subscriber(deviceRequest("pump"));
    connection.addSender({});
    connection.addSubscriber(node);
    connection.endDeploy();
    await reaches(connection, "online");
    const moves: string[] = [];
    connection.on("state", (state) => {
      if (state.name === "online" && state.address) moves.push(state.address);
    });

    // Online is not yet subscribed.
    while (node.messages.length === 0) {
      await cloud.send(`1/${OWN}/pump/event`, "?");
      await pause(20);
    }
    // A last one may still be on its way.
    await pause(500);
    const first = node.messages.length;

    const killed: RabbitNode[] = [];
    const inUse = () => urls.indexOf(formatBrokerUrl(connection.broker));
    const deaths = killInTurn(cluster, inUse, killed, () => isOver);
    const messages = sendMessages(cloud, () => isOver);
    const fates: Promise<unknown>[] = [];
    let settled = 0;
    progress = () =>
      `${fates.length} events were sent, ${settled} settled; ${killed.length} deaths, ${moves.length} moves, now ` +
      `${connection.state.name}; ${eventNumbers(cloud, "d").length} events and ${node.messages.length - first} messages came`;
    const isEnough = () => isOver || (fates.length >= EVENTS && killed.length >= DEATHS);
    for (const start = performance.now(); !isEnough(); await pause(5)) {
      const due = (performance.now() - start) * PACE;
      while (fates.length < due) {
        fates.push(sendNumber(connection, fates.length).finally(() => (settled += 1)));
      }
    }
    isOver = true;
    await deaths;
    const { acknowledged, unanswered } = await messages;
    assert.deepEqual(new Set(await Promise.all(fates)), new Set([undefined]));
    const sent = fates.length;
    await hears(cloud, "d", sent);
    const repeated = eventNumbers(cloud, "d").length - sent;
    const received = () => node.messages.slice(first).map(({ payload }) => String(payload));
    const missing = () => acknowledged.filter((number) => !received().includes(number));
    while (missing().length > 0) await node.upTo(node.messages.length + 1);
    const twice = received().length - new Set(received()).size;

    console.log(
      `      ${killed.length} deaths, ${moves.length} moves; ${repeated} of ${sent} events ` +
        `and ${twice} of ${acknowledged.length} messages came twice; ${unanswered} more were never acknowledged`,
    );
    assert.ok(moves.length > 0, "the connection had to move");
    await connection.close();
    await outbox.close();
    await remove();
  });

  it(`serves ${NODE_REDS} Node-REDs at once: each gets each message once`, async function () {
    this.timeout(120_000);
    const running: { stop(): Promise<unknown> }[] = [];
    // Each passes on what it receives, under a device of its own, so that the cloud hears who got what.
    for (let index = 0; index < NODE_REDS; index += 1) {
      running.push(await startEcho(`red-${index}`, "pump", index));
    }
    const count = 20;
    for (let number = 0; number < count; number += 1) {
      await cloud.send(`1/${OWN}/pump/event`, JSON.stringify({ number }));
    }
    const all = Array.from({ length: NODE_REDS }, (_, index) => `red-${index}`);
    await cloud.until(() => all.every((id) => new Set(eventNumbers(cloud, id)).size === count));
    await pause(500);
    for (const id of all) assert.equal(eventNumbers(cloud, id).length, count, id);
    for (const one of running) await one.stop();
  });

  it("shares the load of several devices between Node-REDs by their settings", async function () {
    this.timeout(60_000);
    // Each asks for its own, by the same flow and a variable.
    const device = ["$", "{M1_DEVICE}"].join("");
    process.env.M1_DEVICE = "pump-e";
    const east = await startEcho("east", device, 0);
    process.env.M1_DEVICE = "pump-w";
    const running = [east, await startEcho("west", device, 1)];
    delete process.env.M1_DEVICE;
    for (const device of ["pump-e", "pump-w"]) {
      for (let number = 0; number < 10; number += 1) {
        await cloud.send(`1/${OWN}/${device}/event`, JSON.stringify({ number, device }));
      }
    }
    const heardBy = (id: string) => payloads(cloud, id).map(({ device }) => device);
    await cloud.until(() => heardBy("east").length >= 10 && heardBy("west").length >= 10);
    assert.deepEqual(new Set(heardBy("east")), new Set(["pump-e"]));
    assert.deepEqual(new Set(heardBy("west")), new Set(["pump-w"]));
    for (const one of running) await one.stop();
  });

  /** A Node-RED that passes on what comes for `device` as events of the device `id`, once it is connected. */
  async function startEcho(id: string, device: string, first: number) {
    const [url = "", ...fallbackUrls] = [
      ...urls.slice(first % NODES),
      ...urls.slice(0, first % NODES),
    ];
    const flow = [
      { id: "tab", type: "tab", label: "echo" },
      { ...connectionNode({ url }, { fallbackUrls, outbox: "disk" }), id: "m1" },
      {
        id: "in",
        z: "tab",
        type: "m1 device in",
        connection: "m1",
        deviceId: device,
        wires: [["out"]],
      },
      { id: "out", z: "tab", type: "m1 event out", connection: "m1", deviceId: id, wires: [] },
    ];
    const installed = await installation(flow);
    const nodeRed = await NodeRed.start(installed.userDir);
    await nodeRed.status("in", ({ fill }) => fill === "green");
    // Connected is not yet subscribed: the first echo shows that.
    const before = cloud.heard.length;
    while (!cloud.heard.slice(before).some(({ topic }) => topic.endsWith(`/${id}`))) {
      const target = device.startsWith("$") ? process.env.M1_DEVICE : device;
      await cloud.send(`1/${OWN}/${target}/event`, JSON.stringify({ probe: id }));
      await pause(50);
    }
    return {
      async stop() {
        await nodeRed.stop();
        await installed.remove();
      },
    };
  }
});

/**
 * Kills one node after the other, until `isOver`: in turns the one in use and any. Each is added to `killed`.
 * The next dies when the queues' copies are in step: what is lost before that, the cluster loses.
 */
async function killInTurn(
  cluster: RabbitMQ,
  inUse: () => number,
  killed: RabbitNode[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const any = Math.floor(Math.random() * NODES);
    const node = cluster.nodes[killed.length % 2 === 0 ? inUse() : any] as RabbitNode;
    killed.push(node);
    await node.kill();
    await pause(AWAY);
    await node.resume();
    await cluster.mirrorsInSync();
  }
}

/** Numbers to the pump, one after the other, until `isOver`; resolves with what became of them. */
async function sendMessages(cloud: MqttCloud, isOver: () => boolean) {
  const acknowledged: string[] = [];
  let unanswered = 0;
  for (let number = 0; !isOver(); number += 1) {
    const sent = cloud.send(`1/${OWN}/pump/event`, String(number)).then(() => true);
    // While a queue changes its leader, the cluster may take a message and never say so.
    if (await Promise.race([sent, pause(ANSWERED_WITHIN, false)]))
      acknowledged.push(String(number));
    else unanswered += 1;
    await pause(MESSAGE_EVERY);
  }
  return { acknowledged, unanswered };
}

/** Resolves once the cloud has heard so many different numbers of the device; each message is read once. */
async function hears(cloud: MqttCloud, device: string, count: number): Promise<void> {
  const different = new Set<unknown>();
  let read = 0;
  await cloud.until((heard) => {
    for (; read < heard.length; read += 1) {
      const { topic, payload } = heard[read] as Message;
      if (topic.endsWith(`/${device}`)) different.add(payload);
    }
    return different.size >= count;
  });
}

function payloads(cloud: MqttCloud, device: string): { number?: number; device?: string }[] {
  const topic = `0/${DEMO_ACCOUNT.projectMqtt}/${DEMO_ACCOUNT.userMqtt}/${device}`;
  const own = cloud.heard.filter((message) => message.topic === topic);
  const data = own.map(({ payload }) => JSON.parse(payload).event_data);
  return data.filter(({ probe }) => probe === undefined);
}

function eventNumbers(cloud: MqttCloud, device: string): number[] {
  return payloads(cloud, device).map(({ number }) => Number(number));
}
