// The states of a connection: how it comes up, why it goes down, when it tries again.
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { mock } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { TIMING } from "../../nodes/connection/timing";
import { password } from "../../nodes/protocol/credentials";
import { Sandbox, type SandboxOptions } from "../../sandbox/sandbox";
import { certificate } from "../support/certificates";
import {
  closeConnections,
  connectionTo,
  enters,
  onlineConnection,
  openConnection,
  rawServer,
  reaches,
  sendNumber,
  sendNumbers,
  stateNames,
} from "../support/connections";
import { ScriptedBroker } from "../support/scripted-broker";

const servers: { stop(): Promise<void> }[] = [];

async function sandboxWith(options: SandboxOptions = {}): Promise<Sandbox> {
  const sandbox = new Sandbox({ port: 0, recordWire: true, ...options });
  await sandbox.start();
  servers.push(sandbox);
  return sandbox;
}

/** A sandbox that comes back on its old port. */
async function lastingSandbox(): Promise<Sandbox> {
  const { port, stop } = await rawServer();
  await stop();
  return sandboxWith({ port });
}

async function brokerWith(...script: Parameters<typeof ScriptedBroker.start>) {
  const broker = await ScriptedBroker.start(...script);
  servers.push(broker);
  return broker;
}

afterEach(async () => {
  await closeConnections();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

describe("connection: coming up", () => {
  it("opens when all have registered, once", async () => {
    const sandbox = await sandboxWith();
    const connection = connectionTo(sandbox);
    const names = stateNames(connection);
    assert.deepEqual(connection.state, { name: "idle" });
    connection.addSender({});
    connection.addSender({});
    assert.deepEqual(names, []);
    connection.endDeploy();
    connection.endDeploy();
    await reaches(connection, "online");
    connection.endDeploy();
    assert.deepEqual(names, ["connecting", "online"]);
    assert.equal(sandbox.wire.filter(({ cmd }) => cmd === "connect").length, 1);
  });

  it("does not open for nobody", async () => {
    const sandbox = await sandboxWith();
    const connection = connectionTo(sandbox);
    connection.endDeploy();
    const sender = {};
    connection.addSender(sender);
    connection.removeSender(sender);
    connection.endDeploy();
    assert.deepEqual(connection.state, { name: "idle" });
  });

  it("logs in as the settings say", async () => {
    const sandbox = await sandboxWith();
    const connected = sandbox.next("connected");
    await onlineConnection(sandbox, { settings: { clientId: "mine", keepalive: 30 } });
    const { clientId, username, clean } = await connected;
    assert.deepEqual([clientId, username, clean], ["mine", "demo-project/demo-user", false]);
    const [packet] = sandbox.wire;
    assert.equal(packet?.cmd === "connect" && packet.keepalive, 30);
  });

  it("asks a broker of MQTT 5 to keep the session, and one of MQTT 3.1.1 in its own way", async () => {
    const broker = await brokerWith();
    for (const protocolVersion of [4, 5] as const) {
      for (const cleanSession of [false, true]) {
        const clientId = `v${protocolVersion}-${cleanSession}`;
        await onlineConnection(broker, { settings: { protocolVersion, cleanSession, clientId } });
        const packet = await broker.packet(
          (one) => one.cmd === "connect" && one.clientId === clientId,
        );
        assert.ok(packet.cmd === "connect");
        assert.equal(packet.clean, cleanSession);
        const expiry = packet.properties?.sessionExpiryInterval;
        const kept = protocolVersion === 5 && !cleanSession;
        assert.equal(expiry, kept ? 0xffff_ffff : undefined);
      }
    }
  });

  for (const websocket of [false, true]) {
    it(`reaches a server with ${websocket ? "wss" : "mqtts"} that a tls-config trusts`, async () => {
      const tls = certificate();
      const sandbox = await sandboxWith({ tls, websocket });
      const connection = await onlineConnection(sandbox, { settings: { tls: { ca: tls.cert } } });
      assert.equal(await sendNumber(connection, 1), undefined);
    });

    it(`checks the name that a tls-config gives over ${websocket ? "wss" : "mqtts"}`, async () => {
      const tls = certificate({ altName: "DNS:broker.example" });
      const sandbox = await sandboxWith({ tls, websocket });
      const trusting = { ca: tls.cert, servername: "broker.example" };
      await onlineConnection(sandbox, { settings: { tls: trusting } });
    });

    it(`verifies no certificate over ${websocket ? "wss" : "mqtts"} if told so`, async () => {
      const sandbox = await sandboxWith({ tls: certificate(), websocket });
      await onlineConnection(sandbox, { settings: { tls: { rejectUnauthorized: false } } });
    });
  }

  it("speaks MQTT over WebSocket, at the path of the URL", async () => {
    const sandbox = await sandboxWith({ websocket: true });
    const connection = await onlineConnection({ url: `${sandbox.url}/mqtt` });
    assert.equal(await sendNumber(connection, 1), undefined);
  });

  it("reaches a server with an IPv6 address", async () => {
    for (const websocket of [false, true]) {
      const sandbox = await sandboxWith({ host: "::1", websocket });
      await onlineConnection(sandbox);
    }
  });
});

describe("connection: going down", () => {
  it("is offline between two attempts, with the reason of the last", async () => {
    const sandbox = await lastingSandbox();
    const connection = await onlineConnection(sandbox);
    const names = stateNames(connection);
    const lost = enters(connection, "offline");
    await sandbox.stop();
    assert.equal((await lost).reason.code, "CONNECTION_CLOSED");
    assert.deepEqual(
      (await enters(connection, "connecting")).lastFailure?.code,
      "CONNECTION_CLOSED",
    );
    assert.equal((await enters(connection, "offline")).reason.code, "REFUSED");
    assert.equal((await enters(connection, "connecting")).lastFailure?.code, "REFUSED");
    await sandbox.start();
    await reaches(connection, "online");
    const attempts = Array.from({ length: (names.length - 1) / 2 }, () => [
      "offline",
      "connecting",
    ]);
    assert.deepEqual(names, [...attempts.flat(), "online"]);
  });

  it("tells of a first attempt that fails nothing of an earlier one", async () => {
    const sandbox = await sandboxWith();
    const connection = connectionTo(sandbox);
    connection.addSender({});
    const connecting = enters(connection, "connecting");
    connection.endDeploy();
    assert.equal((await connecting).lastFailure, undefined);
  });

  it("comes back after being cut off", async () => {
    const sandbox = await sandboxWith();
    const connection = await onlineConnection(sandbox);
    for (let count = 0; count < 3; count += 1) {
      const lost = enters(connection, "offline");
      assert.ok(sandbox.kick(connection.settings.clientId));
      await lost;
      await reaches(connection, "online");
    }
  });

  it("comes back by its own clock alone, not by that of mqtt.js too", async () => {
    const sandbox = await sandboxWith();
    const connection = await onlineConnection(sandbox);
    const back = enters(connection, "online");
    sandbox.kick(connection.settings.clientId);
    await back;
    // mqtt.js would try again after a second.
    await pause(1_200);
    assert.equal(sandbox.wire.filter(({ cmd }) => cmd === "connect").length, 2);
  });

  it("with wrong credentials says so and takes its time", async () => {
    const sandbox = await sandboxWith();
    const connection = openConnection(sandbox, {
      settings: { password: password("DEMO0KEY", "wrong") },
      timing: { firstRetry: 1, longestRetry: 50, refusedRetry: 40 },
    });
    for (let count = 0; count < 3; count += 1) {
      const { reason, retryIn } = await enters(connection, "offline");
      assert.equal(reason.code, "NOT_AUTHORISED");
      assert.ok(retryIn >= 40, `again in ${retryIn} ms`);
    }
  });

  it("with wrong credentials tries three times a minute at the most, for as long as they are wrong", async () => {
    const { random } = Math;
    // As early as may be.
    Math.random = () => 0;
    mock.timers.enable({ apis: ["setTimeout"] });
    try {
      const broker = await brokerWith((packet, reply) => {
        if (packet.cmd === "connect")
          reply({ cmd: "connack", returnCode: 5, sessionPresent: false });
        return true;
      });
      const connection = connectionTo(broker, { timing: TIMING });
      let seconds = 0;
      const attempts: number[] = [];
      connection.on("state", ({ name }) => {
        if (name === "connecting") attempts.push(seconds);
      });
      connection.addSender({});
      connection.endDeploy();
      await reaches(connection, "offline");
      while (seconds < 600) {
        seconds += 1;
        mock.timers.tick(1_000);
        await reaches(connection, "offline");
      }

      const inMinuteFrom = (from: number) =>
        attempts.filter((at) => at >= from && at < from + 60).length;
      assert.ok(Math.max(...attempts.map(inMinuteFrom)) <= 3, `at ${attempts.join(", ")} s`);
      assert.ok(attempts.length >= 10, `at ${attempts.join(", ")} s`);
    } finally {
      mock.timers.reset();
      Math.random = random;
    }
  });

  it("on a broken key tries again, for a deploy may mend it", async () => {
    const { url, stop } = await rawServer(undefined, certificate());
    servers.push({ stop });
    const tls = { key: "no key", cert: "no certificate" };
    const connection = openConnection({ url }, { settings: { tls } });
    assert.equal((await reaches(connection, "offline")).reason.code, "TLS_FAILED");
    await enters(connection, "connecting");
  });

  it("waits longer with every failure, and begins again after a stable time", async () => {
    const { random } = Math;
    Math.random = () => 0.999;
    try {
      const sandbox = await lastingSandbox();
      const timing = { firstRetry: 4, longestRetry: 60_000, stable: 100 };
      const connection = openConnection(sandbox, { timing });
      await reaches(connection, "online");
      let lost = enters(connection, "offline");
      await sandbox.stop();
      const pauses = [(await lost).retryIn];
      while (pauses.length < 4) pauses.push((await enters(connection, "offline")).retryIn);
      assert.deepEqual(pauses.map(Math.ceil), [4, 8, 16, 32]);
      await sandbox.start();
      await reaches(connection, "online");
      lost = enters(connection, "offline");
      sandbox.kick(connection.settings.clientId);
      assert.equal(Math.ceil((await lost).retryIn), 64, "it did not hold long enough");
      await reaches(connection, "online");
      await pause(timing.stable + 50);
      lost = enters(connection, "offline");
      sandbox.kick(connection.settings.clientId);
      assert.equal(Math.ceil((await lost).retryIn), 4);
    } finally {
      Math.random = random;
    }
  });

  it("notices a broker that has fallen silent", async () => {
    const broker = await brokerWith((packet) => packet.cmd === "pingreq");
    const connection = await onlineConnection(broker, { settings: { keepalive: 1 } });
    const { reason } = await enters(connection, "offline");
    assert.equal(reason.code, "KEEPALIVE_LOST");
  });

  it("takes acknowledgements for a sign of life, whatever becomes of the pings", async () => {
    const broker = await brokerWith((packet) => packet.cmd === "pingreq");
    const connection = await onlineConnection(broker, { settings: { keepalive: 1 } });
    const names = stateNames(connection);
    const longAfterKeepAlive = performance.now() + 2_000;
    while (performance.now() < longAfterKeepAlive) await sendNumber(connection, 1);
    assert.deepEqual(names, []);
  });

  it("pings within the keep-alive all the same, as the broker wants (MQTT-3.1.2-23)", async () => {
    let silence: NodeJS.Timeout | undefined;
    const later: (() => void)[] = [];
    const broker = await brokerWith((packet, reply, socket) => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.destroy(), 1_500);
      if (packet.cmd !== "publish") return false;
      later.push(() => reply({ cmd: "puback", messageId: packet.messageId ?? 0 }));
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { keepalive: 1 } });
    const names = stateNames(connection);
    const acknowledging = setInterval(() => later.shift()?.(), 300);
    try {
      await sendNumbers(connection, 12, 1);
    } finally {
      clearInterval(acknowledging);
      clearTimeout(silence);
    }
    assert.deepEqual(names, []);
  });

  it("pings as often as an MQTT 5 broker wants, even where keep-alive is off (MQTT-3.2.2-21)", async () => {
    const broker = await brokerWith(({ cmd }, reply) => {
      if (cmd !== "connect") return false;
      const properties = { serverKeepAlive: 1 };
      reply({ cmd: "connack", reasonCode: 0, sessionPresent: false, properties });
      return true;
    });
    await onlineConnection(broker, { settings: { protocolVersion: 5, keepalive: 0 } });
    await broker.packet(({ cmd }) => cmd === "pingreq");
  });

  it("tells the reason that an MQTT 5 broker gives, and does not wait for it to hang up", async () => {
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "subscribe" && packet.cmd !== "publish") return false;
      reply({ cmd: "disconnect", reasonCode: 142 });
      return true;
    });
    const connection = await onlineConnection(broker, { settings: { protocolVersion: 5 } });
    const lost = enters(connection, "offline");
    void sendNumber(connection, 1);
    const { reason } = await lost;
    assert.equal(reason.message, "Another client connected with the same client ID");
  });

  it("survives an answer that makes no sense", async () => {
    let answers = 0;
    const broker = await brokerWith((packet, reply) => {
      if (packet.cmd !== "publish" || ++answers > 1) return false;
      reply({ cmd: "suback", messageId: packet.messageId ?? 0, granted: [0] });
      return true;
    });
    const connection = await onlineConnection(broker);
    const lost = enters(connection, "offline");
    const fate = sendNumber(connection, 1);
    assert.equal((await lost).reason.code, "MQTT_UNREADABLE");
    assert.equal(await fate, undefined);
  });

  it("takes nothing that a connection says after it has ended for the next one's", async () => {
    const sandbox = await sandboxWith();
    const connection = await onlineConnection(sandbox);
    const names = stateNames(connection);
    sandbox.kick(connection.settings.clientId);
    await enters(connection, "online");
    await sendNumber(connection, 1);
    assert.deepEqual(names, ["offline", "connecting", "online"]);
  });

  it("never shows the password", async () => {
    const sandbox = await sandboxWith();
    const connection = openConnection(sandbox, {
      settings: { password: password("KEY", "s3cret") },
    });
    const { reason } = await reaches(connection, "offline");
    assert.doesNotMatch(JSON.stringify([reason.message, reason.details]), /KEY|s3cret/);
  });
});

describe("connection: without users", () => {
  it("goes idle, and comes back with the next user", async () => {
    const sandbox = await sandboxWith();
    const connection = connectionTo(sandbox);
    const sender = {};
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "online");
    const names = stateNames(connection);
    const disconnected = sandbox.next("disconnected");
    connection.removeSender(sender);
    connection.endDeploy();
    assert.equal((await disconnected).graceful, true);
    await reaches(connection, "idle");
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "online");
    assert.deepEqual(names, ["closing", "idle", "connecting", "online"]);
  });

  it("comes back at once if the next user comes while it is closing", async () => {
    const sandbox = await sandboxWith();
    const connection = connectionTo(sandbox);
    const sender = {};
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "online");
    const names = stateNames(connection);
    connection.removeSender(sender);
    connection.endDeploy();
    assert.equal(connection.state.name, "closing");
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "online");
    assert.deepEqual(names, ["closing", "idle", "connecting", "online"]);
  });

  it("stops trying", async () => {
    const { url, stop } = await rawServer();
    await stop();
    const connection = connectionTo(
      { url },
      { timing: { firstRetry: 60_000, longestRetry: 60_000 } },
    );
    const sender = {};
    connection.addSender(sender);
    connection.endDeploy();
    await reaches(connection, "offline");
    connection.removeSender(sender);
    connection.endDeploy();
    await reaches(connection, "idle");
    // It is gone a turn after it was given up.
    while (process.getActiveResourcesInfo().includes("TCPSocketWrap")) {
      await new Promise(setImmediate);
    }
  });
});

describe("connection: what it leaves behind", () => {
  /** Runs a program that uses connections to the end; resolves with what it wrote. */
  async function visit(env: NodeJS.ProcessEnv = {}): Promise<string> {
    const sandbox = await sandboxWith();
    const script = path.join(__dirname, "../support/visit.ts");
    const program = spawn(process.execPath, ["-r", "tsx", script, sandbox.url], {
      env: { ...process.env, ...env },
    });
    let written = "";
    for (const stream of [program.stdout, program.stderr]) {
      stream.on("data", (chunk) => {
        written += chunk;
      });
    }
    const [code] = await once(program, "close");
    assert.equal(code, 0, written);
    assert.equal(sandbox.wire.at(-1)?.cmd, "disconnect");
    return written;
  }

  it("is nothing that keeps Node-RED from ending", async () => {
    assert.equal(await visit(), "");
  });

  it("is no password in a debug log", async () => {
    const written = await visit({ DEBUG: "mqttjs*" });
    assert.match(written, /mqttjs/);
    assert.doesNotMatch(written, /DEMO0KEY/);
  });
});
