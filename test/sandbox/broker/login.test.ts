// Who the sandbox lets in (wire-contract: Authentication, Identifiers).
import { strict as assert } from "node:assert";
import type { IClientOptions } from "mqtt";
import { DEMO_ACCOUNT } from "../../../sandbox/sandbox";
import { type ClientOptions, connect, EVENT, eachWithSandbox, OWN, refusedWith } from "../clients";

const SECOND_KEY = { ...DEMO_ACCOUNT, apiKey: "KEY2", userPassword: "second" };

describe("sandbox: login", () => {
  const context = eachWithSandbox({ accounts: [DEMO_ACCOUNT, SECOND_KEY] });

  it("lets a user in whose password holds a slash", async () => {
    const connected = context.sandbox.next("connected");
    await connect(context.sandbox, { clientId: "tester", clean: false });
    assert.deepEqual(await connected, {
      clientId: "tester",
      username: OWN,
      clean: false,
      sessionPresent: false,
      subscriptions: [],
    });
    assert.deepEqual(context.sandbox.refusals, []);
  });

  it("lets a user in with any of its API keys", async () => {
    await connect(context.sandbox, { password: "KEY2/second" });
  });

  it("accepts a client ID of 32 characters", async () => {
    await connect(context.sandbox, { clientId: "x".repeat(32) });
  });

  it("accepts an empty client ID for a clean session", async () => {
    await connect(context.sandbox, { clientId: "", clean: true });
  });

  const refused: [what: string, code: string, returnCode: number, options: ClientOptions][] = [
    ["no username", "USERNAME_MISSING", 4, { username: undefined, password: undefined }],
    ["a username without a slash", "USERNAME_FORM", 4, { username: "demo-project" }],
    ["a username of three parts", "USERNAME_FORM", 4, { username: `${OWN}/more` }],
    ["an unknown project", "PROJECT_UNKNOWN", 4, { username: "other/demo-user" }],
    ["an unknown user", "USER_UNKNOWN", 4, { username: "demo-project/other" }],
    ["a user in another case", "USER_UNKNOWN", 4, { username: "demo-project/Demo-User" }],
    ["an API key as user", "USERNAME_HOLDS_KEY", 4, { username: "demo-project/DEMO0KEY" }],
    ["no password", "PASSWORD_MISSING", 4, { password: undefined }],
    ["a password without a slash", "PASSWORD_FORM", 4, { password: "DEMO0KEY" }],
    ["a password without an API key", "PASSWORD_FORM", 4, { password: "/demo/password" }],
    ["a wrong API key", "API_KEY_WRONG", 4, { password: "WRONG/demo/password" }],
    ["a wrong user password", "USER_PASSWORD_WRONG", 4, { password: "DEMO0KEY/demo" }],
    ["a password of another API key", "USER_PASSWORD_WRONG", 4, { password: "KEY2/demo/password" }],
    ["a client ID of 33 characters", "CLIENT_ID_TOO_LONG", 2, { clientId: "x".repeat(33) }],
    ["a client ID beyond ASCII", "CLIENT_ID_CHARACTER", 2, { clientId: "jürgen" }],
    ["MQTT 5", "PROTOCOL_VERSION", 1, { protocolVersion: 5 }],
    ["a will to another topic", "TOPIC_NOT_EVENT", 5, { will: will("status", EVENT) }],
    ["a will of another user", "TOPIC_FOREIGN", 5, { will: will("0/demo-project/x/d", EVENT) }],
    ["a will that is no event", "DATA_NOT_JSON", 5, { will: will(`0/${OWN}/d`, "gone") }],
  ];
  for (const [what, code, returnCode, options] of refused) {
    it(`refuses ${what} with return code ${returnCode} and says why`, async () => {
      assert.equal(await refusedWith(context.sandbox, options), returnCode);
      const [refusal] = context.sandbox.refusals;
      assert.equal(context.sandbox.refusals.length, 1);
      assert.equal(refusal?.what, "connect");
      assert.equal(refusal?.code, code);
      assert.equal(refusal?.returnCode, returnCode);
      assert.deepEqual(context.sandbox.clients, []);
    });
  }

  it("never shows a secret in a refusal", async () => {
    await refusedWith(context.sandbox, { password: "SECRETKEY/secretword" });
    await refusedWith(context.sandbox, { password: "DEMO0KEY/secretword" });
    assert.doesNotMatch(JSON.stringify(context.sandbox.refusals), /secret|DEMO0KEY|demo.password/i);
  });

  it("says so when an API key stands in the username's place", async () => {
    for (const username of ["DEMO0KEY/demo/password", "KEY2/second", `${OWN}/DEMO0KEY`]) {
      await refusedWith(context.sandbox, { username });
      assert.equal(context.sandbox.refusals.at(-1)?.code, "USERNAME_HOLDS_KEY");
    }
  });

  it("repeats nothing that stands in the username's place but a user's own name", async () => {
    const strangers = [
      "second",
      "demo-project/second",
      "KEY2 /demo-user",
      "KEY2 second",
      "KEY2/x/y",
    ];
    for (const username of strangers) {
      // A client without an ID of its own may take its username for it.
      await refusedWith(context.sandbox, { username, clientId: username });
      await refusedWith(context.sandbox, { username, clientId: "x".repeat(33) });
    }
    const { refusals } = context.sandbox;
    assert.equal(refusals.length, 2 * strangers.length);
    assert.doesNotMatch(JSON.stringify(refusals), /second|KEY2/);
    await refusedWith(context.sandbox, { username: OWN, password: "WRONG/word" });
    assert.equal(refusals.at(-1)?.username, OWN);
  });

  it("lets a user in whose project is named like an API key", async () => {
    const account = { ...DEMO_ACCOUNT, projectMqtt: DEMO_ACCOUNT.apiKey };
    context.sandbox.configure({ accounts: [account], rules: [] });
    await connect(context.sandbox, { username: "DEMO0KEY/demo-user" });
  });

  it("stores the event of a will when the connection is cut", async () => {
    const event = context.sandbox.next("event");
    await connect(context.sandbox, { clientId: "mortal", will: will(`0/${OWN}/d`, EVENT) });
    assert.equal(context.sandbox.kick("mortal"), true);
    assert.equal((await event).raw, EVENT);
  });
});

function will(topic: string, payload: string): NonNullable<IClientOptions["will"]> {
  return { topic, payload: Buffer.from(payload), qos: 1, retain: false };
}
