// What a real broker turns down (credentials, filters, TLS), and how the nodes take it.
import assert from "node:assert/strict";
import { TIMING } from "../../nodes/connection/timing";
import { DEMO_ACCOUNT } from "../../sandbox/sandbox";
import { closeConnections, openConnection, reaches } from "../support/connections";
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
  before(startServer);
  after(stopServer);
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
      await closeConnections();
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

    for (const protocolVersion of [4, 5] as const) {
      it(`are not tried again for half a minute (MQTT ${protocolVersion === 4 ? "3.1.1" : "5"})`, async () => {
        const settings = { password: "key/wrong", protocolVersion };
        const connection = openConnection(broker, { settings, timing: TIMING });
        const { reason, retryIn } = await reaches(connection, "offline");
        assert.equal(reason.code, "NOT_AUTHORISED");
        assert.ok(retryIn >= 30_000, `again in ${retryIn} ms`);
      });
    }
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

  describe("TLS", () => {
    let broker: Mosquitto;
    before(async () => {
      broker = await Mosquitto.start(DEMO_BROKER);
    });
    after(() => broker.stop());

    it("is missed on a port that does not speak it", async () => {
      const url = `mqtts://127.0.0.1:${broker.port}`;
      await startFlow([connectionTo({ url }), eventOut(), ...catching()]);
      const { error } = await caught();
      assert.ok(
        ["TLS_NOT_SPOKEN", "CONNECTION_LOST", "CONNECTION_CLOSED"].includes(error.code ?? ""),
        `${error.code}: ${error.message}`,
      );
      await shows("out", ({ fill }) => fill === "red");
    });
  });
});
