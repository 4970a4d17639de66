// The examples of the import menu: each runs against the sandbox as it is.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { rules } from "../../sandbox/workflows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";

const folder = path.resolve(__dirname, "../../examples");

interface ExampleNode {
  id: string;
  type: string;
  url?: string;
  credentials?: Record<string, string>;
}

describe("the example", () => {
  const sandbox = new Sandbox({ port: 0, rules: rules() });
  before(() => sandbox.start());
  after(() => sandbox.stop());

  for (const file of readdirSync(folder)) {
    it(`"${path.parse(file).name}" connects, and its buttons send events that are accepted`, async () => {
      const flow: ExampleNode[] = JSON.parse(await readFile(path.join(folder, file), "utf8"));
      for (const { type, url, credentials } of flow) {
        if (type !== "m1 connection") continue;
        const { apiKey, userPassword } = DEMO_ACCOUNT;
        assert.equal(url, "mqtt://127.0.0.1:61619");
        assert.deepEqual(credentials, { apiKey, userPassword });
      }
      const here = flow.map((node) => (node.url ? { ...node, url: sandbox.url } : node));
      const { userDir, remove } = await installation(here);
      const nodeRed = await NodeRed.start(userDir);
      const flowNodes = flow.filter(({ type }) => /^m1 .+ (in|out)$/.test(type));
      await Promise.all(
        flowNodes.map(({ id }) => nodeRed.status(id, ({ fill }) => fill === "green")),
      );

      const event = sandbox.next("event");
      const [button] = flow.filter(({ type }) => type === "inject");
      await fetch(`${nodeRed.url}/inject/${button?.id}`, { method: "POST" });

      assert.ok("temperature" in (await event).eventData, "a temperature arrives");
      assert.deepEqual(sandbox.refusals, []);
      await nodeRed.stop();
      await remove();
    });
  }
});
