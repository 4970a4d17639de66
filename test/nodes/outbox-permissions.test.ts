// Who may look at outboxes and who may steer them, where users log in; and what the editor hears while somebody looks.
import { deepEqual, equal } from "node:assert/strict";
import { once } from "node:events";
import { createRequire } from "node:module";
import { WebSocket } from "ws";
import type { OutboxReport } from "../../nodes/admin/outbox-answers";
import { Sandbox } from "../../sandbox/sandbox";
import { connectionTo, eventOut } from "../support/flows";
import { installation } from "../support/installation";
import { NodeRed } from "../support/node-red";
import { nodeRedRequire } from "../support/release";

const bcrypt = createRequire(nodeRedRequire.resolve("node-red"))("bcryptjs");

const USERS = [
  ["ann", "*"],
  ["watcher", "read"],
  ["fleet", "m1-connection.read"],
].map(([username, permissions]) => ({ username, permissions }));

const READING = ["outbox", "outbox/m1/waiting", "outbox/m1/quarantined", "outbox-left"];
const DOWNLOADS = ["outbox/m1/waiting.jsonl", "outbox/m1/quarantined.jsonl"];
const ACTIONS = ["connect", "send-again", "delete", "empty"].map((name) => `outbox/m1/${name}`);

describe("outboxes, where users log in and the editor has a root of its own", () => {
  const sandbox = new Sandbox({ port: 0 });
  let nodeRed: NodeRed;
  let remove: () => Promise<void>;

  before(async () => {
    await sandbox.start();
    const tab = { id: "tab", type: "tab", label: "" };
    const out = eventOut({ z: "tab", wires: [] });
    const installed = await installation([tab, out, connectionTo(sandbox)]);
    remove = installed.remove;
    const users = USERS.map((user) => ({ ...user, password: bcrypt.hashSync("word", 4) }));
    const connected = once(sandbox, "connected");
    nodeRed = await NodeRed.start(installed.userDir, {
      httpAdminRoot: "/admin",
      adminAuth: { type: "credentials", users },
    });
    await connected;
  });
  after(async () => {
    await nodeRed.stop();
    await sandbox.stop();
    await remove();
  });

  /** Node-RED takes five log-ins of a user in ten minutes. */
  const tokens = new Map<string, Promise<string>>();

  function tokenOf(username: string): Promise<string> {
    const token = tokens.get(username) ?? logIn(username);
    tokens.set(username, token);
    return token;
  }

  async function logIn(username: string): Promise<string> {
    const login = { client_id: "node-red-admin", grant_type: "password", scope: "", username };
    const response = await fetch(`${nodeRed.url}/auth/token`, {
      method: "POST",
      body: new URLSearchParams({ ...login, password: "word" }),
    });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async function ask(path: string, method: "GET" | "POST", user?: string): Promise<Response> {
    const headers: Record<string, string> = { "content-type": "application/json" };
    if (user) headers.authorization = `Bearer ${await tokenOf(user)}`;
    const body = method === "POST" ? { body: "{}" } : {};
    return fetch(`${nodeRed.url}/m1-connection/${path}`, { method, headers, ...body });
  }

  async function statuses(paths: readonly string[], method: "GET" | "POST", user?: string) {
    const answers = await Promise.all(paths.map((path) => ask(path, method, user)));
    return answers.map(({ status }) => status);
  }

  const all = (paths: readonly unknown[], status: number) => paths.map(() => status);

  it("are nobody's business who has not logged in", async () => {
    const reading = [...READING, ...DOWNLOADS];
    deepEqual(await statuses(reading, "GET"), all(reading, 401));
    deepEqual(await statuses(ACTIONS, "POST"), all(ACTIONS, 401));
  });

  for (const user of ["watcher", "fleet"]) {
    it(`are looked at, and not steered, by a user with ${user === "fleet" ? "that permission" : "read"} alone`, async () => {
      const reading = [...READING, ...DOWNLOADS];
      deepEqual(await statuses(reading, "GET", user), all(reading, 200));
      deepEqual(await statuses(ACTIONS, "POST", user), all(ACTIONS, 401));
    });
  }

  it("are steered by a user who may write, whose name the log has", async () => {
    deepEqual(await statuses(ACTIONS, "POST", "ann"), all(ACTIONS, 200));
    equal(nodeRed.output.includes("ann deleted events that waited: 0"), true);
  });

  it("are told over the editor's own channel once somebody has asked", async () => {
    const socket = new WebSocket(`${nodeRed.url.replace("http", "ws")}/comms`);
    const heard: OutboxReport[] = [];
    const told = new Promise<void>((resolve) => {
      socket.on("message", (bytes) => {
        for (const { topic, data } of [JSON.parse(String(bytes))].flat()) {
          if (topic !== "m1-outbox") continue;
          heard.push(data);
          resolve();
        }
      });
    });
    await once(socket, "open");
    socket.send(JSON.stringify({ auth: await tokenOf("watcher") }));
    await once(socket, "message");
    socket.send(JSON.stringify({ subscribe: "m1-outbox" }));
    await ask("outbox", "GET", "watcher");
    await told;
    deepEqual(
      heard[0]?.connections.map(({ id, state }) => [id, state]),
      [["m1", "online"]],
    );
    socket.close();
  });
});
