// The sandbox's file: what it may hold, and what a change of it does to a running sandbox.
import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import path from "node:path";
import { ConfigError, parseConfig } from "../../../sandbox/command/config";
import { closed, connect, EVENT, eachWithSandbox, inbox, refusedWith } from "../clients";

const USER = { userMqtt: "gateway", userPassword: "secret/word" };
const PROJECT = { projectMqtt: "plant", apiKeys: ["KEY1", "KEY2"], users: [USER] };
const WELCOME = { kind: "welcome", updateType: "config", payload: null };

function parse(...projects: unknown[]) {
  return parseConfig(JSON.stringify({ projects }));
}

describe("sandbox: file", () => {
  it("gives each user an account for each API key of its project", () => {
    const office = {
      projectMqtt: "office",
      apiKeys: ["KEY3"],
      users: [{ ...USER, loginId: "g@example.com", role: "business" }],
    };
    assert.deepEqual(parse(PROJECT, office).accounts, [
      { projectMqtt: "plant", apiKey: "KEY1", ...USER },
      { projectMqtt: "plant", apiKey: "KEY2", ...USER },
      {
        projectMqtt: "office",
        apiKey: "KEY3",
        ...USER,
        loginId: "g@example.com",
        role: "business",
      },
    ]);
  });

  it("may be what docs/sandbox.md shows", () => {
    const page = readFileSync(path.join(__dirname, "../../../docs/sandbox.md"), "utf8");
    const { accounts, rules } = parseConfig(/```json\n(.*?)```/s.exec(page)?.[1] ?? "");
    assert.deepEqual([accounts.length, rules.length], [2, 2]);
  });

  it("may begin with a byte order mark", () => {
    const { accounts } = parseConfig(`\uFEFF${JSON.stringify(inProject({}))}`);
    assert.equal(accounts.length > 0, true);
  });

  const mistakes: [what: string, text: unknown, words: string][] = [
    ["no JSON", "{", "It is not JSON: see line 1, column 2"],
    ["nothing", "", "It is not JSON: see line 1, column 1"],
    [
      "a word without quotes",
      '{\n"userPassword": secret,',
      "It is not JSON: see line 2, column 17",
    ],
    ["a comma too many", '{"projects": [\n1,\n]}', "It is not JSON: see line 3, column 1"],
    ["half of it", '{\n"apiKeys": ["secret', "It is not JSON: see line 2, column 20"],
    ["no object", [], "the file must be an object"],
    ["no projects", {}, "projects is missing"],
    ["projects that are no list", { projects: {} }, "projects must be a list"],
    ["no user at all", { projects: [] }, "projects must hold a user with an API key"],
    [
      "another key at the top",
      { projects: [], users: [] },
      "the file has users; projects are what it may have",
    ],
    [
      "a project without a name",
      inProject({ projectMqtt: undefined }),
      "projects[0].projectMqtt: ",
    ],
    [
      "a project that is no topic level",
      inProject({ projectMqtt: "a/b" }),
      "projects[0].projectMqtt: ",
    ],
    ["an API key with a slash", inProject({ apiKeys: ["a", "b/c"] }), "projects[0].apiKeys[1]: "],
    [
      "a user without a password",
      inUser({ userPassword: undefined }),
      "projects[0].users[0].userPassword is missing",
    ],
    [
      "an empty password",
      inUser({ userPassword: "" }),
      "projects[0].users[0].userPassword must be text that is not empty",
    ],
    ["a misspelt key", inUser({ pasword: "x" }), "projects[0].users[0] has pasword; userMqtt, "],
    [
      "a misspelt key, not the one that is missing by it",
      inUser({ userPassword: undefined, pasword: "x" }),
      "projects[0].users[0] has pasword; userMqtt, ",
    ],
    [
      "two users of one name",
      inProject({ users: [USER, { ...USER, loginId: "b" }] }),
      "projects[0].users[1].userMqtt is another user's, too",
    ],
    [
      "two users of one login ID",
      inProject({
        users: [
          { ...USER, loginId: "a" },
          { ...USER, userMqtt: "b", loginId: "a" },
        ],
      }),
      "projects[0].users[1].loginId is another user's, too",
    ],
    [
      "two projects of one name",
      { projects: [PROJECT, { ...PROJECT, apiKeys: ["KEY3"] }] },
      "projects[1].projectMqtt is another project's, too",
    ],
    [
      "an API key twice",
      inProject({ apiKeys: ["SECRET1", "KEY1", "SECRET1"] }),
      "projects[0].apiKeys[2] is an API key that the file gives before",
    ],
    [
      "an API key in two projects",
      { projects: [PROJECT, { ...PROJECT, projectMqtt: "office", apiKeys: ["KEY3", "KEY2"] }] },
      "projects[1].apiKeys[1] is an API key that the file gives before",
    ],
    [
      "a group that is no topic level",
      inCondition({ send: { kind: "group", groupId: "a/b", updateType: "x", payload: 1 } }),
      'projects[0].workflows[0].send.groupId: The group ID has "/"',
    ],
    [
      "a device that is no topic level",
      inCondition({ send: { kind: "event", deviceId: "#", payload: 1 } }),
      'projects[0].workflows[0].send.deviceId: The device ID has "#"',
    ],
    [
      "an update type with a wildcard",
      inFlow({ ...WELCOME, updateType: "+" }),
      "projects[0].workflows[0].updateType: ",
    ],
    ...[0, -1, 2.5].map((every): [string, unknown, string] => [
      `a summary every ${every} events`,
      inFlow({ kind: "summary", tag: "t", every, groupId: "_all", updateType: "x" }),
      "projects[0].workflows[0].every must be a whole number from 1 on",
    ]),
    [
      "an unknown role",
      inUser({ role: "king" }),
      "projects[0].users[0].role must be one of basic, business, registration",
    ],
    [
      "an unknown workflow",
      inFlow({ kind: "magic" }),
      "projects[0].workflows[0].kind must be one of ",
    ],
    [
      "a workflow with a key of another",
      inFlow({ ...WELCOME, tag: "t" }),
      "projects[0].workflows[0] has tag; ",
    ],
    [
      "a workflow without its payload",
      inFlow({ ...WELCOME, payload: undefined }),
      "projects[0].workflows[0].payload is missing",
    ],
    ...[`${"[".repeat(201)}${"]".repeat(201)}`, '{"fan":1e999}'].map(
      (payload): [string, unknown, string] => [
        `the payload ${payload.slice(0, 20)}`,
        JSON.stringify(inFlow({ ...WELCOME, payload: "?" })).replace('"?"', payload),
        "projects[0].workflows[0].payload must be 200 levels deep at the most",
      ],
    ),
    ...["above", "equals"].map((name): [string, unknown, string] => [
      `a condition ${name} a number that is none once it is read`,
      JSON.stringify(inCondition({ when: { tag: "t", [name]: "?" } })).replace('"?"', "1e999"),
      `projects[0].workflows[0].when.${name} must be `,
    ]),
    [
      "a condition on nothing",
      inCondition({ when: { tag: "t" } }),
      "projects[0].workflows[0].when must give above, below or equals",
    ],
    [
      "a limit that is text",
      inCondition({ when: { tag: "t", above: "9" } }),
      "projects[0].workflows[0].when.above must be a number",
    ],
    [
      "a list to equal",
      inCondition({ when: { tag: "t", equals: [] } }),
      "projects[0].workflows[0].when.equals must be text, a number, true or false",
    ],
    [
      "a message to nobody",
      inCondition({ send: { kind: "group", payload: 1 } }),
      "projects[0].workflows[0].send.groupId is missing",
    ],
    [
      "a device event with an update type",
      inCondition({ send: { kind: "event", updateType: "x", payload: 1 } }),
      "projects[0].workflows[0].send has updateType; ",
    ],
  ];
  for (const [what, content, words] of mistakes) {
    it(`is refused with its place: ${what}`, () => {
      const text = typeof content === "string" ? content : JSON.stringify(content);
      assert.throws(
        () => parseConfig(text),
        (error: Error) => {
          assert.ok(error instanceof ConfigError, String(error));
          assert.ok(error.message.startsWith(words), error.message);
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    });
  }

  describe("in force", () => {
    const context = eachWithSandbox(() => parse(PROJECT));
    const login = { username: "plant/gateway", password: "KEY2/secret/word" };

    it("lets its users in and no others", async () => {
      await connect(context.sandbox, login);
      assert.equal(await refusedWith(context.sandbox, {}), 4);
    });

    it("cuts off who is no longer in it, and leaves the others alone", async () => {
      const other = { userMqtt: "other", userPassword: "x" };
      context.sandbox.configure(parse({ ...PROJECT, users: [USER, other] }));
      const staying = await connect(context.sandbox, {
        username: "plant/other",
        password: "KEY1/x",
      });
      const leaving = await connect(context.sandbox, login);
      const gone = closed(leaving);
      const disconnected = context.sandbox.next("disconnected");
      context.sandbox.configure(parse({ ...PROJECT, users: [other] }));
      await gone;
      assert.equal((await disconnected).reason, "its user is gone");
      assert.equal(staying.connected, true);
      assert.equal(await refusedWith(context.sandbox, login), 4);
    });

    it("runs its workflows for its own project only, and new ones once they are in it", async () => {
      const office = {
        projectMqtt: "office",
        apiKeys: ["O"],
        users: [USER],
        workflows: [{ ...WELCOME, payload: "office" }],
      };
      context.sandbox.configure(
        parse({ ...PROJECT, workflows: [{ ...WELCOME, payload: "plant" }] }, office),
      );
      const device = await connect(context.sandbox, login);
      await device.subscribeAsync("1/plant/gateway/#");
      const received = inbox(device);
      await device.publishAsync("0/plant/gateway/d", EVENT, { qos: 1 });
      assert.equal((await received.upTo(1))[0]?.payload, "plant");
      context.sandbox.configure(
        parse({ ...PROJECT, workflows: [{ ...WELCOME, payload: "anew" }] }),
      );
      await device.publishAsync("0/plant/gateway/d", EVENT, { qos: 1 });
      assert.deepEqual(
        (await received.upTo(2)).map(({ payload }) => payload),
        ["plant", "anew"],
      );
    });

    describe("of users that were made over REST", () => {
      const keys = () =>
        context.sandbox.accounts
          .filter(({ loginId }) => loginId === "new@example.com")
          .map(({ apiKey }) => apiKey);
      beforeEach(() => {
        context.sandbox.addUser("plant", { loginId: "new@example.com", userPassword: "new" });
      });

      it("leaves them alone, and their MQTT ID with them", () => {
        const [before] = context.sandbox.accounts.slice(-1);
        context.sandbox.configure(parse(PROJECT));
        assert.deepEqual(context.sandbox.accounts.at(-1), before);
        assert.deepEqual(keys(), ["KEY1", "KEY2"]);
      });

      it("lets them in with the keys that their project has now, and no others", async () => {
        const { userMqtt } = context.sandbox.accounts.at(-1) ?? assert.fail("no user");
        const loginWith = (apiKey: string) => ({
          username: `plant/${userMqtt}`,
          password: `${apiKey}/new`,
        });
        context.sandbox.configure(parse({ ...PROJECT, apiKeys: ["KEY2", "KEY3"] }));
        assert.deepEqual(keys(), ["KEY2", "KEY3"]);
        await connect(context.sandbox, loginWith("KEY3"));
        assert.equal(await refusedWith(context.sandbox, loginWith("KEY1")), 4);
      });

      it("cuts them off when their project is gone, and does not bring them back with it", async () => {
        const { userMqtt } = context.sandbox.accounts.at(-1) ?? assert.fail("no user");
        const leaving = await connect(context.sandbox, {
          username: `plant/${userMqtt}`,
          password: "KEY1/new",
        });
        const gone = closed(leaving);
        context.sandbox.configure(parse({ ...PROJECT, projectMqtt: "office" }));
        await gone;
        assert.deepEqual(keys(), []);
        context.sandbox.configure(parse(PROJECT));
        assert.deepEqual(keys(), []);
      });
    });
  });
});

function inProject(change: object) {
  return { projects: [{ ...PROJECT, ...change }] };
}

function inUser(change: object) {
  return inProject({ users: [{ ...USER, ...change }] });
}

function inFlow(workflow: object) {
  return inProject({ workflows: [workflow] });
}

function inCondition(change: object) {
  const send = { kind: "event", payload: 1 };
  return inFlow({ kind: "condition", when: { tag: "t", above: 1 }, send, ...change });
}
