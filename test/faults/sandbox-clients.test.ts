// The sandbox with foreign clients: mosquitto's, as the README and the sandbox's own output tell to use them.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { run } from "../support/processes";

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

  it("are turned away with wrong credentials", async () => {
    const args = [...login(`${apiKey}/wrong`), "-t", `0/${projectMqtt}/${userMqtt}/d`, "-m", "{}"];
    const refusal = sandbox.next("refusal");

    await assert.rejects(run("mosquitto_pub", args), /bad user name or password/i);

    assert.equal((await refusal).what, "connect");
  });
});
