// How a connection ends: in time, whatever the broker does, and with nothing forgotten.
import { strict as assert } from "node:assert";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { Packet } from "mqtt-packet";
import type { Connection } from "../../nodes/connection/connection";
import { Sandbox } from "../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  QUICK,
  rawServer,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
} from "../support/connections";
import { ScriptedBroker } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

/** A busy machine may be late by this many milliseconds. */
const LATE = 500;

const servers: { stop(): Promise<void> }[] = [];

async function brokerWith(...script: Parameters<typeof ScriptedBroker.start>) {
  const broker = await ScriptedBroker.start(...script);
  servers.push(broker);
  return broker;
}

async function runningSandbox(websocket = false): Promise<Sandbox> {
  const sandbox = new Sandbox({ port: 0, websocket });
  await sandbox.start();
  servers.push(sandbox);
  return sandbox;
}

afterEach(async () => {
  await closeConnections();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** Milliseconds that closing takes. */
async function timeToClose(connection: Connection): Promise<number> {
  const start = performance.now();
  await connection.close();
  assert.equal(connection.state.name, "closed");
  return performance.now() - start;
}

function theSocket(broker: { sockets: Iterable<Socket> }): Socket {
  const [socket] = broker.sockets;
  assert.ok(socket);
  return socket;
}

function assertAtOnce(milliseconds: number): void {
  assert.ok(milliseconds < QUICK.close, `${milliseconds} ms`);
}

function assertInTime(milliseconds: number): void {
  assert.ok(milliseconds >= QUICK.close - 5, `${milliseconds} ms`);
  assert.ok(milliseconds < QUICK.close + LATE, `${milliseconds} ms`);
}

describe("closing: a healthy broker", () => {
  for (const websocket of [false, true]) {
    it(`hears a goodbye${websocket ? ", over WebSocket" : ""}`, async () => {
      const sandbox = await runningSandbox(websocket);
      const connection = await onlineConnection(sandbox);
      const names = stateNames(connection);
      const disconnected = sandbox.next("disconnected");
      assertAtOnce(await timeToClose(connection));
      assert.equal((await disconnected).graceful, true);
      assert.deepEqual(names, ["closing", "closed"]);
    });
  }

  it("is given the time to acknowledge what is in flight", async () => {
    const held: (() => void)[] = [];
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      held.push(() => reply({ cmd: "puback", messageId: packet.messageId ?? 0 }));
      return true;
    });
    const connection = await onlineConnection(broker);
    const fates = sendNumbers(connection, 10);
    while (held.length < 10) await once(broker, "packet");
    const closed = timeToClose(connection);
    for (const acknowledge of held) acknowledge();
    assertAtOnce(await closed);
    assert.deepEqual(new Set(await fates), new Set([undefined]));
    assert.equal(connection.outbox.size, 0);
    assert.ok(broker.packets.some(({ cmd }) => cmd === "disconnect"));
  });

  it("is sent nothing more, and the rest stays in the outbox", async () => {
    const held: (() => void)[] = [];
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      held.push(() => reply({ cmd: "puback", messageId: packet.messageId ?? 0 }));
      return true;
    });
    const connection = await onlineConnection(broker);
    void sendNumbers(connection, 1_200);
    while (held.length < 1_000) await once(broker, "packet");
    const closed = connection.close();
    void sendNumber(connection, 1_200);
    for (const acknowledge of held) acknowledge();
    await closed;
    assert.equal(held.length, 1_000);
    assert.equal(connection.outbox.size, 201);
    void sendNumber(connection, 1_201);
    assert.equal(connection.outbox.size, 202, "its successor will send it");
  });

  it("hears a goodbye also in the middle of a change of subscriptions", async () => {
    let answer: (() => void) | undefined;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "subscribe") return false;
      const granted = packet.subscriptions.map(({ qos }) => qos);
      answer = () => reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted });
      return true;
    });
    const connection = connectionTo(broker);
    for (let index = 0; index < 150; index += 1) {
      connection.addSubscriber(subscriber(deviceRequest(`device-${index}`)));
    }
    connection.endDeploy();
    await broker.packet(({ cmd }) => cmd === "subscribe");
    const closed = timeToClose(connection);
    answer?.();
    assertAtOnce(await closed);
    await broker.packet(({ cmd }) => cmd === "disconnect");
    assert.equal(broker.packets.filter(({ cmd }) => cmd === "subscribe").length, 1);
  });

  it("keeps what it sends while it is being left", async () => {
    let acknowledge: (() => void) | undefined;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish") return false;
      acknowledge = () => reply({ cmd: "puback", messageId: packet.messageId ?? 0 });
      const flags = { qos: 1, dup: false, retain: false, messageId: 9 } as const;
      const topic = "1/demo-project/demo-user/pump/event";
      reply({ cmd: "publish", topic, payload: "x", ...flags });
      reply({ cmd: "publish", topic, payload: "y", ...flags, qos: 0 });
      return true;
    });
    const one = subscriber(deviceRequest("pump"));
    const connection = connectionTo(broker);
    connection.addSubscriber(one);
    connection.endDeploy();
    await reaches(connection, "online");
    void sendNumber(connection, 1);
    const closed = connection.close();
    await broker.packet(({ cmd }) => cmd === "publish");
    acknowledge?.();
    await closed;
    assert.deepEqual(one.messages, []);
    assert.ok(!broker.packets.some(({ cmd }) => cmd === "puback"));
    assert.equal(connection.outbox.size, 0);
  });
});

describe("closing: a broker in trouble", () => {
  const frozen = (packet: Packet) => packet.cmd !== "connect";

  it("that is frozen is left in time, and what it has not acknowledged stays", async () => {
    const broker = await brokerWith(frozen);
    const connection = await onlineConnection(broker);
    void sendNumbers(connection, 3);
    await broker.packet(({ cmd }) => cmd === "publish");
    const gone = once(theSocket(broker), "close");
    assertInTime(await timeToClose(connection));
    await gone;
    assert.equal(connection.outbox.size, 3);
  });

  it("that reads nothing any more is left in time", async () => {
    const broker = await brokerWith();
    const connection = await onlineConnection(broker);
    const socket = theSocket(broker);
    socket.pause();
    void sendNumbers(connection, 20_000, 0);
    void sendNumbers(connection, 1_000);
    assertInTime(await timeToClose(connection));
    // Its answers to what it reads now fail: `once` would reject.
    const gone = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    await gone;
  });

  it("that never answers CONNECT is left at once", async () => {
    const broker = await brokerWith(() => true);
    const connection = openConnection(broker);
    await broker.packet(({ cmd }) => cmd === "connect");
    const gone = once(theSocket(broker), "close");
    assertAtOnce(await timeToClose(connection));
    await gone;
  });

  it("that does not hang up after the goodbye is left in time", async () => {
    const broker = await brokerWith();
    const connection = await onlineConnection(broker);
    const socket = theSocket(broker);
    // As a broker does whose own end stays open.
    socket.end = () => socket;
    socket.allowHalfOpen = true;
    const gone = once(socket, "close");
    const milliseconds = await timeToClose(connection);
    assert.ok(milliseconds < QUICK.close + LATE, `${milliseconds} ms`);
    socket.destroy();
    await gone;
  });

  it("that vanishes meanwhile does not keep it", async () => {
    const broker = await brokerWith(frozen);
    const connection = await onlineConnection(broker);
    const names = stateNames(connection);
    void sendNumber(connection, 1);
    await broker.packet(({ cmd }) => cmd === "publish");
    const closed = timeToClose(connection);
    theSocket(broker).destroy();
    assertAtOnce(await closed);
    assert.deepEqual(names, ["closing", "closed"]);
    assert.equal(connection.outbox.size, 1);
  });

  it("that has just failed does not keep it", async () => {
    const server = await rawServer((socket) => socket.write("what is this"));
    servers.push(server);
    const connection = openConnection(server);
    assertAtOnce(await timeToClose(connection));
  });
});

describe("closing: in any state", () => {
  it("while connecting", async () => {
    const sandbox = await runningSandbox();
    const connection = openConnection(sandbox);
    const names = stateNames(connection);
    assert.equal(connection.state.name, "connecting");
    assertAtOnce(await timeToClose(connection));
    assert.deepEqual(names, ["closing", "closed"]);
  });

  it("while looking for a server that does not exist", async () => {
    const connection = openConnection({ url: "mqtt://name.invalid" });
    assertAtOnce(await timeToClose(connection));
  });

  for (const scheme of ["mqtts", "ws", "wss"]) {
    it(`while a server does not even answer to ${scheme}`, async () => {
      const server = await rawServer();
      servers.push(server);
      const connection = openConnection({ url: server.url.replace("mqtt", scheme) });
      assert.equal(connection.state.name, "connecting");
      while (server.sockets.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const gone = once(theSocket(server), "close");
      theSocket(server).resume();
      assertAtOnce(await timeToClose(connection));
      await gone;
    });
  }

  it("while offline, and it does not try again", async () => {
    const sandbox = await runningSandbox();
    const connection = await onlineConnection(sandbox);
    const lost = enters(connection, "offline");
    sandbox.kick(connection.settings.clientId);
    await lost;
    const names = stateNames(connection);
    assertAtOnce(await timeToClose(connection));
    await new Promise((resolve) => setTimeout(resolve, 2 * QUICK.longestRetry));
    assert.deepEqual(names, ["closing", "closed"]);
  });

  it("while idle", async () => {
    const connection = connectionTo({ url: "mqtt://127.0.0.1:1" });
    assertAtOnce(await timeToClose(connection));
  });

  it("while going idle: it does not come back", async () => {
    const sandbox = await runningSandbox();
    const connection = connectionTo(sandbox);
    const sender = {};
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "online");
    const names = stateNames(connection);
    connection.removeSender(sender);
    connection.endDeploy();
    const closed = timeToClose(connection);
    connection.addSender(sender);
    connection.endDeploy();
    assertAtOnce(await closed);
    assert.deepEqual(names, ["closing", "closed"]);
  });

  it("twice is the same as once, and so is later", async () => {
    const sandbox = await runningSandbox();
    const connection = await onlineConnection(sandbox);
    const names = stateNames(connection);
    await Promise.all([connection.close(), connection.close()]);
    await connection.close();
    connection.endDeploy();
    assert.deepEqual(names, ["closing", "closed"]);
  });

  it("as soon as it is online", async () => {
    const sandbox = await runningSandbox();
    const connection = connectionTo(sandbox);
    const names = stateNames(connection);
    connection.addSubscriber(subscriber(deviceRequest("pump")));
    const online = enters(connection, "online").then(() => timeToClose(connection));
    connection.endDeploy();
    assertAtOnce(await online);
    assert.deepEqual(names, ["connecting", "online", "closing", "closed"]);
  });
});
