// What nodes report, in a Node-RED of its own: a sentence in the debug sidebar and in the log, a code for Catch nodes.
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { Sandbox } from "../../sandbox/sandbox";
import { connectionTo, deviceIn, eventOut, type FlowNode } from "../support/flows";
import { type Installation, installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { prints } from "../support/printed";
import { freePort } from "../support/processes";
import { version } from "../support/release";

const SLASH = 'The device ID has "/" as character 2: printable ASCII except #, + and / is allowed';

/** Sends `a/b` as the device ID as soon as it is deployed. */
const wrongId: FlowNode[] = [
  {
    ...{ id: "inject", type: "inject", wires: [["out"]] },
    props: [
      { p: "topic", vt: "str" },
      { p: "payload", v: "1", vt: "num" },
    ],
    topic: "a/b",
    once: true,
  },
  eventOut({ deviceId: "topic", deviceIdType: "msg" }),
];

describe("a report", function () {
  this.timeout(20_000);
  const sandbox = new Sandbox({ port: 0 });
  let installed: Installation;
  let nodeRed: NodeRed;
  let nobody: string;

  before(async () => {
    nobody = `mqtt://127.0.0.1:${await freePort()}`;
    await sandbox.start();
    installed = await installation([connectionTo(sandbox)]);
    nodeRed = await NodeRed.start(installed.userDir);
  });
  after(async () => {
    await nodeRed.stop();
    await installed.remove();
    await sandbox.stop();
  });

  async function deploy(flow: readonly FlowNode[], settings: object = {}): Promise<void> {
    const onTab = flow.map((node) => ({ z: "tab", x: 0, y: 0, wires: [], ...node }));
    const connection = connectionTo(sandbox, settings);
    await nodeRed.deploy([{ id: "tab", type: "tab", label: "" }, connection, ...onTab]);
  }

  /** What the debug sidebar shows next of the node after that. */
  async function shown(id: string, happens: () => Promise<unknown>): Promise<string> {
    const { shown } = await nodeRed.debugging(id);
    await happens();
    return shown;
  }

  it("of a message is a sentence where nobody catches it, in the sidebar and in the log", async () => {
    equal(await shown("out", () => deploy(wrongId)), SLASH);
    await prints(nodeRed, SLASH);
    const lines = nodeRed.output.split("\n").filter((line) => line.includes(SLASH));
    deepEqual(
      lines.map((line) => line.replace(/^.* - /, "")),
      [`[error] [m1 event out:out] ${SLASH}`],
    );
    ok(!nodeRed.output.includes("    at "), "there is no stack in the log");
  });

  it("of a message gives a Catch node the sentence and, from Node-RED 4.1 on, the code", async () => {
    const debug = { id: "debug", type: "debug", active: true, tosidebar: true };
    const catching = [
      { id: "catch", type: "catch", scope: null, wires: [["debug"]] },
      { ...debug, complete: "error", targetType: "msg" },
    ];
    const error = await shown("debug", () => deploy([...wrongId, ...catching]));
    const { source, ...told } = JSON.parse(error);
    equal(source.id, "out");
    const code = version.startsWith("4.0.") ? {} : { code: "LEVEL_CHARACTER" };
    deepEqual(told, { message: SLASH, ...code });
  });

  it("of wrong settings is a sentence", async () => {
    const wrong = eventOut({ id: "wrong", qos: "3" });
    equal(await shown("wrong", () => deploy([wrong])), "QoS: 3 is not one of 0, 1, 2");
  });

  it("of a connection is a sentence", async () => {
    const reported = await shown("m1", () => deploy(wrongId, { url: nobody }));
    equal(reported, `Nothing listens at ${nobody}`);
  });

  it("of settings of a connection is a sentence", async () => {
    const reported = await shown("m1", () => deploy(wrongId, { projectMqtt: "" }));
    equal(reported, "The connection is not configured: The project MQTT ID is missing");
  });

  it("of a message that came is a sentence", async () => {
    const [receiver] = deviceIn("in", { datatype: "json", wires: [] });
    await deploy(receiver ? [receiver] : []);
    await nodeRed.status("in", ({ fill }) => fill === "green");
    const reported = await shown("in", () => sandbox.sendDeviceEvent("pump", "open"));
    equal(reported, "The payload is not valid JSON: open");
  });

  it("that only warns is a sentence", async () => {
    const settings = { outbox: "disk", outboxMegabytes: "1000000000" };
    const good = wrongId.map((node) => ({ ...node, topic: "pump" }));
    const reported = await shown("m1", () => deploy(good, settings));
    match(reported, /^The disk has room for \d+ MB, and the outbox may need \d+ MB/);
  });
});
