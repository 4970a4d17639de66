// What a real broker turns down (credentials, filters, certificates), and how the nodes take it.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { TIMING } from "../../nodes/connection/timing";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { type Certificate, certificate } from "../support/certificates";
import { closeConnections, openConnection } from "../support/connections";
import { useDurations } from "../support/durations";
import { onlyTheseFilters } from "../support/dynamic-security";
import {
  allCaught,
  catching,
  caught,
  connectionTo,
  demoCredentials,
  deploy,
  deviceIn,
  eventOut,
  type FlowNode,
  groupIn,
  input,
  online,
  received,
  shows,
  startFlow,
  startServer,
  status,
  statuses,
  stopFlow,
  stopServer,
} from "../support/flows";
import { Mosquitto } from "../support/mosquitto";
import { DEMO_BROKER, OBSERVER, Observer } from "../support/observer";
import { temporaryFolder } from "../support/processes";

const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;
const own = `${projectMqtt}/${userMqtt}`;
const wrong = { apiKey, userPassword: "wrong" };

describe("what a broker refuses", () => {
  // Begun first and judged last: the other tests run meanwhile.
  let patient: { attempts: number; since: number; broker: Mosquitto };
  before(async () => {
    await startServer();
    const broker = await Mosquitto.start(DEMO_BROKER);
    const settings = { password: "key/wrong" };
    const connection = openConnection(broker, { settings, timing: TIMING });
    patient = { attempts: 1, since: Date.now(), broker };
    connection.on("state", ({ name }) => {
      if (name === "connecting") patient.attempts += 1;
    });
  });
  after(async () => {
    await closeConnections();
    await patient.broker.stop();
    await stopServer();
  });
  afterEach(stopFlow);

  describe("credentials", () => {
    useDurations({ ...TIMING });

    let broker: Mosquitto;
    let observer: Observer;
    before(async () => {
      broker = await Mosquitto.start(DEMO_BROKER);
      observer = await Observer.start(broker);
    });
    after(async () => {
      await observer.stop();
      await broker.stop();
    });

    it("that are wrong show within 5 s; corrected by a deploy, what was queued arrives in order", async () => {
      const flow = [connectionTo(broker), eventOut(), ...deviceIn("in"), ...catching()];
      const begun = Date.now();
      await startFlow(flow, { m1: wrong });
      const first = Array.from({ length: 50 }, (_, value) => input("out", { payload: value }));
      const { error } = await caught();
      assert.equal(error.code, "NOT_AUTHORISED");
      for (const id of ["out", "in", "m1"]) {
        const { text } = await shows(id, ({ fill }) => fill === "red");
        assert.match(text ?? "", /^not authorised/);
      }
      assert.ok(Date.now() - begun < 5_000, `took ${Date.now() - begun} ms`);

      await deploy(flow, "full", { m1: demoCredentials() });
      await online();
      assert.deepEqual(
        (await Promise.all(first)).map((outcome) => outcome.error),
        first.map(() => undefined),
      );
      const numbers = await observer.numbers(50);
      assert.deepEqual(
        numbers,
        numbers.map((_, index) => index),
      );
      assert.equal(allCaught().length, 1, "one error an episode");
    });
  });

  for (const protocolVersion of ["4", "5"]) {
    describe(`a subscription, in MQTT ${protocolVersion === "4" ? "3.1.1" : "5"}`, () => {
      let broker: Mosquitto;
      let folder: { folder: string; remove: () => Promise<void> };
      before(async () => {
        folder = await temporaryFolder();
        const demo = { username: own, password: `${apiKey}/${userPassword}` };
        const settings = await onlyTheseFilters(folder.folder, [demo, OBSERVER], [`1/${own}/#`]);
        broker = await Mosquitto.start({ settings });
      });
      after(async () => {
        await broker.stop();
        await folder.remove();
      });

      it("is red on its own node, with the filter in the error; the others work on", async () => {
        const flow: FlowNode[] = [
          connectionTo(broker, { protocolVersion }),
          ...deviceIn("in", { deviceId: "pump", broadcast: false }),
          ...groupIn("group", { groups: ["closed"], broadcast: false }),
          eventOut(),
          ...catching(),
        ];
        await startFlow(flow);
        const { error } = await caught();
        assert.equal(error.code, "SUBSCRIPTION_REFUSED");
        assert.equal(error.source.id, "group");
        assert.ok(error.message.includes(`2/${projectMqtt}/closed/#`), error.message);
        assert.equal(
          (await shows("group", ({ fill }) => fill === "red")).text,
          "subscription refused",
        );
        const sender = await Observer.start(broker, []);
        await sender.publish(`1/${own}/pump/event`, '{"works":"on"}');
        await sender.stop();
        assert.deepEqual((await received("in got")).payload, { works: "on" });
        assert.equal((await input("out", { payload: 1 })).error, undefined);
        for (const id of ["in", "out", "m1"]) {
          assert.equal(status(id)?.fill, "green", `${id} shows ${status(id)?.text}`);
        }
        assert.equal(allCaught().length, 1, "one error for one refusal");
        assert.equal(statuses("m1").filter(({ fill }) => fill === "red").length, 0, "stays up");
      });
    });
  }

  describe("certificates", () => {
    let folder: { folder: string; remove: () => Promise<void> };
    let authority: Certificate;
    let foreign: Certificate;
    before(async () => {
      folder = await temporaryFolder();
      authority = certificate();
      foreign = certificate();
    });
    after(() => folder.remove());

    let brokers: Mosquitto[] = [];
    afterEach(async () => {
      for (const broker of brokers) await broker.stop();
      brokers = [];
    });

    async function presenting({ key, cert }: Certificate): Promise<{ url: string }> {
      const files = { keyfile: key, certfile: cert };
      const settings: string[] = [];
      for (const [setting, content] of Object.entries(files)) {
        const file = path.join(folder.folder, `${setting}.pem`);
        await writeFile(file, content);
        settings.push(`${setting} ${file}`);
      }
      const broker = await Mosquitto.start({ ...DEMO_BROKER, settings });
      brokers.push(broker);
      return { url: `mqtts://127.0.0.1:${broker.port}` };
    }

    /** Trusts that authority alone. */
    function trusting({ cert }: Certificate) {
      return {
        node: { id: "tls", type: "tls-config", cert: "", key: "", ca: "", verifyservercert: true },
        credentials: { m1: demoCredentials(), tls: { cadata: cert.toString() } },
      };
    }

    const flowTo = (broker: { url: string }, settings = {}) => [
      connectionTo(broker, settings),
      eventOut(),
      ...catching(),
    ];

    async function refused(broker: { url: string }, text: string, trust?: Certificate) {
      if (trust) {
        const { node, credentials } = trusting(trust);
        await startFlow([...flowTo(broker, { tls: "tls" }), node], credentials);
      } else await startFlow(flowTo(broker));
      const { error } = await caught();
      assert.equal((await shows("out", ({ fill }) => fill === "red")).text, text);
      assert.ok(!statuses("out").some(({ fill }) => fill === "green"), "never connected");
      return error;
    }

    async function accepted(broker: { url: string }, trust: Certificate) {
      const { node, credentials } = trusting(trust);
      await startFlow([...flowTo(broker, { tls: "tls" }), node], credentials);
      await online();
      assert.equal((await input("out", { payload: 1 })).error, undefined);
    }

    it("that sign themselves are refused, with that reason", async () => {
      const { code } = await refused(await presenting(authority), "self-signed");
      assert.equal(code, "CERTIFICATE_SELF_SIGNED");
    });

    it("that sign themselves are accepted if the TLS configuration trusts them", async () => {
      await accepted(await presenting(authority), authority);
    });

    it("of an unknown authority are refused, with that reason", async () => {
      const signed = certificate({ signer: authority });
      const { code } = await refused(await presenting(signed), "untrusted");
      assert.equal(code, "CERTIFICATE_UNTRUSTED");
    });

    it("of an authority that the TLS configuration trusts are accepted", async () => {
      await accepted(await presenting(certificate({ signer: authority })), authority);
    });

    it("of another authority than the trusted one are refused", async () => {
      const signed = certificate({ signer: authority });
      const { code } = await refused(await presenting(signed), "untrusted", foreign);
      assert.equal(code, "CERTIFICATE_UNTRUSTED");
    });

    it("for another host are refused even from a trusted authority, with that reason", async () => {
      const signed = certificate({ signer: authority, altName: "DNS:broker.example" });
      const error = await refused(await presenting(signed), "wrong host name", authority);
      assert.equal(error.code, "CERTIFICATE_WRONG_HOST");
      assert.match(error.message, /127\.0\.0\.1 is not in the cert/);
    });

    it("that have expired are refused even from a trusted authority, with that reason", async () => {
      const signed = certificate({ signer: authority, years: [2020, 2021] });
      const { code } = await refused(await presenting(signed), "expired", authority);
      assert.equal(code, "CERTIFICATE_EXPIRED");
    });

    it("are missed on a port that does not speak TLS", async () => {
      const broker = await Mosquitto.start(DEMO_BROKER);
      brokers.push(broker);
      await startFlow(flowTo({ url: `mqtts://127.0.0.1:${broker.port}` }));
      const { error } = await caught();
      assert.ok(
        ["TLS_FAILED", "CONNECTION_LOST", "CONNECTION_CLOSED"].includes(error.code ?? ""),
        `${error.code}: ${error.message}`,
      );
      assert.equal((await shows("out", ({ fill }) => fill === "red")).fill, "red");
    });
  });

  describe("a wrong password", () => {
    it("is not tried a second time within 30 s", async () => {
      const rest = patient.since + 30_000 - Date.now();
      // A silence can only be waited for.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, rest)));
      assert.equal(patient.attempts, 1, "attempts");
    });
  });
});
