// docs/own-broker.md as a reader follows it: the page's files, a Node-RED with our nodes, and one with core's.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import {
  closeConnections,
  connectionTo,
  enters,
  openConnection,
  reaches,
  sendNumber,
} from "../support/connections";
import { connectionTo as connectionNode } from "../support/flows";
import { installation } from "../support/installation";
import { Mosquitto } from "../support/mosquitto";
import { NodeRed } from "../support/node-red";
import { printed, prints } from "../support/printed";
import { freePort } from "../support/processes";
import { RabbitMQ } from "../support/rabbitmq";
import { deviceRequest, subscriber } from "../support/subscribers";
import { CLOUD_USER } from "./broker";
import { ownBrokerFile, ownMosquitto, ownRabbitMQ } from "./own-broker-files";

const PAGE = path.join(__dirname, "../../docs/own-broker.md");

interface OwnBroker {
  readonly port: number;
  readonly tlsUrl: string;
  readonly authority: string;
  stop(): Promise<void>;
}

const BROKERS: Record<string, () => Promise<OwnBroker>> = {
  async mosquitto() {
    const tlsPort = await freePort();
    let folder = "";
    const broker = await Mosquitto.startWith((place, port) => {
      folder = place;
      return ownMosquitto(place, port, tlsPort);
    });
    const tlsUrl = `mqtts://127.0.0.1:${tlsPort}`;
    return { port: broker.port, tlsUrl, authority: `${folder}/ca.crt`, stop: () => broker.stop() };
  },
  async RabbitMQ() {
    const tlsPort = await freePort();
    let folder = "";
    const configure = ownRabbitMQ(tlsPort);
    const broker = await RabbitMQ.start(ownBrokerFile("rabbitmq-users.sh"), 1, (place) => {
      folder = place.home;
      return configure(place);
    });
    const tlsUrl = `mqtts://127.0.0.1:${tlsPort}`;
    const port = broker.nodes[0]?.port ?? 0;
    return { port, tlsUrl, authority: `${folder}/ca.crt`, stop: () => broker.stop() };
  },
};

for (const [name, start] of Object.entries(BROKERS)) {
  describe(`an own cloud on ${name}, as the page describes it`, () => {
    let broker: OwnBroker;
    let devices: NodeRed;
    let cloud: NodeRed;
    const leftovers: (() => Promise<unknown>)[] = [];

    before(async function () {
      this.timeout(180_000);
      broker = await start();
      leftovers.push(() => broker.stop());
      devices = await startDevices(broker);
      cloud = await startCloud(broker);
      await devices.status("pump", ({ fill }) => fill === "green");
    });

    after(async () => {
      await closeConnections();
      for (const clear of leftovers.reverse()) await clear();
    });

    it("an event, sent over TLS, is read by core's nodes on the other side", async () => {
      await inject(devices, "go");
      await prints(cloud, "device: 'pump'");
      await printed(cloud, /project: 'demo-project',\s+user: 'demo-user'/);
      await prints(cloud, "data: { value: 21.5 }");
    });

    it("a command from there reaches the device's node, and a note the group's", async () => {
      await inject(cloud, "m1own0command");
      await prints(devices, "speed: 3");
      await inject(cloud, "m1own000group");
      await prints(devices, "windows: 'open'");
      await inject(cloud, "m1own00config");
      await prints(devices, "limit: 70");
    });

    it("wrong credentials are refused", async () => {
      const url = `mqtt://127.0.0.1:${broker.port}`;
      const connection = openConnection({ url }, { settings: { password: "DEMO0KEY/wrong" } });
      const { reason } = await enters(connection, "offline");
      assert.equal(reason.code, "NOT_AUTHORISED");
    });

    it("a user neither reads another's messages nor writes another's events", async () => {
      const url = `mqtt://127.0.0.1:${broker.port}`;
      const identity = { projectMqtt: "demo-project", userMqtt: "neighbour" };
      const connection = connectionTo({ url }, { settings: { identity } });
      const node = subscriber(deviceRequest("pump"));
      connection.addSubscriber(node);
      connection.endDeploy();
      await reaches(connection, "online");
      assert.equal(await sendNumber(connection, 1), undefined);
      await inject(cloud, "m1own0command");
      await prints(devices, "speed: 3", 2);
      assert.deepEqual(node.messages, []);
      assert.ok(!cloud.output.includes("user: 'neighbour'"));
    });

    async function startDevices({ tlsUrl, authority }: OwnBroker): Promise<NodeRed> {
      const shown = { type: "debug", active: true, console: true, complete: "payload", wires: [] };
      const payload = { p: "payload", v: "21.5", vt: "num" };
      const toShown = { connection: "m1", wires: [["shown"]] };
      const nodes = [
        { id: "go", type: "inject", props: [payload], wires: [["out"]] },
        { id: "out", type: "m1 event out", connection: "m1", deviceId: "pump", wires: [] },
        { id: "pump", type: "m1 device in", deviceId: "pump", ...toShown },
        { id: "pumps", type: "m1 group in", groups: ["pumps"], ...toShown },
        { id: "shown", ...shown },
      ];
      const tls = { type: "tls-config", cert: "", key: "", ca: authority, verifyservercert: true };
      const installed = await installation([
        { id: "t", type: "tab" },
        { id: "tls", ...tls },
        { ...connectionNode({ url: tlsUrl }, { tls: "tls" }), id: "m1" },
        // Without a place on the canvas, Node-RED takes a node for a config node.
        ...nodes.map((node) => ({ ...node, z: "t", x: 1, y: 1 })),
      ]);
      leftovers.push(() => installed.remove());
      const nodeRed = await NodeRed.start(installed.userDir);
      leftovers.push(() => nodeRed.stop());
      return nodeRed;
    }

    async function startCloud({ port }: OwnBroker): Promise<NodeRed> {
      const flow = JSON.parse(readFileSync(ownBrokerFile("cloud-side.json"), "utf8")) as {
        id: string;
        type: string;
      }[];
      const onPort = flow.map((node) =>
        node.type === "mqtt-broker" ? { ...node, port: String(port) } : node,
      );
      const installed = await installation(onPort);
      leftovers.push(() => installed.remove());
      const login = { user: CLOUD_USER.username, password: CLOUD_USER.password };
      writeFileSync(
        path.join(installed.userDir, "flows_cred.json"),
        JSON.stringify({ m1own00broker: login }),
      );
      const nodeRed = await NodeRed.start(installed.userDir);
      leftovers.push(() => nodeRed.stop());
      await nodeRed.status("m1own00events", ({ fill }) => fill === "green");
      return nodeRed;
    }
  });
}

describe("docs/own-broker.md", () => {
  const page = readFileSync(PAGE, "utf8");
  const files = [
    "certificates.sh",
    "mosquitto.conf",
    "mosquitto.acl",
    "mosquitto-users.sh",
    "rabbitmq.conf",
    "rabbitmq-users.sh",
  ];
  for (const file of files) {
    it(`shows ${file} as it is`, () => {
      assert.ok(page.includes(readFileSync(ownBrokerFile(file), "utf8").trim()));
    });
  }

  it("names the demo user as the sandbox has it", () => {
    assert.ok(page.includes(`${DEMO_ACCOUNT.apiKey}/${DEMO_ACCOUNT.userPassword}`));
  });
});

/** As a click on the button of an inject node. */
async function inject({ url }: NodeRed, id: string): Promise<void> {
  const response = await fetch(`${url}/inject/${id}`, { method: "POST" });
  assert.equal(response.status, 200);
}
