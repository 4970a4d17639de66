// How a connection hands over what arrives, and keeps it for a node that a deploy replaces.
import { strict as assert } from "node:assert";
import { setTimeout as pause } from "node:timers/promises";
import type { Connection } from "../../nodes/connection/connection";
import type { QoS } from "../../nodes/protocol/settings";
import { Sandbox } from "../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  type OpenOptions,
  OWN,
  reaches,
  sendNumber,
} from "../support/connections";
import { ScriptedBroker } from "../support/scripted-broker";
import {
  deviceRequest,
  groupRequest,
  type RememberingSubscriber,
  subscriber,
} from "../support/subscribers";

/** Until a message would long have been handed over, had it not been held. */
const A_WHILE = 50;

const servers: { stop(): Promise<void> }[] = [];
let sandbox: Sandbox;

beforeEach(async () => {
  sandbox = new Sandbox({ port: 0, recordWire: true });
  await sandbox.start();
  servers.push(sandbox);
});

afterEach(async () => {
  await closeConnections();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A connection that is online and whose subscribers are subscribed. */
async function receiving(
  subscribers: readonly RememberingSubscriber[],
  options: OpenOptions = {},
): Promise<Connection> {
  const connection = connectionTo(sandbox, options);
  for (const one of subscribers) connection.addSubscriber(one);
  const subscribed = sandbox.next("subscribed");
  connection.endDeploy();
  await subscribed;
  return connection;
}

async function brokerWith(...script: Parameters<typeof ScriptedBroker.start>) {
  const broker = await ScriptedBroker.start(...script);
  servers.push(broker);
  return broker;
}

/** An update for the device of these tests, not retained. */
function send(payload: string, qos: QoS = 1): Promise<void> {
  return sandbox.sendUpdate("pump", "filter", payload, { qos, retain: false });
}

const payloads = ({ messages }: RememberingSubscriber) =>
  messages.map(({ payload }) => payload.toString());

const acknowledged = () => sandbox.wire.filter(({ cmd }) => cmd === "puback").length;

describe("receiving", () => {
  for (const qos of [0, 1, 2] as const) {
    it(`hands over every message at QoS ${qos}, once and in order`, async () => {
      const one = subscriber(deviceRequest("pump", { qos }));
      await receiving([one]);
      const sent = Array.from({ length: 200 }, (_, index) => String(index));
      for (const text of sent) await send(text, qos);
      await one.upTo(200);
      assert.deepEqual(payloads(one), sent);
      assert.deepEqual(new Set(one.messages.map((message) => message.qos)), new Set([qos]));
    });
  }

  it("tells all that is known of a message", async () => {
    const one = subscriber(deviceRequest("pump"));
    await sandbox.sendUpdate("pump", "filter", "x", { retain: true });
    await receiving([one]);
    const [message] = await one.upTo(1);
    assert.deepEqual(message, {
      address: {
        kind: "update",
        projectMqtt: "demo-project",
        userMqtt: "demo-user",
        deviceId: "pump",
        updateType: "filter",
        broadcast: false,
      },
      topic: `1/${OWN}/pump/update/filter`,
      payload: Buffer.from("x"),
      qos: 1,
      retain: true,
    });
  });

  it("sends one SUBSCRIBE for a hundred filters", async () => {
    const devices = Array.from({ length: 250 }, (_, index) => `device-${index}`);
    const subscribers = devices.map((device) => subscriber(deviceRequest(device)));
    const connection = connectionTo(sandbox);
    for (const one of subscribers) connection.addSubscriber(one);
    connection.endDeploy();
    let subscribed = 0;
    while (subscribed < 250) subscribed += (await sandbox.next("subscribed")).subscriptions.length;
    const sizes = () =>
      sandbox.wire.flatMap((packet) =>
        packet.cmd === "subscribe"
          ? [packet.subscriptions.length]
          : packet.cmd === "unsubscribe"
            ? [-packet.filters.length]
            : [],
      );
    assert.deepEqual(sizes(), [100, 100, 50]);
    for (const one of subscribers) connection.removeSubscriber(one);
    connection.addSender({});
    connection.endDeploy();
    let unsubscribed = 0;
    while (unsubscribed < 250) unsubscribed += (await sandbox.next("unsubscribed")).filters.length;
    assert.deepEqual(sizes(), [100, 100, 50, -100, -100, -50]);
  });

  it("subscribes to what nodes ask for that come later", async () => {
    const one = subscriber(deviceRequest("pump"));
    const connection = await receiving([one]);
    const late = subscriber(groupRequest(["north"]));
    connection.addSubscriber(late);
    const subscribed = sandbox.next("subscribed");
    connection.endDeploy();
    assert.deepEqual((await subscribed).subscriptions, [
      { filter: "2/demo-project/north/#", qos: 1 },
    ]);
    await sandbox.sendGroupMessage("north", "alarm", "x");
    await late.upTo(1);
    assert.deepEqual(one.messages, []);
  });

  it("reports a message on a topic of nobody's, and goes on", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "subscribe") return false;
      const granted = packet.subscriptions.map(() => 1);
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
      const topics = ["weather/today", "1/demo-project/someone/pump/event", `1/${OWN}/pump/event`];
      topics.forEach((topic, index) => {
        const messageId = index + 1;
        const flags = { qos: 1, dup: false, retain: false } as const;
        reply({ cmd: "publish", topic, payload: "x", messageId, ...flags });
      });
      return true;
    });
    const connection = connectionTo(broker);
    const strangers: [string, string][] = [];
    connection.on("unexpectedTopic", ({ code }, { topic }) => strangers.push([code, topic]));
    const one = subscriber(deviceRequest("pump"));
    connection.addSubscriber(one);
    connection.endDeploy();
    await one.upTo(1);
    assert.deepEqual(strangers, [
      ["ADDRESS_UNKNOWN", "weather/today"],
      ["ADDRESS_UNKNOWN", "1/demo-project/someone/pump/event"],
    ]);
    await broker.packet((packet) => packet.cmd === "puback" && packet.messageId === 3);
  });

  it("tells of a refused filter, and receives what is granted", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "subscribe") return false;
      const granted = packet.subscriptions.map(({ topic, qos }) =>
        topic.startsWith("2/") ? 128 : qos,
      );
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
      const flags = { qos: 0, dup: false, retain: false } as const;
      reply({ cmd: "publish", topic: `1/${OWN}/pump/event`, payload: "x", ...flags });
      return true;
    });
    for (const protocolVersion of [4, 5] as const) {
      const connection = connectionTo(broker, { settings: { protocolVersion } });
      const device = subscriber(deviceRequest("pump"));
      const group = subscriber(groupRequest(["north"]));
      connection.addSubscriber(device);
      connection.addSubscriber(group);
      connection.endDeploy();
      await device.upTo(1);
      assert.deepEqual(
        group.refusals.map((reason) => [reason?.code, reason?.details.filter]),
        [["SUBSCRIPTION_REFUSED", "2/demo-project/north/#"]],
      );
      assert.deepEqual(device.refusals, []);
      assert.equal(connection.state.name, "online");
    }
  });
});

describe("receiving: while away", () => {
  it("gets what a persistent session queued", async () => {
    const settings = { clientId: "persistent" };
    const before = subscriber(deviceRequest("pump"));
    const connection = await receiving([before], { settings });
    await connection.close();
    for (const text of ["1", "2", "3"]) await send(text);
    const after = subscriber(deviceRequest("pump"));
    const successor = connectionTo(sandbox, { settings });
    successor.addSubscriber(after);
    successor.endDeploy();
    await after.upTo(3);
    assert.deepEqual(payloads(after), ["1", "2", "3"]);
    assert.deepEqual(before.messages, []);
  });

  it("gives up what an earlier process was subscribed to once a message shows it", async () => {
    const settings = { clientId: "persistent" };
    const connection = await receiving([subscriber(deviceRequest("pump"))], { settings });
    await connection.close();
    await send("x");
    const unsubscribed = sandbox.next("unsubscribed");
    await receiving([subscriber(deviceRequest("fan"))], { settings });
    await unsubscribed;
    const given = sandbox.wire.flatMap((packet) =>
      packet.cmd === "unsubscribe" ? packet.filters : [],
    );
    assert.deepEqual(given, [`1/${OWN}/pump/#`, `1/${OWN}/#`]);
  });

  it("gets what came during an outage, without subscribing again", async () => {
    const one = subscriber(deviceRequest("pump"));
    const connection = await receiving([one]);
    const disconnected = sandbox.next("disconnected");
    sandbox.kick(connection.settings.clientId);
    await disconnected;
    await send("x");
    await one.upTo(1);
    await reaches(connection, "online");
    await sendNumber(connection, 1);
    assert.equal(sandbox.wire.filter(({ cmd }) => cmd === "subscribe").length, 1);
  });

  it("subscribes again if the broker has kept nothing", async () => {
    const one = subscriber(deviceRequest("pump"));
    const connection = await receiving([one], { settings: { cleanSession: true } });
    const subscribed = sandbox.next("subscribed");
    sandbox.kick(connection.settings.clientId);
    await subscribed;
    await send("x");
    await one.upTo(1);
  });

  for (const cut of ["SUBSCRIBE", "SUBACK"] as const) {
    it(`subscribes again if it was cut off at the ${cut}`, async () => {
      let subscribes = 0;
      const broker = await brokerWith((packet, reply, socket) => {
        if (packet.cmd !== "subscribe" || ++subscribes > 1) return false;
        if (cut === "SUBACK") {
          reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [1] });
          socket.write("what is this");
        } else socket.destroy();
        return true;
      });
      const connection = connectionTo(broker);
      for (let index = 0; index < 150; index += 1) {
        connection.addSubscriber(subscriber(deviceRequest(`device-${index}`)));
      }
      connection.endDeploy();
      await reaches(connection, "online");
      await enters(connection, "online");
      const last = (packet: { cmd: string }) =>
        packet.cmd === "subscribe" && JSON.stringify(packet).includes("/device-149/");
      await broker.packet(last);
      assert.equal(connection.state.name, "online");
    });
  }

  it("receives at every QoS again after it was idle", async () => {
    const one = subscriber(deviceRequest("pump", { qos: 2 }));
    const connection = await receiving([one]);
    connection.removeSubscriber(one);
    connection.endDeploy();
    await reaches(connection, "idle");
    connection.addSubscriber(one);
    const subscribed = sandbox.next("subscribed");
    connection.endDeploy();
    await subscribed;
    for (const qos of [0, 1, 2] as const) await send(`QoS ${qos}`, qos);
    await one.upTo(3);
    assert.deepEqual(payloads(one), ["QoS 0", "QoS 1", "QoS 2"]);
  });

  it("hands a QoS 2 message over once, though cut off between its two halves", async () => {
    const settings = { clientId: "exactly-once" };
    const one = subscriber(deviceRequest("pump", { qos: 2 }));
    await receiving([one], { settings });
    sandbox.once("sent", () => {
      const watch = setInterval(() => {
        if (!sandbox.wire.some(({ cmd }) => cmd === "pubrec")) return;
        clearInterval(watch);
        sandbox.kick("exactly-once");
      }, 0);
    });
    await send("x", 2);
    await send("y", 2);
    await one.upTo(2);
    assert.deepEqual(payloads(one), ["x", "y"]);
  });

  it("hands a QoS 2 message over whose release comes over the next connection", async () => {
    let connects = 0;
    const flags = { dup: false, retain: false, messageId: 7 } as const;
    const broker = await brokerWith((packet, reply, socket) => {
      switch (packet.cmd) {
        case "connect":
          connects += 1;
          reply({ cmd: "connack", returnCode: 0, sessionPresent: connects > 1 });
          if (connects === 2) reply({ cmd: "pubrel", messageId: 7 });
          return true;
        case "subscribe":
          reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [2] });
          reply({ cmd: "publish", topic: `1/${OWN}/pump/event`, payload: "x", qos: 2, ...flags });
          return true;
        case "pubrec":
          socket.destroy();
          return true;
        default:
          return false;
      }
    });
    const connection = connectionTo(broker);
    const one = subscriber(deviceRequest("pump", { qos: 2 }));
    connection.addSubscriber(one);
    connection.endDeploy();
    await broker.packet(({ cmd }) => cmd === "pubcomp");
    assert.deepEqual(payloads(one), ["x"]);
  });
});

describe("receiving: a deploy", () => {
  it("holds messages, unacknowledged, until the successor is there", async () => {
    const old = subscriber(deviceRequest("pump"));
    const connection = await receiving([old]);
    connection.removeSubscriber(old);
    for (const text of ["1", "2", "3"]) await send(text);
    await pause(A_WHILE);
    assert.equal(acknowledged(), 0);
    const successor = subscriber(deviceRequest("pump"));
    connection.addSubscriber(successor);
    const subscribed = sandbox.next("subscribed");
    connection.endDeploy();
    await successor.upTo(3);
    assert.deepEqual(payloads(successor), ["1", "2", "3"]);
    assert.deepEqual(old.messages, []);
    // The successor asks for retained updates; nothing is given up.
    await subscribed;
    assert.ok(!sandbox.wire.some(({ cmd }) => cmd === "unsubscribe"));
  });

  for (const qos of [0, 1, 2] as QoS[]) {
    it(`holds a message at QoS ${qos} once, for all who want it`, async () => {
      const staying = subscriber(deviceRequest("", { qos }));
      const old = subscriber(deviceRequest("pump", { qos }));
      const connection = await receiving([staying, old]);
      connection.removeSubscriber(old);
      await send("x", qos);
      await pause(A_WHILE);
      assert.deepEqual(staying.messages, []);
      const successor = subscriber(deviceRequest("pump", { qos }));
      connection.addSubscriber(successor);
      connection.endDeploy();
      await Promise.all([staying.upTo(1), successor.upTo(1)]);
      await send("y", qos);
      await Promise.all([staying.upTo(2), successor.upTo(2)]);
      assert.deepEqual(payloads(staying), ["x", "y"]);
      assert.deepEqual(payloads(successor), ["x", "y"]);
    });
  }

  it("holds nothing for a subscriber that it never had", async () => {
    const one = subscriber(deviceRequest("pump"));
    const connection = await receiving([one]);
    connection.removeSubscriber(subscriber(deviceRequest("pump")));
    await send("x");
    await one.upTo(1);
  });

  it("that never settles releases what was held in the end", async () => {
    const one = subscriber(deviceRequest("pump"));
    const gone = subscriber(deviceRequest("pump"));
    const connection = await receiving([one, gone], { timing: { deploy: A_WHILE } });
    connection.removeSubscriber(gone);
    const sent = Date.now();
    await send("x");
    await one.upTo(1);
    assert.ok(Date.now() - sent >= A_WHILE - 5);
  });

  it("that replaces the connection as well has what was held sent again", async () => {
    const settings = { clientId: "replaced" };
    const old = subscriber(deviceRequest("pump"));
    const connection = await receiving([old], { settings });
    connection.removeSubscriber(old);
    for (const text of ["1", "2"]) await send(text);
    await pause(A_WHILE);
    await connection.close();
    assert.equal(acknowledged(), 0);
    const successor = subscriber(deviceRequest("pump"));
    const next = connectionTo(sandbox, { settings });
    next.addSubscriber(successor);
    next.endDeploy();
    await successor.upTo(2);
    assert.deepEqual(payloads(successor), ["1", "2"]);
    assert.deepEqual(old.messages, []);
  });

  it("during which the connection is lost delivers what was held once", async () => {
    const old = subscriber(deviceRequest("pump"));
    const connection = await receiving([old]);
    connection.removeSubscriber(old);
    await send("x");
    await pause(A_WHILE);
    const lost = enters(connection, "offline");
    sandbox.kick(connection.settings.clientId);
    await lost;
    const successor = subscriber(deviceRequest("pump"));
    connection.addSubscriber(successor);
    connection.endDeploy();
    await successor.upTo(1);
    await send("y");
    await successor.upTo(2);
    assert.deepEqual(payloads(successor), ["x", "y"]);
  });

  it("during which the connection is lost and comes back holds on", async () => {
    const old = subscriber(deviceRequest("pump"));
    const connection = await receiving([old]);
    connection.removeSubscriber(old);
    await send("x");
    await pause(A_WHILE);
    const back = enters(connection, "online");
    sandbox.kick(connection.settings.clientId);
    await back;
    await pause(A_WHILE);
    assert.equal(acknowledged(), 0);
    const successor = subscriber(deviceRequest("pump"));
    connection.addSubscriber(successor);
    connection.endDeploy();
    await successor.upTo(1);
    await send("y");
    await successor.upTo(2);
    assert.deepEqual(payloads(successor), ["x", "y"]);
  });

  for (const cleanSession of [false, true]) {
    it(`during which the connection comes back gives up nothing${cleanSession ? " of a clean session" : ""}`, async () => {
      const settings = { cleanSession };
      const old = subscriber(deviceRequest("pump"));
      const connection = await receiving([old], { settings });
      const back = enters(connection, "online");
      sandbox.kick(connection.settings.clientId);
      connection.removeSubscriber(old);
      await back;
      await sendNumber(connection, 1);
      const successor = subscriber(deviceRequest("pump"));
      connection.addSubscriber(successor);
      const subscribed = sandbox.next("subscribed");
      connection.endDeploy();
      await subscribed;
      const changes = sandbox.wire.filter(({ cmd }) => cmd.endsWith("subscribe"));
      assert.deepEqual(
        changes.map(({ cmd }) => cmd),
        ["subscribe", "subscribe"],
      );
    });
  }

  it("that never settles gives up in the end what nobody wants", async () => {
    const one = subscriber(deviceRequest("pump"));
    const gone = subscriber(deviceRequest("valve"));
    const connection = await receiving([one, gone], { timing: { deploy: A_WHILE } });
    const unsubscribed = sandbox.next("unsubscribed");
    connection.removeSubscriber(gone);
    assert.deepEqual((await unsubscribed).filters, [`1/${OWN}/valve/#`]);
  });

  it("that removes the last user for good acknowledges nothing that was held", async () => {
    const old = subscriber(deviceRequest("pump"));
    const connection = await receiving([old]);
    connection.removeSubscriber(old);
    await send("x");
    await pause(A_WHILE);
    connection.endDeploy();
    await reaches(connection, "idle");
    assert.deepEqual(old.messages, []);
  });
});
