// The sandbox with foreign clients: mosquitto's, as the README and the sandbox's own output tell to use
// them, and Node-RED's own MQTT nodes.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { certificateIn } from "../../sandbox/command/certificate";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { run, temporaryFolder } from "../support/processes";

const { projectMqtt, userMqtt, apiKey, userPassword } = DEMO_ACCOUNT;

describe("mosquitto's clients and the sandbox", () => {
  const sandbox = new Sandbox({ port: 0 });
  before(() => sandbox.start());
  after(() => sandbox.stop());

  const login = (password: string) => [
    ...["-h", "127.0.0.1", "-p", String(sandbox.port)],
    ...["-u", `${projectMqtt}/${userMqtt}`, "-P", password],
  ];
  const right = `${apiKey}/${userPassword}`;

  it("log in with the documented credentials and send an event", async () => {
    const event = sandbox.next("event");
    const topic = `0/${projectMqtt}/${userMqtt}/demo-device`;
    const payload = '{"event_data":{"temperature":31}}';

    await run("mosquitto_pub", [...login(right), "-q", "1", "-t", topic, "-m", payload]);

    assert.equal((await event).eventData.temperature, 31);
  });

  it("receive what is sent to a device", async () => {
    const filter = `1/${projectMqtt}/${userMqtt}/#`;
    const subscribed = sandbox.next("subscribed");
    const client = spawn("mosquitto_sub", [...login(right), "-q", "1", "-C", "1", "-t", filter]);
    let printed = "";
    client.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
    });
    await subscribed;

    await sandbox.sendDeviceEvent("demo-device", { fan: "on" });

    await once(client, "close");
    assert.equal(printed, '{"fan":"on"}\n');
  });

  it("trust the certificate that the sandbox makes itself", async () => {
    const { folder, remove } = await temporaryFolder();
    const { file, ...tls } = await certificateIn(folder);
    const secure = new Sandbox({ port: 0, tls });
    await secure.start();
    try {
      const event = secure.next("event");
      const place = ["-h", "127.0.0.1", "-p", String(secure.port), "--cafile", file];
      const who = ["-u", `${projectMqtt}/${userMqtt}`, "-P", right];
      const message = ["-t", `0/${projectMqtt}/${userMqtt}/d`, "-m", '{"event_data":{"a":1}}'];
      await run("mosquitto_pub", [...place, ...who, "-q", "1", ...message]);
      assert.equal((await event).eventData.a, 1);
    } finally {
      await secure.stop();
      await remove();
    }
  });

  it("are turned away with wrong credentials", async () => {
    const args = [...login(`${apiKey}/wrong`), "-t", `0/${projectMqtt}/${userMqtt}/d`, "-m", "{}"];
    const refusal = sandbox.next("refusal");

    await assert.rejects(run("mosquitto_pub", args), /bad user name or password/i);

    assert.equal((await refusal).what, "connect");
  });
});

describe("Node-RED's own MQTT nodes and the sandbox", () => {
  const sandbox = new Sandbox({ port: 0 });
  before(() => sandbox.start());
  after(() => sandbox.stop());

  it("receive what is sent to a device, and send an event", async () => {
    const device = `${projectMqtt}/${userMqtt}/pump`;
    const flow = [
      { id: "flow", type: "tab" },
      {
        ...{ id: "broker", type: "mqtt-broker", broker: "127.0.0.1", port: String(sandbox.port) },
        ...{ protocolVersion: "4", keepalive: "60", cleansession: true },
      },
      {
        ...{ id: "in", type: "mqtt in", z: "flow", broker: "broker", qos: "1" },
        ...{ topic: `1/${device}/#`, datatype: "json", wires: [["wrap"]] },
      },
      {
        ...{ id: "wrap", type: "function", z: "flow", outputs: 1, wires: [["out"]] },
        ...{ func: "return { payload: { event_data: msg.payload } };" },
      },
      {
        ...{ id: "out", type: "mqtt out", z: "flow", broker: "broker", qos: "1" },
        ...{ topic: `0/${device}`, wires: [] },
      },
    ];
    const { userDir, remove } = await installation(flow);
    const login = { user: `${projectMqtt}/${userMqtt}`, password: `${apiKey}/${userPassword}` };
    await writeFile(path.join(userDir, "flows_cred.json"), JSON.stringify({ broker: login }));
    const subscribed = sandbox.next("subscribed");
    const nodeRed = await NodeRed.start(userDir);
    try {
      await subscribed;
      const event = sandbox.next("event");
      await sandbox.sendDeviceEvent("pump", { speed: 3 });
      assert.deepEqual((await event).eventData, { speed: 3, device_id: "pump" });
      assert.deepEqual(sandbox.refusals, []);
    } finally {
      await nodeRed.stop();
      await remove();
    }
  });
});
