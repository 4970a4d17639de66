// A connection with several addresses: what each way of failing costs, and that nothing is lost meanwhile.
import assert from "node:assert/strict";
import { once } from "node:events";
import type { Socket } from "node:net";
import type { ConnectionEvents } from "../../nodes/connection/connection";
import { parseBrokerUrl } from "../../nodes/protocol/broker-url";
import { Sandbox } from "../../sandbox/sandbox";
import {
  closeConnections,
  connectionTo,
  enters,
  type OpenOptions,
  rawServer,
  reaches,
  sendNumber,
  stateNames,
} from "../support/connections";
import { type Script, ScriptedBroker, stopBrokers } from "../support/scripted-broker";
import { deviceRequest, subscriber } from "../support/subscribers";

const servers: { stop(): Promise<void> }[] = [];

afterEach(async () => {
  await closeConnections();
  await stopBrokers();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

/** A connection to these addresses, in use, and which of them failed how. */
function connectionToEach(urls: readonly string[], options: OpenOptions = {}) {
  const [first, ...rest] = urls.map(parseBrokerUrl);
  assert.ok(first);
  const settings = { brokers: [first, ...rest] as const, ...options.settings };
  const connection = connectionTo({ url: urls[0] ?? "" }, { ...options, settings });
  const failures: string[] = [];
  connection.on("nextAddress", ({ failure, failed, next }: ConnectionEvents["nextAddress"][0]) => {
    assert.notEqual(failed, next);
    failures.push(`${urls.indexOf(urlOf(failed, urls))} ${failure.code}`);
  });
  connection.addSender({});
  return { connection, failures };
}

function urlOf(url: ReturnType<typeof parseBrokerUrl>, urls: readonly string[]): string {
  return urls.find((text) => parseBrokerUrl(text).port === url.port) ?? "";
}

/** An address where nothing listens. */
async function deadUrl(): Promise<string> {
  const { url, stop } = await rawServer();
  await stop();
  return url;
}

/** One that accepts TCP and never says anything. */
async function silentUrl(): Promise<string> {
  const server = await rawServer((socket) => socket.resume());
  servers.push(server);
  return server.url;
}

const refusesCredentials: Script = ({ cmd }, reply) => {
  if (cmd !== "connect") return false;
  reply({ cmd: "connack", returnCode: 5, sessionPresent: false });
  return true;
};

describe("several addresses", () => {
  it("lead past a dead one without a pause, and the status names the one in use", async () => {
    const broker = await ScriptedBroker.start();
    const { connection, failures } = connectionToEach([await deadUrl(), broker.url]);
    const names = stateNames(connection);
    connection.endDeploy();
    const state = await reaches(connection, "online");
    assert.equal(`mqtt://${state.address}`, broker.url);
    assert.deepEqual(failures, ["0 REFUSED"]);
    assert.deepEqual(names, ["connecting", "connecting", "online"], "it is never offline");
    assert.equal(await sendNumber(connection, 1), undefined);
  });

  it("lead past one whose host does not resolve", async () => {
    const broker = await ScriptedBroker.start();
    const { connection, failures } = connectionToEach(["mqtt://name.invalid:1", broker.url]);
    connection.endDeploy();
    await reaches(connection, "online");
    assert.deepEqual(failures, ["0 HOST_NOT_FOUND"]);
  });

  it("lead past one that accepts TCP and never answers, after the time-out for several", async () => {
    const broker = await ScriptedBroker.start();
    const { connection, failures } = connectionToEach([await silentUrl(), broker.url], {
      timing: { connect: 60_000, connectBeforeNext: 50 },
    });
    connection.endDeploy();
    await reaches(connection, "online");
    assert.deepEqual(failures, ["0 TIMED_OUT"]);
  });

  it("are all tried before a pause, which shows the failure that a person can mend", async () => {
    const refusing = await ScriptedBroker.start(refusesCredentials);
    const { connection, failures } = connectionToEach([refusing.url, await deadUrl()]);
    connection.endDeploy();
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "NOT_AUTHORISED");
    assert.deepEqual(failures, ["0 NOT_AUTHORISED"]);
  });

  it("lead past one that refuses the credentials to one that accepts them, and stay there", async () => {
    const refusing = await ScriptedBroker.start(refusesCredentials);
    const broker = await ScriptedBroker.start();
    const { connection } = connectionToEach([refusing.url, broker.url], { timing: { stable: 1 } });
    const stable = once(connection, "stable");
    connection.endDeploy();
    await reaches(connection, "online");
    await stable;
    const again = enters(connection, "online");
    for (const socket of broker.sockets) socket.destroy();
    await again;
    const attempts = refusing.packets.filter(({ cmd }) => cmd === "connect");
    assert.equal(attempts.length, 1, "the refusing one is asked once");
  });

  it("pause for long where all refuse the credentials", async () => {
    const refusing = await ScriptedBroker.start(refusesCredentials);
    const other = await ScriptedBroker.start(refusesCredentials);
    const { connection } = connectionToEach([refusing.url, other.url], {
      timing: { refusedRetry: 30_000, longestRetry: 60_000 },
    });
    connection.endDeploy();
    const { retryIn } = await enters(connection, "offline");
    assert.ok(retryIn >= 30_000, `${retryIn} ms`);
    assert.equal(refusing.packets.length, 1);
    assert.equal(other.packets.length, 1);
  });

  it("keep the one that held: after a loss it is called first", async () => {
    const [one, two] = [await ScriptedBroker.start(), await ScriptedBroker.start()];
    const { connection, failures } = connectionToEach([one.url, two.url], {
      timing: { stable: 1 },
    });
    const stable = once(connection, "stable");
    connection.endDeploy();
    await stable;
    const again = enters(connection, "online");
    for (const socket of one.sockets) socket.destroy();
    await again;
    assert.deepEqual(failures, []);
    assert.deepEqual(two.packets, []);
  });

  it("carry what waits to the next one when the present one dies", async () => {
    const sandboxes = [new Sandbox({ port: 0 }), new Sandbox({ port: 0 })] as const;
    for (const sandbox of sandboxes) await sandbox.start();
    const { connection } = connectionToEach(sandboxes.map(({ url }) => url));
    connection.endDeploy();
    await reaches(connection, "online");
    const heard: unknown[] = [];
    sandboxes[1].on("event", ({ raw }) => heard.push(JSON.parse(raw).event_data.number));
    await sandboxes[0].stop();
    const fates = await Promise.all([1, 2, 3].map((number) => sendNumber(connection, number)));
    assert.deepEqual(fates, [undefined, undefined, undefined]);
    assert.deepEqual(heard, [1, 2, 3]);
    await connection.close();
    await sandboxes[1].stop();
  });

  it("subscribe anew at another address, whatever session it says it has", async () => {
    const sockets: Socket[] = [];
    const keepsSession: Script = ({ cmd }, reply, socket) => {
      if (cmd !== "connect") return false;
      sockets.push(socket);
      reply({ cmd: "connack", returnCode: 0, sessionPresent: true });
      return true;
    };
    const [one, two] = [
      await ScriptedBroker.start(keepsSession),
      await ScriptedBroker.start(keepsSession),
    ];
    const { connection } = connectionToEach([one.url, two.url]);
    connection.addSubscriber(subscriber(deviceRequest("pump")));
    connection.endDeploy();
    await one.packet(({ cmd }) => cmd === "subscribe");
    for (const socket of sockets) socket.destroy();
    const packet = await two.packet(({ cmd }) => cmd === "subscribe");
    assert.deepEqual(packet.cmd === "subscribe" && packet.subscriptions.map(({ topic }) => topic), [
      "1/demo-project/demo-user/pump/#",
    ]);
  });

  it("do not go astray over an event that the broker cannot bear", async () => {
    const closes: Script = (packet, _reply, socket) => {
      const isBad = packet.cmd === "publish" && String(packet.payload).includes("666");
      if (isBad) socket.destroy();
      return isBad;
    };
    const [one, two] = [await ScriptedBroker.start(closes), await ScriptedBroker.start(closes)];
    const { connection } = connectionToEach([one.url, two.url]);
    connection.endDeploy();
    const fates = await Promise.all([1, 666, 2].map((number) => sendNumber(connection, number)));
    assert.deepEqual(
      fates.map((fate) => fate?.code),
      [undefined, "EVENT_HANGS_UP", undefined],
    );
  });
});

describe("MQTT 5 at a broker that does not know it", () => {
  const knowsOnly3: Script = (packet, _reply, socket) => {
    const is5 = packet.cmd === "connect" && packet.protocolVersion === 5;
    if (is5) socket.destroy();
    return is5;
  };

  it("is told as that, with what to change, where it closes the connection without a word", async () => {
    const broker = await ScriptedBroker.start(knowsOnly3);
    const { connection } = connectionToEach([broker.url], { settings: { protocolVersion: 5 } });
    connection.endDeploy();
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "MQTT_5_REFUSED");
    assert.match(reason.message, /MQTT 3\.1\.1/);
  });

  it("is not blamed where it has worked before", async () => {
    let connects = 0;
    const broker = await ScriptedBroker.start(({ cmd }, _reply, socket) => {
      if (cmd !== "connect") return false;
      connects += 1;
      if (connects === 1) return false;
      socket.destroy();
      return true;
    });
    const { connection } = connectionToEach([broker.url], { settings: { protocolVersion: 5 } });
    connection.endDeploy();
    await reaches(connection, "online");
    for (const socket of broker.sockets) socket.destroy();
    await enters(connection, "offline");
    const { reason } = await enters(connection, "offline");
    assert.notEqual(reason.code, "MQTT_5_REFUSED");
  });
});

describe("a broker that closes the connection on a SUBSCRIBE", () => {
  const FORBIDDEN = "1/demo-project/demo-user/forbidden/#";

  /** Closes on that filter; counts how often, and knows the events that came. */
  async function strictBroker(isStrict: () => boolean = () => true) {
    const events: string[] = [];
    const broker = await ScriptedBroker.start((packet, _reply, socket) => {
      if (packet.cmd === "publish") events.push(String(packet.payload));
      if (packet.cmd !== "subscribe" || !isStrict()) return false;
      const isForbidden = packet.subscriptions.some(({ topic }) => topic === FORBIDDEN);
      // As RabbitMQ does: what was sent behind it is not read any more.
      if (isForbidden) socket.destroy();
      return isForbidden;
    });
    const closes = () =>
      broker.packets.filter(
        (packet) =>
          packet.cmd === "subscribe" &&
          packet.subscriptions.some(({ topic }) => topic === FORBIDDEN),
      ).length;
    return { broker, events, closes };
  }

  it("refuses that filter after three of them; the other nodes receive, and no event is blamed", async () => {
    const { broker, closes } = await strictBroker();
    const { connection } = connectionToEach([broker.url]);
    const bad = subscriber(deviceRequest("forbidden"));
    const good = subscriber(deviceRequest("pump"));
    const refused = new Promise<string | undefined>((resolve) => {
      bad.refused = (reason) => resolve(reason?.code);
    });
    connection.addSubscriber(bad);
    connection.addSubscriber(good);
    const fates = [1, 2, 3].map((number) => sendNumber(connection, number));
    connection.endDeploy();
    assert.equal(await refused, "SUBSCRIPTION_REFUSED");
    assert.deepEqual(await Promise.all(fates), [undefined, undefined, undefined]);
    assert.ok(closes() <= 5, `${closes()} disconnects`);
    broker.send({
      ...{ cmd: "publish", topic: "1/demo-project/demo-user/pump/event", payload: "{}" },
      ...{ qos: 0, dup: false, retain: false },
    });
    await good.upTo(1);
    assert.equal(connection.state.name, "online");
  });

  it("is asked for that filter again after a while, and its nodes hear when it is granted", async () => {
    let isStrict = true;
    const { broker } = await strictBroker(() => isStrict);
    const { connection } = connectionToEach([broker.url], { timing: { askAgain: 100 } });
    const bad = subscriber(deviceRequest("forbidden"));
    const told: (string | undefined)[] = [];
    const granted = new Promise<void>((resolve) => {
      bad.refused = (reason) => {
        told.push(reason?.code);
        if (reason) isStrict = false;
        else resolve();
      };
    });
    connection.addSubscriber(bad);
    connection.endDeploy();
    await granted;
    assert.deepEqual(told, ["SUBSCRIPTION_REFUSED", undefined]);
  });

  it("that never answers one is left alone with it, too", async () => {
    const broker = await ScriptedBroker.start(({ cmd }) => cmd === "subscribe");
    const { connection } = connectionToEach([broker.url], { timing: { acknowledge: 40 } });
    const node = subscriber(deviceRequest("pump"));
    const refused = new Promise<string | undefined>((resolve) => {
      node.refused = (reason) => resolve(reason?.code);
    });
    connection.addSubscriber(node);
    const fate = sendNumber(connection, 1);
    connection.endDeploy();
    assert.equal(await refused, "SUBSCRIPTION_REFUSED");
    assert.equal(await fate, undefined);
  });
});
