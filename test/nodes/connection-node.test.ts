// `m1 connection`: when it connects and as whom, what it tells when it cannot, and how it ends.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import type { ConnectionNode } from "../../nodes/runtime/registration";
import { DEMO_ACCOUNT, Sandbox, type SandboxOptions, type WirePacket } from "../../sandbox/sandbox";
import { certificate } from "../support/certificates";
import { useDurations } from "../support/durations";
import {
  allCaught,
  type Credentials,
  catching,
  caught,
  connectionTo,
  demoCredentials,
  deploy,
  deviceIn,
  eachWithSandbox,
  eventOut,
  type FlowNode,
  groupIn,
  inbox,
  input,
  logged,
  node,
  online,
  quit,
  received,
  shows,
  startFlow,
  startListeners,
  status,
  statuses,
  stopFlow,
  storedEvents,
  warnings,
} from "../support/flows";
import { ScriptedBroker } from "../support/scripted-broker";

const OTHER_USER = {
  projectMqtt: "other-project",
  userMqtt: "other-user",
  apiKey: "OTHER0KEY",
  userPassword: "other",
};

const variable = (name: string) => ["$", "{M1_TEST_", name, "}"].join("");

describe("m1 connection", () => {
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, OTHER_USER] });

  afterEach(() => {
    for (const name of Object.keys(process.env)) {
      if (name.startsWith("M1_TEST_")) delete process.env[name];
    }
  });

  function flowOf(settings: object = {}): FlowNode[] {
    return [connectionTo(context.sandbox, settings), eventOut(), ...catching()];
  }

  function connects(): (WirePacket & { cmd: "connect" })[] {
    return context.sandbox.wire.flatMap((packet) => (packet.cmd === "connect" ? [packet] : []));
  }

  function subscribes(): string[][] {
    return context.sandbox.wire.flatMap((packet) =>
      packet.cmd === "subscribe" ? [packet.subscriptions.map(({ filter }) => filter).sort()] : [],
    );
  }

  async function clientIdOf(settings: object = {}): Promise<string> {
    await startFlow(flowOf(settings));
    await online();
    const [client] = context.sandbox.clients;
    await stopFlow();
    return client?.clientId ?? "";
  }

  /** A sandbox of its own for one test. */
  async function withSandbox(
    options: SandboxOptions,
    test: (sandbox: Sandbox) => Promise<void>,
  ): Promise<void> {
    const sandbox = new Sandbox({ port: 0, recordWire: true, ...options });
    await sandbox.start();
    try {
      await test(sandbox);
    } finally {
      await stopFlow();
      await sandbox.stop();
    }
  }

  describe("life", () => {
    it("is one connection for all its nodes, with one SUBSCRIBE after all have registered", async () => {
      await startFlow([
        ...deviceIn("pump", { deviceId: "pump", broadcast: false }),
        connectionTo(context.sandbox),
        ...groupIn("north", { groups: ["north"], broadcast: false }),
        eventOut(),
        eventOut({ id: "out2" }),
      ]);
      await online();
      await input("out", { payload: 1 });
      await input("out2", { payload: 2 });
      equal(connects().length, 1);
      deepEqual(subscribes(), [["1/demo-project/demo-user/pump/#", "2/demo-project/north/#"]]);
    });

    it("is one connection for each config node, each with its own user", async () => {
      const { projectMqtt, userMqtt, apiKey, userPassword } = OTHER_USER;
      await startFlow(
        [
          connectionTo(context.sandbox),
          connectionTo(context.sandbox, { id: "m2", projectMqtt, userMqtt }),
          eventOut(),
          eventOut({ id: "out2", connection: "m2" }),
        ],
        { m1: demoCredentials(), m2: { apiKey, userPassword } },
      );
      await input("out", { payload: 1 });
      await input("out2", { payload: 2 });
      const events = await storedEvents(context.sandbox, 2);
      deepEqual(
        new Set(events.map((event) => `${event.userMqtt} ${event.eventData.value}`)),
        new Set(["demo-user 1", "other-user 2"]),
      );
      equal(new Set(connects().map(({ clientId }) => clientId)).size, 2);
    });

    it("is not opened for nobody", async () => {
      await startFlow(
        [
          connectionTo(context.sandbox, { id: "unused" }),
          connectionTo(context.sandbox, { id: "useless" }),
          eventOut({ id: "off", connection: "useless", d: true }),
          ...flowOf(),
        ],
        { m1: demoCredentials(), unused: demoCredentials(), useless: demoCredentials() },
      );
      await online();
      equal(connects().length, 1);
      deepEqual([...statuses("unused"), ...statuses("useless")], []);
    });

    it("is closed with DISCONNECT when its last node goes, and opened when one comes", async () => {
      await startFlow(flowOf());
      await online();
      const gone = context.sandbox.next("disconnected");
      await deploy([connectionTo(context.sandbox), ...catching()], "nodes");
      equal((await gone).graceful, true);
      await shows("m1", ({ text }) => text === "not in use");
      await deploy(flowOf(), "nodes");
      await online();
      equal((await input("out", { payload: 1 })).error, undefined);
      deepEqual(allCaught(), []);
    });

    it("stays open when one of its nodes goes", async () => {
      await startFlow([...flowOf(), ...deviceIn("in")]);
      await online();
      await deploy(flowOf(), "nodes");
      await input("out", { payload: 1 });
      const subscribed = context.sandbox.next("subscribed");
      await deploy([connectionTo(context.sandbox), ...deviceIn("in")], "nodes");
      await subscribed;
      await context.sandbox.sendDeviceEvent("pump", 1);
      await received("in got");
      equal(connects().length, 1);
    });

    it("is closed with DISCONNECT when Node-RED ends, and nothing follows", async () => {
      await startFlow([...flowOf(), ...deviceIn("in")]);
      await online();
      await input("out", { payload: 1 });
      const gone = context.sandbox.next("disconnected");
      await quit();
      equal((await gone).graceful, true);
      const last = context.sandbox.wire.at(-1);
      equal(last?.cmd, "disconnect");
      await context.sandbox.sendDeviceEvent("pump", "to nobody");
      equal(context.sandbox.wire.at(-1), last);
    });

    it("leaves nothing behind when a deploy replaces it", async () => {
      const flow = [...flowOf(), ...deviceIn("in"), ...deviceIn("bad", { qos: "3" })];
      await startFlow(flow);
      const before = startListeners();
      for (let n = 0; n < 3; n += 1) await deploy(flow, "full");
      equal(startListeners(), before);
      const invalid = flowOf({ keepalive: "often" });
      await deploy(invalid, "full");
      ok(startListeners() < before);
    });

    it("ends while it tries to connect", async () => {
      await context.sandbox.stop();
      await startFlow(flowOf());
      await shows("m1", ({ text }) => text === "nothing listens");
      await stopFlow();
      await context.sandbox.start();
      deepEqual(connects(), []);
    });

    for (const [when, answers] of [
      ["never answers", false],
      ["has stopped answering", true],
    ] as const) {
      it(`ends within 2 s although the broker ${when}`, async () => {
        const broker = await ScriptedBroker.start(({ cmd }) => !(answers && cmd === "connect"));
        await startFlow([connectionTo(broker), eventOut(), ...deviceIn("in")]);
        await broker.packet(({ cmd }) => cmd === (answers ? "subscribe" : "connect"));
        if (answers) void input("out", { payload: "unacknowledged" });
        const closed = once([...broker.sockets][0] ?? broker, "close");
        const started = Date.now();
        await stopFlow();
        const took = Date.now() - started;
        ok(took < 2_300, `took ${took} ms`);
        await closed;
      });
    }

    it("tells of what its full outbox drops during the goodbye", async () => {
      let answer: () => void = () => undefined;
      const broker = await ScriptedBroker.start(({ cmd, messageId = 0 }, reply) => {
        answer = () => reply({ cmd: "puback", messageId });
        return cmd === "publish";
      });
      const settings = { outboxLimit: "2", outboxFull: "drop-oldest" };
      await startFlow([connectionTo(broker, settings), eventOut(), ...catching()]);
      await online();
      const acknowledged = input("out", { payload: 1 });
      await broker.packet(({ cmd }) => cmd === "publish");
      const { connection } = node("m1") as ConnectionNode;
      ok(connection);

      const goodbye = once(connection, "state");
      const gone = deploy([], "full");
      await goodbye;
      equal(connection.state.name, "closing");
      for (const payload of ["dropped", "kept"]) {
        connection.send({ topic: "0/p/u/", payload, qos: 1, done: () => undefined });
      }
      answer();
      await acknowledged;
      await gone;

      const errors = logged().filter(({ level, id }) => id === "m1" && level === 20);
      deepEqual(
        errors.map(({ msg }) => String((msg as Error).message)),
        ["Events that were not sent: 1 dropped from the full outbox"],
      );
    });
  });

  describe("client id", () => {
    it("is ours by default: 32 characters at the most, and the same after a restart", async () => {
      const first = await clientIdOf();
      match(first, /^nodered-[0-9a-f]+$/);
      ok(first.length <= 32, first);
      equal(await clientIdOf(), first);
    });

    it("is another for another config node", async () => {
      await startFlow(
        [
          ...flowOf(),
          connectionTo(context.sandbox, { id: "m2" }),
          eventOut({ id: "out2", connection: "m2" }),
        ],
        { m1: demoCredentials(), m2: demoCredentials() },
      );
      await Promise.all([online("m1"), online("m2")]);
      equal(context.sandbox.clients.length, 2);
      equal(connects().length, 2);
    });

    it("is the user's own", async () => {
      equal(await clientIdOf({ clientId: "greenhouse gateway 7" }), "greenhouse gateway 7");
    });
  });

  describe("CONNECT", () => {
    it("says keep-alive 60 and no clean session by default, with MQTT 3.1.1", async () => {
      await startFlow(flowOf());
      await online();
      const [packet] = connects();
      deepEqual(
        [packet?.keepalive, packet?.clean, packet?.protocolVersion, packet?.username],
        [60, false, 4, "demo-project/demo-user"],
      );
    });

    it("says what the settings say", async () => {
      await startFlow(flowOf({ keepalive: "300", cleanSession: true }));
      await online();
      deepEqual([connects()[0]?.keepalive, connects()[0]?.clean], [300, true]);
    });

    it("speaks MQTT 5 on request, in a session that does not expire", async () => {
      const broker = await ScriptedBroker.start();
      await startFlow([connectionTo(broker, { protocolVersion: "5" }), eventOut()]);
      await online();
      const packet = await broker.packet(({ cmd }) => cmd === "connect");
      ok(packet.cmd === "connect");
      equal(packet.protocolVersion, 5);
      equal(packet.properties?.sessionExpiryInterval, 0xffff_ffff);
      equal(packet.clean, false);
    });

    it("carries the credentials as the contract has them", async () => {
      const broker = await ScriptedBroker.start();
      await startFlow([connectionTo(broker), eventOut()]);
      const packet = await broker.packet(({ cmd }) => cmd === "connect");
      ok(packet.cmd === "connect");
      equal(packet.username, "demo-project/demo-user");
      equal(String(packet.password), "DEMO0KEY/demo/password");
    });
  });

  describe("a refusal", () => {
    const wrong = { m1: { apiKey: "DEMO0KEY", userPassword: "wrong" } };

    it("of the password is red, and one error however often it is tried", async () => {
      await startFlow(
        [
          ...flowOf(),
          { id: "status", type: "status", scope: null, wires: [["told"]] },
          { id: "told", type: "probe" },
        ],
        wrong,
      );
      const { error } = await caught();
      deepEqual([error.code, error.source.id], ["NOT_AUTHORISED", "m1"]);
      equal(
        error.message,
        "Not authorised: check project and user MQTT ID, API key and user password",
      );
      while (context.sandbox.refusals.length < 4) await once(context.sandbox, "refusal");
      await shows("out", ({ fill }) => fill === "red");
      for (const id of ["m1", "out"]) {
        deepEqual(status(id), { fill: "red", shape: "ring", text: "not authorised" });
        const shown = statuses(id).map(({ text }) => text);
        equal(shown.indexOf("not authorised"), shown.length - 1, shown.join(", "));
      }
      equal(allCaught().length, 1);
      const told = inbox("told").map((message) => message.status as Told);
      ok(told.some(({ text, source }) => text === "not authorised" && source.id === "m1"));
    });

    it("of the password holds events back until a deploy brings the right one", async () => {
      await startFlow(flowOf(), wrong);
      const waiting = input("out", { payload: 1 });
      await shows("out", ({ text }) => text === "not authorised: 1 queued");
      await deploy(flowOf(), "full", { m1: demoCredentials() });
      equal((await waiting).error, undefined);
      equal((await storedEvents(context.sandbox, 1))[0]?.eventData.value, 1);
    });

    it("that follows another failure is a second error: a person has to act", async () => {
      await context.sandbox.stop();
      await startFlow(flowOf(), wrong);
      equal((await caught()).error.code, "REFUSED");
      await context.sandbox.start();
      equal((await caught()).error.code, "NOT_AUTHORISED");
      while (context.sandbox.refusals.length < 3) await once(context.sandbox, "refusal");
      equal(allCaught().length, 2);
    });

    it("of the MQTT version says so", async () => {
      await startFlow(flowOf({ protocolVersion: "5" }));
      const { error } = await caught();
      equal(error.code, "PROTOCOL_REFUSED");
      equal(status("out")?.text, "wrong MQTT version");
    });

    it("of the client id says so", async () => {
      const broker = await ScriptedBroker.start((packet, reply) => {
        if (packet.cmd === "connect")
          reply({ cmd: "connack", returnCode: 2, sessionPresent: false });
        return true;
      });
      await startFlow([connectionTo(broker, { clientId: "gateway" }), eventOut(), ...catching()]);
      const { error } = await caught();
      equal(error.message, "The broker refused the client ID gateway");
      equal(status("m1")?.text, "client ID refused");
    });
  });

  describe("a refusal of events that passes", () => {
    useDurations({ firstPause: 5, longestPause: 20, calm: 100 });

    for (const { code, text, warning } of [
      {
        ...{ code: 0x97, text: "quota exceeded: 1 queued" },
        warning: "The broker's quota is used up: events stay queued and are sent more slowly",
      },
      {
        ...{ code: 0x80, text: "refused for now: 1 queued" },
        warning: "The broker refuses events for now; they stay queued: Unspecified error",
      },
    ]) {
      it(`shows why in yellow, is one warning, and is over when events go again (0x${code.toString(16)})`, async () => {
        let refusals = 2;
        const broker = await ScriptedBroker.start((packet, reply) => {
          if (packet.cmd !== "publish" || refusals === 0) return false;
          refusals -= 1;
          reply({ cmd: "puback", messageId: packet.messageId ?? 0, reasonCode: code });
          return true;
        });
        const config = connectionTo(broker, { protocolVersion: "5" });
        await startFlow([config, eventOut(), ...catching()]);
        await online();

        const outcome = input("out", { payload: 1 });
        for (const id of ["out", "m1"]) {
          const shown = await shows(id, ({ fill }) => fill === "yellow");
          deepEqual(shown, { fill: "yellow", shape: "dot", text });
        }
        equal((await outcome).error, undefined);
        await online();

        const lines = logged().filter(({ level, id }) => id === "m1" && level <= 40);
        deepEqual(
          lines.map(({ msg }) => String((msg as Error).message ?? msg)),
          [`Connected to ${broker.url} as demo-project/demo-user`, warning],
        );
        equal(allCaught().length, 0);
      });
    }
  });

  describe("an outage", () => {
    it("is one error however long it lasts, and one line in the log when it is over", async () => {
      await startFlow(flowOf());
      await online();
      for (let outage = 1; outage <= 2; outage += 1) {
        await context.sandbox.stop();
        await shows("m1", ({ text }) => text === "nothing listens");
        await context.sandbox.start();
        await online();
        equal(allCaught().length, outage);
      }
      deepEqual(
        allCaught().map(({ error }) => error.source.id),
        ["m1", "m1"],
      );
      const lines = logged().filter(({ level, id }) => id === "m1" && level === 40);
      deepEqual(
        lines.map(({ msg }) => msg),
        Array(3).fill(`Connected to ${context.sandbox.url} as demo-project/demo-user`),
      );
    });

    it("is told once for each node that uses the connection, and not for one that is gone", async () => {
      await startFlow([...flowOf(), ...deviceIn("in")]);
      await online();
      context.sandbox.kick(context.sandbox.clients[0]?.clientId ?? "");
      await Promise.all([caught(), caught()]);
      await online();
      await deploy(flowOf(), "nodes");
      context.sandbox.kick(context.sandbox.clients[0]?.clientId ?? "");
      await caught();
      await online();
      await input("out", { payload: 1 });
      equal(allCaught().length, 3);
    });

    it("that begins without a word is told as what it is", async () => {
      await startFlow(flowOf());
      await online();
      context.sandbox.kick(context.sandbox.clients[0]?.clientId ?? "");
      const { error } = await caught();
      equal(error.message, "The broker closed the connection");
      await online();
    });

    it("that another client with the same id causes again and again is told as that, once", async () => {
      await startFlow(flowOf({ clientId: "gateway" }));
      for (let n = 0; n < 5; n += 1) {
        await online();
        context.sandbox.kick("gateway");
        await shows("m1", ({ fill }) => fill === "red");
      }
      await online();
      await input("out", { payload: 1 });
      const clashes = allCaught().filter(({ error }) => error.code === "CLIENT_ID_CLASH");
      equal(clashes.length, 1);
      match(clashes[0]?.error.message ?? "", /gateway/);
      ok(statuses("out").some(({ fill, text }) => fill === "red" && /client id/i.test(text ?? "")));
    });

    it("of the name server is told as what it is", async () => {
      await startFlow(flowOf({ url: "mqtt://nowhere.invalid:1883" }));
      equal((await caught()).error.message, "Host not found: nowhere.invalid");
      equal(status("out")?.text, "host not found");
    });
  });

  describe("a config node that is not there", () => {
    const missing = {
      code: "CONNECTION_MISSING",
      message:
        "No connection is selected, or the selected one no longer exists: choose one in the node's dialog",
      text: "no connection",
    };
    const disabled = {
      code: "CONNECTION_DISABLED",
      message: "The connection is disabled: enable it in its dialog, then deploy",
      text: "connection disabled",
    };
    const cases: { title: string; flow: () => FlowNode[]; told: typeof missing }[] = [
      {
        title: "missing",
        flow: () => [eventOut(), ...deviceIn("in"), ...catching()],
        told: missing,
      },
      {
        title: "disabled",
        flow: () => [
          connectionTo(context.sandbox, { d: true }),
          eventOut(),
          ...deviceIn("in"),
          ...catching(),
        ],
        told: disabled,
      },
      {
        title: "of another type",
        flow: () => [
          { id: "m1", type: "tls-config", cert: "", key: "", ca: "" },
          eventOut(),
          ...deviceIn("in"),
          ...catching(),
        ],
        told: missing,
      },
      {
        title: "not selected",
        flow: () => [
          eventOut({ connection: "" }),
          ...deviceIn("in", { connection: undefined }),
          ...catching(),
        ],
        told: missing,
      },
    ];
    for (const { title, flow, told } of cases) {
      it(`${title} is a red status and one error of each node, and an error of each message`, async () => {
        await startFlow(flow().map((node) => JSON.parse(JSON.stringify(node)) as FlowNode));
        const errors = [await caught(), await caught()];
        deepEqual(
          errors.map(({ error }) => [error.source.id, error.code, error.message]).sort(),
          ["in", "out"].map((id) => [id, told.code, told.message]),
        );
        for (const id of ["in", "out"]) {
          deepEqual(statuses(id), [{ fill: "red", shape: "ring", text: told.text }]);
        }
        for (const payload of [1, 2]) {
          equal((await input("out", { payload })).error?.code, told.code);
          await caught();
        }
        equal(allCaught().length, 4);
      });
    }

    it("disabled in a subflow is told as such in each of its instances", async () => {
      const z = "sub";
      await startFlow([
        { id: "sub", type: "subflow", name: "", in: [], out: [] },
        connectionTo(context.sandbox, { z, d: true }),
        { ...eventOut(), z, x: 0, y: 0, wires: [] },
        { id: "instance", type: "subflow:sub" },
        ...catching(),
      ]);
      equal((await caught()).error.message, disabled.message);
    });
  });

  describe("further addresses", () => {
    const DEAD = "mqtt://127.0.0.1:1";
    const flowTo = (fallbackUrls: unknown): FlowNode[] => [
      connectionTo({ url: DEAD }, { fallbackUrls }),
      eventOut(),
      ...catching(),
    ];
    const warnings = () =>
      logged().flatMap(({ id, level, msg }) => (id === "m1" && level === 30 ? [String(msg)] : []));

    it("are tried in turn: the status names the one in use, a warning the one that fails", async () => {
      const { url } = context.sandbox;
      // Blank ones and repetitions are none.
      await startFlow(flowTo([DEAD, "", url, ` ${url} `]));
      const { text } = await shows("m1", ({ fill }) => fill === "green");
      equal(text, `connected to ${url.replace("mqtt://", "")}`);
      deepEqual(warnings(), [`${DEAD} does not work: Nothing listens at ${DEAD}. Trying ${url}`]);
      await input("out", { payload: 1 });
      deepEqual(allCaught(), []);
      ok(logged().some(({ msg }) => String(msg).startsWith(`Connected to ${url} as`)));
    });

    it("are one error when none works, and one warning each", async () => {
      await startFlow(flowTo(["mqtt://127.0.0.1:2"]));
      await shows("m1", ({ text }) => text === "nothing listens");
      await caught();
      equal(allCaught().length, 1);
      equal(warnings().length, 1);
    });

    it("may be environment variables, set or blank; one that is not set is named", async () => {
      process.env.M1_TEST_SECOND = context.sandbox.url;
      process.env.M1_TEST_BLANK = "";
      await startFlow(flowTo([variable("BLANK"), variable("SECOND")]));
      await shows("m1", ({ fill }) => fill === "green");
      await deploy(flowTo([variable("UNSET")]), "full");
      const { error } = await caught();
      match(error.message, /further addresses.*M1_TEST_UNSET/);
    });
  });

  describe("environment variables", () => {
    it("may stand for every setting and every credential", async () => {
      Object.assign(process.env, {
        M1_TEST_URL: context.sandbox.url,
        M1_TEST_PROJECT: DEMO_ACCOUNT.projectMqtt,
        M1_TEST_USER: DEMO_ACCOUNT.userMqtt,
        M1_TEST_CLIENT: "gateway",
        M1_TEST_VERSION: "4",
        M1_TEST_KEEPALIVE: "17",
        M1_TEST_OUTBOX: "memory",
        M1_TEST_LIMIT: "1",
        M1_TEST_FULL: "reject",
        M1_TEST_SYNC: "always",
        M1_TEST_MEGABYTES: "2",
        M1_TEST_RATE: "50",
        M1_TEST_AGE: "24",
        M1_TEST_KEY: DEMO_ACCOUNT.apiKey,
        M1_TEST_PASSWORD: DEMO_ACCOUNT.userPassword,
        M1_TEST_DEVICE: "pump",
        M1_TEST_RECEIVE: "event",
        M1_TEST_TYPE: "filter",
        M1_TEST_DATATYPE: "utf8",
        M1_TEST_QOS: "2",
        M1_TEST_GROUP: "north",
        M1_TEST_BROADCAST: "false",
      });
      await startFlow(
        [
          connectionTo(context.sandbox, {
            url: variable("URL"),
            projectMqtt: variable("PROJECT"),
            userMqtt: variable("USER"),
            clientId: variable("CLIENT"),
            protocolVersion: variable("VERSION"),
            keepalive: variable("KEEPALIVE"),
            outbox: variable("OUTBOX"),
            outboxLimit: variable("LIMIT"),
            outboxFull: variable("FULL"),
            outboxSync: variable("SYNC"),
            outboxMegabytes: variable("MEGABYTES"),
            sendRate: variable("RATE"),
            outboxMaxAge: variable("AGE"),
          }),
          eventOut({ deviceId: variable("DEVICE"), qos: variable("QOS"), tag: variable("TYPE") }),
          ...deviceIn("in", {
            deviceId: variable("DEVICE"),
            receive: variable("RECEIVE"),
            updateType: variable("TYPE"),
            datatype: variable("DATATYPE"),
            qos: variable("QOS"),
            broadcast: variable("BROADCAST"),
          }),
          ...groupIn("group", { groups: [variable("GROUP")], broadcast: variable("BROADCAST") }),
          ...catching(),
        ],
        { m1: { apiKey: variable("KEY"), userPassword: variable("PASSWORD") } },
      );
      await online();
      const [packet] = connects();
      deepEqual([packet?.clientId, packet?.keepalive], ["gateway", 17]);
      equal((await input("out", { payload: 1 })).error, undefined);
      const [event] = await storedEvents(context.sandbox, 1);
      deepEqual([event?.deviceId, event?.qos, event?.eventData.filter], ["pump", 2, 1]);
      deepEqual(subscribes(), [["1/demo-project/demo-user/pump/#", "2/demo-project/north/#"]]);
      await context.sandbox.sendDeviceEvent("pump", "1");
      equal((await received("in got")).payload, "1");
      deepEqual(allCaught(), []);
    });

    it("may stand anywhere in every text", async () => {
      const { hostname, port } = new URL(context.sandbox.url);
      Object.assign(process.env, {
        M1_TEST_HOST: hostname,
        M1_TEST_PORT: port,
        M1_TEST_KIND: "demo",
        M1_TEST_SITE: "north",
      });
      const site = variable("SITE");
      const kind = variable("KIND");
      await startFlow([
        connectionTo(context.sandbox, {
          url: "mqtt://127.0.0.1:1",
          fallbackUrls: [`mqtt://${variable("HOST")}:${variable("PORT")}`],
          projectMqtt: `${kind}-project`,
          userMqtt: `${kind}-user`,
          clientId: `${site}-gateway`,
        }),
        eventOut({ deviceId: `${site}-pump`, tag: `${site}_${kind}`, stream: `${kind}-${site}` }),
        ...deviceIn("in", { deviceId: `${site}-pump`, updateType: `${kind}/filter` }),
        ...groupIn("group", { groups: [`${site}-houses`, "all"], broadcast: false }),
      ]);
      await online();
      equal(connects()[0]?.clientId, "north-gateway");
      equal((await input("out", { payload: 1 })).error, undefined);
      const [event] = await storedEvents(context.sandbox, 1);
      deepEqual([event?.deviceId, event?.eventData.north_demo], ["north-pump", 1]);
      equal(event?.stream, "demo-north");
      await context.sandbox.sendUpdate("north-pump", "demo/filter", "now");
      equal((await received("in got")).payload, "now");
      await context.sandbox.sendGroupMessage("north-houses", "note", 5);
      equal((await received("group got")).payload, 5);
    });

    it("may be those of the flow, also within a text", async () => {
      const env = [{ name: "M1_TEST_SITE", value: "south", type: "str" }];
      await startFlow([
        { id: "sites", type: "tab", env },
        { ...connectionTo(context.sandbox), z: undefined },
        { ...eventOut({ deviceId: `${variable("SITE")}-pump` }), z: "sites" },
      ]);
      equal((await input("out", { payload: 1 })).error, undefined);
      equal((await storedEvents(context.sandbox, 1))[0]?.deviceId, "south-pump");
    });

    it("are no matter within a secret: it may hold the characters themselves", async () => {
      const userPassword = `pass${variable("SITE")}word`;
      process.env.M1_TEST_SITE = "north";
      const sandbox = new Sandbox({ port: 0, accounts: [{ ...DEMO_ACCOUNT, userPassword }] });
      await sandbox.start();
      try {
        await startFlow([connectionTo(sandbox), eventOut()], {
          m1: { ...demoCredentials(), userPassword },
        });
        await online();
      } finally {
        await stopFlow();
        await sandbox.stop();
      }
    });

    it("one that is not set within a text is named, with the field", async () => {
      process.env.M1_TEST_HOST = "127.0.0.1";
      await isOneFault(
        { url: `mqtt://${variable("HOST")}:${variable("UNSET")}` },
        "URL: the environment variable M1_TEST_UNSET is not set",
      );
    });

    for (const [property, label] of [
      ["url", "URL"],
      ["projectMqtt", "project MQTT ID"],
      ["userMqtt", "user MQTT ID"],
      ["clientId", "client ID"],
      ["protocolVersion", "protocol"],
      ["keepalive", "keep-alive"],
      ["cleanSession", "clean session"],
      ["outbox", "outbox"],
      ["outboxLimit", "outbox limit"],
      ["outboxFull", "when the outbox is full"],
      ["outboxSync", "on a power cut"],
      ["outboxMegabytes", "outbox limit in megabytes"],
      ["sendRate", "send at most"],
      ["outboxMaxAge", "expire after"],
    ] as const) {
      it(`one that is not set is named: ${property}`, async () => {
        await isOneFault(
          { [property]: variable("UNSET") },
          `${label}: the environment variable M1_TEST_UNSET is not set`,
        );
      });
    }

    for (const [property, label] of [
      ["apiKey", "API key"],
      ["userPassword", "user password"],
    ] as const) {
      it(`one that is not set is named: ${property}`, async () => {
        await isOneFault({}, `${label}: the environment variable M1_TEST_UNSET is not set`, {
          m1: { ...demoCredentials(), [property]: variable("UNSET") },
        });
      });
    }
  });

  describe("a setting that cannot work", () => {
    const cases: [settings: object, text: string][] = [
      [{ url: "" }, "The URL is missing; Medium One's is mqtts://mqtt.mediumone.com:61620"],
      [
        { url: "mqtt.mediumone.com" },
        "The URL mqtt.mediumone.com is not of the form mqtts://host:port",
      ],
      [{ url: "mqtt://" }, "The URL has no valid host: "],
      [{ url: "mqtt://:61619" }, "The URL has no valid host: :61619"],
      [
        { url: "http://127.0.0.1" },
        "The URL begins with http://; mqtt://, mqtts://, ws:// or wss:// is possible",
      ],
      [{ url: "mqtt://127.0.0.1:0" }, "The port 0 is not a number from 1 to 65535"],
      [{ url: "mqtt://127.0.0.1:65536" }, "The port 65536 is not a number from 1 to 65535"],
      [{ url: "mqtt://127.0.0.1:port" }, "The port port is not a number from 1 to 65535"],
      [{ url: "mqtt://127.0.0.1/path" }, "The URL ends in /path; host and port are enough"],
      [
        { url: "mqtt://user:DEMO0KEY@127.0.0.1" },
        "The URL must not hold a user name or password; the fields below are for them",
      ],
      [
        { fallbackUrls: "mqtt://127.0.0.1" },
        "The further addresses must be a list of URLs, not mqtt://127.0.0.1",
      ],
      [
        { fallbackUrls: ["mqtt://127.0.0.1", "127.0.0.2"] },
        "Further address 2: The URL 127.0.0.2 is not of the form mqtts://host:port",
      ],
      [{ projectMqtt: "" }, "The project MQTT ID is missing"],
      [{ projectMqtt: " demo-project" }, "The project MQTT ID begins with a space"],
      [{ userMqtt: "demo-user " }, "The user MQTT ID ends with a space"],
      [{ userMqtt: "" }, "The user MQTT ID is missing"],
      [
        { projectMqtt: "demo/project" },
        'The project MQTT ID has "/" as character 5: printable ASCII except #, + and / is allowed',
      ],
      [
        { userMqtt: "us\u00e9r" },
        'The user MQTT ID has "é" (U+00E9) as character 3: printable ASCII except #, + and / is allowed',
      ],
      [{ clientId: "x".repeat(33) }, "The client ID has 33 characters; Medium One accepts 32"],
      [{ clientId: "pömp" }, "The client ID may hold printable ASCII only; character 2 is not"],
      [{ protocolVersion: "3" }, "protocol: 3 is not one of 4, 5"],
      [{ keepalive: "-1" }, "keep-alive: -1 is not a whole number from 0 to 65535"],
      [{ keepalive: "65536" }, "keep-alive: 65536 is not a whole number from 0 to 65535"],
      [{ keepalive: "often" }, "keep-alive: often is not a whole number from 0 to 65535"],
      [{ outbox: "tape" }, "outbox: tape is not one of disk, memory"],
      [{ outboxLimit: "0" }, "outbox limit: 0 is not a whole number from 1 to 100000000"],
      [{ outboxLimit: "1.5" }, "outbox limit: 1.5 is not a whole number from 1 to 100000000"],
      [
        { outboxFull: "drop-newest" },
        "when the outbox is full: drop-newest is not one of reject, drop-oldest",
      ],
      [{ outboxSync: "minute" }, "on a power cut: minute is not one of second, always, never"],
      [
        { outboxMegabytes: "" },
        "outbox limit in megabytes: an empty text is not a number greater than 0",
      ],
      [
        { outboxMegabytes: "plenty" },
        "outbox limit in megabytes: plenty is not a number greater than 0",
      ],
      [{ sendRate: "-20" }, "send at most: -20 is not a number greater than 0"],
      [{ outboxMaxAge: "0" }, "expire after: 0 is not a number greater than 0"],
      [{ outboxMaxAge: "a day" }, "expire after: a day is not a number greater than 0"],
      [
        { url: "mqtts://127.0.0.1", tls: "gone" },
        "The selected TLS configuration no longer exists: choose another one, or none",
      ],
    ];
    for (const [settings, text] of cases) {
      it(`${JSON.stringify(settings)} is one error, and nothing is sent`, async () => {
        await isOneFault(settings, text);
      });
    }

    it("but a password that ends with a space, or a line break that came along, is a warning", async () => {
      for (const [end, words] of [
        [" ", "a space"],
        ["\r", "a line break"],
      ]) {
        await startFlow(flowOf(), { m1: { ...demoCredentials(), userPassword: `secret${end}` } });
        deepEqual(warnings("m1").slice(0, 1), [`The user password ends with ${words}`]);
        await stopFlow();
      }
    });

    for (const [title, credentials, text] of [
      ["no credentials", {}, "The API key is missing"],
      ["no API key", { m1: { userPassword: "x" } }, "The API key is missing"],
      ["no user password", { m1: { apiKey: "DEMO0KEY" } }, "The user password is missing"],
      [
        "an API key with a slash",
        { m1: { apiKey: "DEMO/KEY", userPassword: "x" } },
        "The API key has a / as character 5, which separates it from the user password",
      ],
      [
        "an API key with a space behind it",
        { m1: { apiKey: "DEMO0KEY ", userPassword: "x" } },
        "The API key ends with a space",
      ],
      [
        "an API key with a line break behind it",
        { m1: { apiKey: "DEMO0KEY\n", userPassword: "x" } },
        "The API key ends with a line break",
      ],
    ] as const) {
      it(`${title}: one error, and nothing is sent`, async () => {
        await isOneFault({}, text, credentials);
      });
    }

    it("a TLS configuration that is disabled is told as such", async () => {
      const tls = { id: "tls", type: "tls-config", d: true, cert: "", key: "", ca: "" };
      await startFlow([tls, ...flowOf({ url: "mqtts://127.0.0.1", tls: "tls" })]);
      match((await caught()).error.message, /The TLS configuration is disabled: enable it/);
      equal(status("out")?.text, "TLS disabled");
    });

    it("is mended by a deploy", async () => {
      await startFlow(flowOf({ keepalive: "often" }));
      await caught();
      await deploy(flowOf(), "nodes");
      await online("out");
      equal((await input("out", { payload: 1 })).error, undefined);
      equal(allCaught().length, 1);
    });
  });

  /** The settings are one error that says so, a red status, an error of each message, and no connection. */
  async function isOneFault(
    settings: object,
    reason: string,
    credentials?: Credentials,
  ): Promise<void> {
    const text = `The connection is not configured: ${reason}`;
    await startFlow(flowOf(settings), credentials);
    const { error } = await caught();
    deepEqual([error.source.id, error.code, error.message], ["m1", "CONNECTION_INVALID", text]);
    for (const id of ["m1", "out"]) {
      deepEqual(status(id), { fill: "red", shape: "ring", text: "not configured" });
    }
    for (const payload of [1, 2]) {
      const outcome = await input("out", { payload });
      equal(outcome.error?.message, text);
      await caught();
    }
    equal(allCaught().length, 3);
    deepEqual(context.sandbox.wire, []);
    deepEqual(context.sandbox.refusals, []);
    tellsNoSecret([DEMO_ACCOUNT.apiKey, DEMO_ACCOUNT.userPassword]);
  }

  describe("TLS", () => {
    const ours = certificate();
    const trusting = { tls: "tls" };
    const tlsConfig: FlowNode = {
      id: "tls",
      type: "tls-config",
      cert: "",
      key: "",
      ca: "",
      verifyservercert: true,
    };
    const trustingOurs: Credentials = {
      m1: demoCredentials(),
      tls: { cadata: ours.cert.toString() },
    };

    for (const websocket of [false, true]) {
      const scheme = websocket ? "wss" : "mqtts";

      it(`${scheme}:// refuses a self-signed certificate unless told otherwise`, async () => {
        await withSandbox({ tls: ours, websocket }, async (sandbox) => {
          await startFlow([connectionTo(sandbox), eventOut(), ...catching()]);
          const { error } = await caught();
          equal(error.code, "CERTIFICATE_SELF_SIGNED");
          match(error.message, /is self-signed: a TLS configuration must trust it$/);
          equal(status("out")?.text, "self-signed");
          deepEqual(sandbox.wire, []);
        });
      });

      it(`${scheme}:// accepts a certificate that the TLS configuration trusts`, async () => {
        await withSandbox({ tls: ours, websocket }, async (sandbox) => {
          const flow = [tlsConfig, connectionTo(sandbox, trusting), eventOut(), ...catching()];
          await startFlow(flow, trustingOurs);
          equal((await input("out", { payload: 1 })).error, undefined);
          await storedEvents(sandbox, 1);
          deepEqual(allCaught(), []);
        });
      });
    }

    it("does not verify only if the TLS configuration says so", async () => {
      await withSandbox({ tls: certificate({ altName: "DNS:elsewhere" }) }, async (sandbox) => {
        const careless = { ...tlsConfig, verifyservercert: false };
        await startFlow([careless, connectionTo(sandbox, trusting), eventOut()]);
        equal((await input("out", { payload: 1 })).error, undefined);
      });
    });

    it("verifies where the TLS configuration, of an old flow, does not say", async () => {
      await withSandbox({ tls: ours }, async (sandbox) => {
        const { verifyservercert: _, ...silent } = tlsConfig;
        await startFlow([silent, connectionTo(sandbox, trusting), eventOut(), ...catching()]);
        equal((await caught()).error.code, "CERTIFICATE_SELF_SIGNED");
      });
    });

    for (const { title, options, code, text } of [
      {
        title: "of another host",
        options: { altName: "DNS:elsewhere" },
        code: "CERTIFICATE_WRONG_HOST",
        text: "wrong host name",
      },
      {
        title: "that has expired",
        options: { years: [2019, 2020] },
        code: "CERTIFICATE_EXPIRED",
        text: "expired",
      },
    ] as const) {
      it(`refuses a certificate ${title}, though trusted`, async () => {
        const theirs = certificate(options);
        await withSandbox({ tls: theirs }, async (sandbox) => {
          await startFlow([tlsConfig, connectionTo(sandbox, trusting), eventOut(), ...catching()], {
            m1: demoCredentials(),
            tls: { cadata: theirs.cert.toString() },
          });
          equal((await caught()).error.code, code);
          equal(status("m1")?.text, text);
        });
      });
    }

    it("an unusable certificate in the TLS configuration is one error, and nothing is thrown", async () => {
      await startFlow(
        [
          tlsConfig,
          connectionTo(context.sandbox, {
            url: `mqtts://127.0.0.1:${context.sandbox.port}`,
            ...trusting,
          }),
          eventOut(),
          ...catching(),
        ],
        { m1: demoCredentials(), tls: { certdata: "not PEM", keydata: "not PEM" } },
      );
      const { error } = await caught();
      equal(error.source.id, "m1");
      await shows("out", ({ fill, shape }) => fill === "red" && shape === "ring");
    });

    it("a TLS configuration does not matter to mqtt://", async () => {
      await startFlow([tlsConfig, ...flowOf(trusting)]);
      equal((await input("out", { payload: 1 })).error, undefined);
    });

    it("towards a broker that speaks none is an error that says so", async () => {
      await startFlow(flowOf({ url: `mqtts://127.0.0.1:${context.sandbox.port}` }));
      const { error } = await caught();
      equal(error.code, "TLS_NOT_SPOKEN");
      equal(status("out")?.text, "no TLS");
    });
  });

  describe("without TLS", () => {
    /** The warnings of a flow of several nodes, once it has tried to connect. */
    async function warnings(url: string): Promise<string[]> {
      await startFlow([...flowOf({ url }), ...deviceIn("in"), eventOut({ id: "another" })]);
      await shows("m1", ({ fill }) => fill === "red" || fill === "green");
      const lines = logged().filter(({ level, id }) => id === "m1" && level === 30);
      return lines.map(({ msg }) => String(msg));
    }

    for (const url of ["mqtt://nowhere.invalid:1883", "ws://nowhere.invalid:80/mqtt"]) {
      it(`${url} is one warning that the secrets cross the network readable`, async () => {
        deepEqual(await warnings(url), [
          `${url} is not encrypted: the API key and the password cross the network readable. mqtts:// protects them`,
        ]);
      });
    }

    it("there is no warning on this computer, nor with TLS", async () => {
      deepEqual(await warnings(context.sandbox.url), []);
      await stopFlow();
      deepEqual(await warnings("mqtts://nowhere.invalid:8883"), []);
    });
  });

  it("ws:// carries events and messages", async () => {
    await withSandbox({ websocket: true }, async (sandbox) => {
      await startFlow([connectionTo(sandbox), eventOut(), ...deviceIn("in"), ...catching()]);
      equal((await input("out", { payload: 1 })).error, undefined);
      await sandbox.sendDeviceEvent("pump", "back");
      equal((await received("in got")).payload, "back");
      deepEqual(allCaught(), []);
    });
  });

  it("no secret is in any log line, status or error", async () => {
    const { apiKey, userPassword } = DEMO_ACCOUNT;
    const secrets = [apiKey, userPassword, "wrong-password"];
    await startFlow(flowOf());
    await input("out", { payload: 1 });
    await input("out", { payload: null });
    await context.sandbox.stop();
    await shows("m1", ({ text }) => text === "nothing listens");
    await context.sandbox.start();
    await online();
    await deploy(flowOf(), "full", { m1: { apiKey, userPassword: "wrong-password" } });
    await shows("m1", ({ text }) => text === "not authorised");
    const url = `mqtt://${apiKey}:wrong-password@127.0.0.1`;
    await deploy(flowOf({ url }), "full");
    await shows("m1", ({ text }) => text === "not configured");
    await input("out", { payload: 1 });
    ok(
      logged().some(({ level }) => level === 60),
      "trace is recorded",
    );
    tellsNoSecret(secrets);
  });
});

interface Told {
  readonly text: string;
  readonly source: { readonly id: string };
}

/** Looks through everything that has been logged, shown or caught so far. */
function tellsNoSecret(secrets: readonly string[]): void {
  const shown = ["m1", "out"].flatMap((id) => statuses(id).map(({ text }) => text));
  const lines = logged().map(({ msg }) =>
    msg instanceof Error ? `${msg.stack} ${deep(msg)}` : deep(msg),
  );
  const caughtErrors = allCaught().map(deep);
  for (const text of [...shown, ...lines, ...caughtErrors]) {
    for (const secret of secrets) ok(!text?.includes(secret), `${secret} is told: ${text}`);
  }
}

/** All properties of a value as text, those of an error and of its cause among them. */
function deep(value: unknown): string {
  if (typeof value === "string") return value;
  const seen = new Set<unknown>();
  return (
    JSON.stringify(value, (_key, part: unknown) => {
      if (typeof part !== "object" || part === null)
        return typeof part === "bigint" ? `${part}` : part;
      if (seen.has(part)) return undefined;
      seen.add(part);
      if (!(part instanceof Error)) return part;
      return { ...part, message: part.message, stack: part.stack, cause: part.cause };
    }) ?? ""
  );
}
