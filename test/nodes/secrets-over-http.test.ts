// Secrets over HTTP: who may have the runtime use them, where they go without a question, and what comes back.
import { deepEqual, doesNotMatch, equal, match, ok } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import helper from "node-red-node-test-helper";
import { DEMO_ACCOUNT, Sandbox } from "../../sandbox/sandbox";
import { type RawServer, rawServer } from "../support/connections";
import {
  connectionTo,
  demoCredentials,
  eachWithSandbox,
  eventOut,
  type FlowNode,
  startFlow,
} from "../support/flows";
import { installation } from "../support/installation";
import { inMegabytes, MEGABYTE, resident } from "../support/memory";
import { NodeRed } from "../support/node-red";

type Form = Record<string, unknown>;
type Told = { code: string; details: Record<string, string> };

const RESOURCES = ["test", "user", "new-user"] as const;
type Resource = (typeof RESOURCES)[number];

const STORED = { apiKey: "__PWRD__", userPassword: "__PWRD__" };
const variable = (name: string) => ["$", "{", name, "}"].join("");

describe("the requests of the dialog", () => {
  const context = eachWithSandbox();

  /** Status and code of each resource's answer; nothing has been done by then. */
  async function answersTo(headers: Record<string, string>, body: string) {
    await startFlow([connectionTo(context.sandbox)]);
    const answers = RESOURCES.map((resource) =>
      helper.request().post(`/m1-connection/${resource}`).set(headers).send(body),
    );
    const told = await Promise.all(answers);
    deepEqual(context.sandbox.wire, []);
    return told.map(({ status, body }) => [status, body.error?.code]);
  }

  const all = (status: number, code: string) => RESOURCES.map(() => [status, code]);

  const JSON_TYPE = { "content-type": "application/json", host: "nodered.example:1880" };
  const form = () => JSON.stringify({ id: "m1", url: context.sandbox.url, ...STORED });

  const forms: [string, string][] = [
    ["application/x-www-form-urlencoded", "id=m1&apiKey=__PWRD__"],
    ["text/plain", '{"id":"m1"}'],
    ["multipart/form-data; boundary=x", "--x--"],
    ["application/jsonp", "{}"],
  ];
  for (const [type, body] of forms) {
    it(`are refused as ${type}, which a form of any site can send`, async () => {
      deepEqual(await answersTo({ "content-type": type }, body), all(415, "FORM_NOT_JSON"));
    });
  }

  const foreign: [string, Record<string, string>][] = [
    ["another site", { origin: "http://other.example" }],
    ["another port of this computer", { origin: "http://nodered.example:8080" }],
    ["a page without an origin of its own", { origin: "null" }],
    [
      "a site that names itself as the proxy's host",
      { origin: "http://other.example", "x-forwarded-host": "other.example" },
    ],
    [
      "another site, as the browser says",
      { origin: "http://nodered.example:1880", "sec-fetch-site": "cross-site" },
    ],
    ["a neighbour of the site", { "sec-fetch-site": "same-site" }],
  ];
  for (const [title, headers] of foreign) {
    it(`are refused to ${title}`, async () => {
      const answers = await answersTo({ ...JSON_TYPE, ...headers }, form());
      deepEqual(answers, all(403, "ORIGIN_FOREIGN"));
    });
  }

  const own: [string, Record<string, string>][] = [
    ["a program that states no origin", {}],
    ["its own page", { origin: "http://nodered.example:1880" }],
    ["its own page, with the character set", { "content-type": "application/json; charset=UTF-8" }],
    [
      "its own page behind a proxy that encrypts",
      { origin: "https://nodered.example", host: "nodered.example:443" },
    ],
    [
      "its own page behind a proxy that changes the host, as the browser says",
      { origin: "https://editor.example", "sec-fetch-site": "same-origin" },
    ],
    ["a person who types the address", { "sec-fetch-site": "none" }],
  ];
  for (const [title, headers] of own) {
    it(`are answered to ${title}`, async () => {
      const answers = await answersTo({ ...JSON_TYPE, ...headers }, "{}");
      deepEqual(
        answers.map(([status]) => status),
        RESOURCES.map(() => 200),
      );
    });
  }
});

describe("stored secrets and environment variables", () => {
  const context = eachWithSandbox();
  let foreign: RawServer;
  let taken: string;

  beforeEach(async () => {
    process.env.M1_TEST_SECRET = "of-the-process";
    taken = "";
    foreign = await rawServer((socket) => {
      socket.on("data", (bytes) => {
        taken += bytes.toString("latin1");
        socket.end();
      });
    });
  });
  afterEach(async () => {
    delete process.env.M1_TEST_SECRET;
    await foreign.stop();
  });

  /** Deployed at the cloud, and used by no node. */
  const deployed = (settings: object = {}) =>
    connectionTo({ url: "mqtts://mqtt.mediumone.com:61620" }, settings);

  async function ask(resource: Resource, values: Form): Promise<{ error?: Told; text: string }> {
    const { projectMqtt, userMqtt, loginId } = DEMO_ACCOUNT;
    const places = { url: foreign.url, restUrl: foreign.url.replace("mqtt", "http") };
    const creation = {
      registrationLoginId: "register",
      registrationPassword: "typed",
      newLoginId: "new",
      newPassword: "typed",
    };
    const form = {
      id: "m1",
      z: "",
      projectMqtt,
      userMqtt,
      loginId,
      ...places,
      ...creation,
      ...values,
    };
    const { text, body } = await helper.request().post(`/m1-connection/${resource}`).send(form);
    for (const secret of [...Object.values(demoCredentials()), "of-the-process"]) {
      ok(!text.includes(secret), text);
    }
    return { error: body.error, text };
  }

  const borrowed: [string, Form, string][] = [
    ["a stored API key", { apiKey: "__PWRD__", userPassword: "typed" }, "apiKey"],
    ["a stored password", { apiKey: "typed", userPassword: "__PWRD__" }, "userPassword"],
    ["both", STORED, "apiKey,userPassword"],
    [
      "a variable of the process",
      { apiKey: "typed", userPassword: variable("M1_TEST_SECRET") },
      "userPassword",
    ],
  ];
  for (const resource of RESOURCES) {
    // The password of the connection is not asked for where a user is made.
    const used = resource === "new-user" ? borrowed.slice(0, 1) : borrowed;
    for (const [title, values, fieldNames] of used) {
      it(`go elsewhere only when that place is confirmed: ${title}, ${resource}`, async () => {
        await startFlow([deployed()]);
        const addresses = resource === "test" ? foreign.url : foreign.url.replace("mqtt", "http");
        const { error } = await ask(resource, values);
        deepEqual(error, { code: "SECRETS_ELSEWHERE", details: { fieldNames, addresses } });
        const wrong = await ask(resource, { ...values, confirmed: "http://127.0.0.1:1" });
        equal(wrong.error?.code, "SECRETS_ELSEWHERE");
        equal(taken, "");
        await ask(resource, { ...values, confirmed: addresses });
        match(taken, /demo-project|demo@example\.com|POST/);
      });
    }

    it(`go nowhere else where the person has typed all of it: no question, ${resource}`, async () => {
      await startFlow([deployed()]);
      await ask(resource, { apiKey: "typed", userPassword: "typed" });
      ok(taken.length > 0);
    });

    it(`are those of an m1 connection only, ${resource}`, async () => {
      await startFlow([{ id: "other", type: "mqtt-broker", broker: "127.0.0.1" }], {
        other: { apiKey: "of-another", userPassword: "of-another" },
      });
      const { error } = await ask(resource, { ...STORED, id: "other" });
      equal(error?.code, "CREDENTIAL_MISSING");
      equal(taken, "");
    });
  }

  const typed = { apiKey: "typed", userPassword: "typed" };
  for (const property of ["projectMqtt", "userMqtt", "clientId", "url"] as const) {
    it(`go with a question when the variable is the ${property}`, async () => {
      await startFlow([deployed()]);
      if (property === "url") process.env.M1_TEST_SECRET = foreign.url;
      const values = { ...typed, [property]: variable("M1_TEST_SECRET") };
      const { error } = await ask("test", values);
      equal(error?.code, "SECRETS_ELSEWHERE");
      equal(error?.details.fieldNames, property);
      equal(taken, "");
    });
  }

  it("go with a question when a variable is only a part of a field", async () => {
    await startFlow([deployed()]);
    const values = { ...typed, userMqtt: `a-${variable("M1_TEST_SECRET")}` };
    const { error } = await ask("test", values);
    equal(error?.details.fieldNames, "userMqtt");
    const fallbackUrls = [`mqtt://${variable("M1_TEST_SECRET")}.invalid`];
    const further = await ask("test", { ...typed, fallbackUrls });
    equal(further.error?.details.fieldNames, "fallbackUrls");
    equal(taken, "");
  });

  for (const [resource, property, value] of [
    ["test", "keepalive", ""],
    ["test", "protocolVersion", ""],
    ["test", "url", ""],
    ["test", "url", "mqtt://@.invalid"],
    ["user", "restUrl", ""],
    ["user", "restUrl", "https://@.invalid"],
    ["user", "loginId", ""],
    ["new-user", "restUrl", "https://@.invalid"],
  ] as const) {
    it(`are in no answer: ${property} of ${resource}, ${value || "alone"}`, async () => {
      await startFlow([deployed()]);
      const reference = variable("M1_TEST_SECRET");
      const text = value === "" ? reference : value.replace("@", () => reference);
      // `ask` looks for the value in the answer.
      const { error } = await ask(resource, { ...typed, [property]: text });
      ok(error);
    });
  }

  for (const [resource, property, scheme] of [
    ["test", "url", "mqtt"],
    ["user", "restUrl", "https"],
  ] as const) {
    it(`go to a ${property} with a variable in it once that is confirmed as it was typed`, async () => {
      await startFlow([deployed()]);
      const place = `${scheme}://${variable("M1_TEST_SECRET")}.invalid`;
      const asked = await ask(resource, { ...typed, [property]: place });
      equal(asked.error?.details.addresses, place);
      const confirmed = asked.error?.details.addresses;
      const { error } = await ask(resource, { ...typed, [property]: place, confirmed });
      ok(error?.code !== "SECRETS_ELSEWHERE");
    });
  }

  it("are not put into what a person types to have a user made", async () => {
    await startFlow([deployed()]);
    const reference = variable("M1_TEST_SECRET");
    const names = ["registrationLoginId", "registrationPassword", "newLoginId", "newPassword"];
    const values = Object.fromEntries(names.map((name) => [name, reference]));
    await ask("new-user", { apiKey: "typed", ...values });
    ok(taken.includes(reference), taken);
    ok(!taken.includes("of-the-process"), taken);
  });

  it("are asked about for each further address, by its name", async () => {
    await startFlow([connectionTo(context.sandbox)]);
    const fallbackUrls = ["mqtt://name.invalid:1883", "mqtts://other.invalid"];
    const { error } = await ask("test", { ...STORED, url: context.sandbox.url, fallbackUrls });
    equal(error?.details.addresses, "mqtt://name.invalid:1883, mqtts://other.invalid:61620");
    deepEqual(context.sandbox.wire, []);
  });

  it("go to the host of the deployed connection, at any port", async () => {
    await startFlow([connectionTo({ url: "mqtt://127.0.0.1:1" })]);
    await ask("test", STORED);
    ok(taken.includes("demo/password"));
  });

  it("go to its further addresses", async () => {
    await startFlow([deployed({ fallbackUrls: ["mqtt://127.0.0.1:1"] })]);
    await ask("user", STORED);
    ok(taken.includes("demo/password"));
  });

  it("go where the environment says that it is deployed", async () => {
    process.env.M1_TEST_SECRET = "mqtt://localhost:1";
    await startFlow([deployed({ url: variable("M1_TEST_SECRET") })]);
    await ask("test", STORED);
    ok(taken.includes("demo/password"));
  });
});

describe("the dialog's requests, where users log in and the editor has a root of its own", () => {
  const bcrypt = createRequire(require.resolve("node-red"))("bcryptjs");
  const users = [
    { username: "writer", permissions: "*" },
    { username: "reader", permissions: "read" },
  ].map((user) => ({ ...user, password: bcrypt.hashSync("word", 4) }));
  const flow: FlowNode[] = [
    {
      id: "tab",
      type: "tab",
      label: "",
      env: [{ name: "USER_OF_TAB", type: "str", value: DEMO_ACCOUNT.userMqtt }],
    },
    eventOut({ z: "tab", wires: [] }),
  ];
  let nodeRed: NodeRed;
  let sandbox: Sandbox;
  let remove: () => Promise<void>;

  before(async () => {
    sandbox = new Sandbox({ port: 0 });
    await sandbox.start();
    const installed = await installation([...flow, connectionTo(sandbox)]);
    remove = installed.remove;
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

  async function post(resource: Resource, user?: string, more: Form = {}, origin?: string) {
    const form = {
      id: "new",
      z: "tab",
      url: sandbox.url,
      projectMqtt: DEMO_ACCOUNT.projectMqtt,
      userMqtt: variable("USER_OF_TAB"),
      loginId: DEMO_ACCOUNT.loginId,
      ...demoCredentials(),
      ...more,
    };
    const headers = {
      "content-type": "application/json",
      ...(await authorization(user)),
      ...(origin && { origin }),
    };
    const body = JSON.stringify(form);
    return fetch(`${nodeRed.url}/m1-connection/${resource}`, { method: "POST", headers, body });
  }

  async function authorization(username: string | undefined): Promise<Record<string, string>> {
    if (!username) return {};
    const login = { client_id: "node-red-admin", grant_type: "password", scope: "", username };
    const response = await fetch(`${nodeRed.url}/auth/token`, {
      method: "POST",
      body: new URLSearchParams({ ...login, password: "word" }),
    });
    const { access_token } = (await response.json()) as { access_token: string };
    return { authorization: `Bearer ${access_token}` };
  }

  it("are refused to strangers and to those who may only read", async () => {
    for (const resource of RESOURCES) {
      equal((await post(resource)).status, 401);
      equal((await post(resource, "reader")).status, 401);
    }
    equal(sandbox.clients.length, 1);
  });

  it("are refused to those who may write, on the page of another site", async () => {
    for (const resource of RESOURCES) {
      equal((await post(resource, "writer", {}, "http://other.example")).status, 403);
    }
  });

  it("are answered to those who may write, with the variables of their flow", async () => {
    const { origin } = new URL(nodeRed.url);
    const asked = (await (await post("test", "writer", {}, origin)).json()) as { error: Told };
    equal(asked.error.details.addresses, sandbox.url);
    const confirmed = { confirmed: sandbox.url };
    const text = await (await post("test", "writer", confirmed, origin)).text();
    equal(typeof JSON.parse(text).results[0].roundTrip, "number", text);
    doesNotMatch(nodeRed.output, /DEMO0KEY|demo\/password/);
  });

  describe("with a REST API that answers too much", () => {
    const member = gzipSync(Buffer.alloc(100_000_000));
    const answers: [string, (response: ServerResponse) => void][] = [
      ["gigabytes in a few kilobytes", (response) => pour(packed(response), member)],
      ["60 MB in 60 KB", (response) => packed(response).end(gzipSync(Buffer.alloc(60_000_000)))],
      ["without an end", (response) => pour(response, Buffer.alloc(1_000_000))],
    ];
    for (const [title, answer] of answers) {
      it(`take next to no memory: ${title}`, async () => {
        const server = createServer((request, response) => {
          if (request.method === "GET") answer(response);
          else response.end("true");
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const restUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        const before = await resident(nodeRed);
        const { error } = (await (await post("user", "writer", { restUrl })).json()) as {
          error: Told;
        };
        const more = (await resident(nodeRed)) - before;
        server.closeAllConnections();
        server.close();
        equal(error.code, "REST_TOO_LONG");
        ok(more < 40 * MEGABYTE, inMegabytes(more));
      });
    }
  });
});

function packed(response: ServerResponse): ServerResponse {
  return response.setHeader("content-encoding", "gzip");
}

/** As long as somebody takes it. */
function pour(response: ServerResponse, bytes: Buffer): void {
  const more = () => {
    while (!response.destroyed && response.write(bytes));
    response.once("drain", more);
  };
  more();
}
