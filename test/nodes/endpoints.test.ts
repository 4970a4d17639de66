// What the dialog of `m1 connection` asks of Node-RED: with the form as it is, the secrets as stored.
import { deepEqual, equal, ok } from "node:assert/strict";
import helper from "node-red-node-test-helper";
import { DEMO_ACCOUNT, DEMO_REGISTRATION, Sandbox } from "../../sandbox/sandbox";
import { eachWithWeb } from "../sandbox/web";
import { certificate } from "../support/certificates";
import {
  connectionTo,
  demoCredentials,
  eachWithSandbox,
  eventOut,
  online,
  startFlow,
  statuses,
} from "../support/flows";

type Form = Record<string, unknown>;
interface Answer {
  broker?: string;
  results?: Answer[];
  roundTrip?: number;
  userMqtt?: string;
  error?: { code: string; details: Record<string, unknown> };
}

const STORED = { apiKey: "__PWRD__", userPassword: "__PWRD__" };

const variable = (name: string) => ["$", "{M1_TEST_", name, "}"].join("");

async function ask(resource: "test" | "user" | "new-user", form: Form): Promise<Answer> {
  const { text, body } = await helper.request().post(`/m1-connection/${resource}`).send(form);
  for (const secret of Object.values(demoCredentials())) {
    ok(!text.includes(secret), "the answer holds no secret");
  }
  // Of several addresses there are several results; most tests have one.
  return body.results?.length === 1 ? body.results[0] : body;
}

describe("the connection test of the editor", () => {
  const context = eachWithSandbox();

  afterEach(() => {
    for (const name of Object.keys(process.env)) {
      if (name.startsWith("M1_TEST_")) delete process.env[name];
    }
  });

  /** What the dialog of a new connection to the sandbox holds. */
  function form(values: Form = {}): Form {
    const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
    const { url } = context.sandbox;
    return { id: "new", z: "", url, projectMqtt, userMqtt, ...demoCredentials(), ...values };
  }

  it("tries what the form holds, before anything is deployed", async () => {
    await startFlow([connectionTo({ url: "mqtt://127.0.0.1:1" })]);
    const { roundTrip } = await ask("test", form());
    equal(typeof roundTrip, "number");
  });

  it("takes the stored secrets for those that the form does not show", async () => {
    await startFlow([connectionTo(context.sandbox)]);
    const known = await ask("test", form({ ...STORED, id: "m1" }));
    equal(typeof known.roundTrip, "number");
    const unknown = await ask("test", form({ ...STORED, id: "another" }));
    equal(unknown.error?.code, "CREDENTIAL_MISSING");
  });

  it("replaces environment variables, in the form and in stored secrets", async () => {
    process.env.M1_TEST_URL = context.sandbox.url;
    process.env.M1_TEST_KEY = DEMO_ACCOUNT.apiKey;
    const { userPassword } = DEMO_ACCOUNT;
    await startFlow([connectionTo(context.sandbox)], {
      m1: { apiKey: variable("KEY"), userPassword },
    });
    const { roundTrip } = await ask("test", form({ ...STORED, id: "m1", url: variable("URL") }));
    equal(typeof roundTrip, "number");
  });

  it("replaces environment variables within a text, as the deployed connection does", async () => {
    process.env.M1_TEST_PORT = new URL(context.sandbox.url).port;
    process.env.M1_TEST_KIND = "demo";
    await startFlow([connectionTo(context.sandbox)]);
    const url = `mqtt://127.0.0.1:${variable("PORT")}`;
    const userMqtt = `${variable("KIND")}-user`;
    const answer = await ask("test", form({ id: "m1", url, userMqtt }));
    equal(typeof answer.roundTrip, "number");
  });

  it("names a variable within a text that is not set", async () => {
    await startFlow([]);
    const { error } = await ask("test", form({ url: `mqtt://${variable("UNSET")}:61619` }));
    deepEqual(error, { code: "ENV_UNSET", details: { field: "url", name: "M1_TEST_UNSET" } });
  });

  it("names a variable that is not set", async () => {
    await startFlow([]);
    const { error } = await ask("test", form({ apiKey: variable("UNSET") }));
    deepEqual(error, { code: "ENV_UNSET", details: { field: "apiKey", name: "M1_TEST_UNSET" } });
  });

  it("leaves the running connection alone", async () => {
    await startFlow([connectionTo(context.sandbox, { clientId: "gateway" }), eventOut()]);
    await online();
    const shown = statuses("m1").length;
    await ask("test", form({ id: "m1", clientId: "gateway" }));
    equal(statuses("m1").length, shown);
    deepEqual(
      context.sandbox.clients.map(({ clientId }) => clientId),
      ["gateway"],
    );
  });

  describe("with a client ID of one's own", () => {
    const settings = { clientId: "gateway", name: "The other" };
    const used = (values: Form) => ask("test", form({ clientId: "gateway", ...values }));

    it("says which other connection has it at the same broker", async () => {
      await startFlow([connectionTo(context.sandbox, settings)]);
      const { error, roundTrip } = await used({});
      const details = { clientId: "gateway", name: "The other" };
      deepEqual([error, roundTrip], [{ code: "CLIENT_ID_USED", details }, undefined]);
    });

    it("calls one without a name as the editor does", async () => {
      await startFlow([connectionTo(context.sandbox, { clientId: "gateway" })]);
      const at = context.sandbox.url.replace("mqtt://", "");
      equal((await used({})).error?.details.name, `demo-project/demo-user@${at}`);
    });

    it("finds it at a further address, and only there", async () => {
      const other = new Sandbox({ port: 0 });
      await other.start();
      await startFlow([connectionTo(other, settings)]);
      const { results = [] } = await used({ fallbackUrls: [other.url] });
      deepEqual(
        results.map(({ error }) => error?.code),
        [undefined, "CLIENT_ID_USED"],
      );
      await other.stop();
    });

    it("says nothing of itself, of other IDs, and of other brokers", async () => {
      const elsewhere = { id: "m2", ...settings };
      await startFlow([
        connectionTo(context.sandbox, settings),
        connectionTo(context.sandbox, { id: "m3", clientId: "another" }),
        connectionTo({ url: "mqtt://127.0.0.1:1" }, elsewhere),
      ]);
      equal(typeof (await used({ id: "m1" })).roundTrip, "number");
    });

    it("says first what is wrong anyway", async () => {
      await startFlow([connectionTo(context.sandbox, settings)]);
      equal((await used({ userPassword: "wrong" })).error?.code, "NOT_AUTHORISED");
    });
  });

  it("uses a TLS configuration that is deployed, and says so if it is not", async () => {
    const { key, cert } = certificate();
    const sandbox = new Sandbox({ port: 0, tls: { key, cert } });
    await sandbox.start();
    const paths = { cert: "", key: "", ca: "", verifyservercert: true };
    const disabled = { id: "disabled", type: "tls-config", d: true, ...paths };
    await startFlow([{ id: "tls", type: "tls-config", ...paths }, disabled], {
      tls: { cadata: String(cert) },
    });
    const tested = (tls: string) => ask("test", form({ url: sandbox.url, tls }));

    equal(typeof (await tested("tls")).roundTrip, "number");
    equal((await tested("_ADD_")).error?.code, "CERTIFICATE_SELF_SIGNED");
    equal((await tested("undeployed")).error?.code, "TLS_NOT_DEPLOYED");
    equal((await tested("disabled")).error?.code, "TLS_DISABLED");
    await sandbox.stop();
  });

  const wrong: [string, Form, string][] = [
    ["a wrong password", { userPassword: "wrong" }, "NOT_AUTHORISED"],
    ["a port where nothing listens", { url: "mqtt://127.0.0.1:1" }, "REFUSED"],
    ["a port without TLS", { tls: true }, "TLS_NOT_SPOKEN"],
    ["an ID that no topic can hold", { userMqtt: "a#b" }, "LEVEL_CHARACTER"],
    ["a client ID that is too long", { clientId: "x".repeat(33) }, "CLIENT_ID_TOO_LONG"],
    ["a secret in the URL", { url: "mqtt://a:b@127.0.0.1" }, "URL_SECRET"],
  ];
  for (const [title, { tls, ...values }, code] of wrong) {
    it(`answers ${title} with its code`, async () => {
      await startFlow([]);
      const url = context.sandbox.url.replace("mqtt:", tls ? "mqtts:" : "mqtt:");
      equal((await ask("test", form({ url, ...values }))).error?.code, code);
    });
  }

  it("answers a request without a form", async () => {
    await startFlow([]);
    equal((await ask("test", {})).error?.code, "LEVEL_EMPTY");
  });
});

describe("the user look-up of the editor", () => {
  const context = eachWithSandbox();
  const web = eachWithWeb(context);

  it("logs in with the stored secrets and answers with the ID", async () => {
    const { loginId, userMqtt } = DEMO_ACCOUNT;
    await startFlow([connectionTo({ url: "mqtt://127.0.0.1:1" })]);
    const form = { id: "m1", z: "", restUrl: web.url, loginId, ...STORED };
    deepEqual(await ask("user", form), { userMqtt });
  });

  const wrong: [string, Form, string][] = [
    ["a wrong password", { userPassword: "wrong" }, "REST_LOGIN"],
    ["a wrong API key", { apiKey: "WRONG" }, "REST_LOGIN"],
    ["an unknown user", { loginId: "nobody" }, "REST_USER_UNKNOWN"],
    ["no login ID", { loginId: "" }, "CREDENTIAL_MISSING"],
    ["no server", { restUrl: "http://127.0.0.1:9999" }, "REFUSED"],
  ];
  for (const [title, values, code] of wrong) {
    it(`answers ${title} with its code`, async () => {
      await startFlow([]);
      const { loginId } = DEMO_ACCOUNT;
      const form = { restUrl: web.url, loginId, ...demoCredentials(), ...values };
      equal((await ask("user", form)).error?.code, code);
    });
  }
});

for (const [when, weather] of [
  ["at once", {}],
  ["later", { createLater: 300 }],
] as const) {
  describe(`the creation of a user whom the cloud makes ${when}`, () => {
    const accounts = [DEMO_ACCOUNT, DEMO_REGISTRATION];
    const context = eachWithSandbox({ accounts, weather });
    const web = eachWithWeb(context);
    const form = (values: Form = {}) => ({
      restUrl: `${web.url}/v2`,
      apiKey: DEMO_ACCOUNT.apiKey,
      registrationLoginId: DEMO_REGISTRATION.loginId,
      registrationPassword: DEMO_REGISTRATION.userPassword,
      newLoginId: "pump@example.com",
      newPassword: "new/password",
      ...values,
    });

    it("answers with the MQTT ID, and the new user may connect", async () => {
      await startFlow([]);
      const { userMqtt, ...rest } = await ask("new-user", form());
      deepEqual(rest, {});
      const { projectMqtt, apiKey } = DEMO_ACCOUNT;
      const { url } = context.sandbox;
      const user = { url, projectMqtt, userMqtt, apiKey, userPassword: "new/password" };
      equal(typeof (await ask("test", user)).roundTrip, "number");
    });

    it("uses the stored API key", async () => {
      await startFlow([connectionTo({ url: "mqtt://127.0.0.1:1" })]);
      const { userMqtt } = await ask("new-user", form({ id: "m1", apiKey: "__PWRD__" }));
      equal(typeof userMqtt, "string");
    });

    const wrong: [string, Form, string][] = [
      ["a wrong password", { registrationPassword: "wrong" }, "REST_REGISTRATION_LOGIN"],
      ["a wrong API key", { apiKey: "WRONG" }, "REST_REGISTRATION_LOGIN"],
      ["an unknown user", { registrationLoginId: "nobody" }, "REST_USER_UNKNOWN"],
      [
        "a user that may not",
        {
          registrationLoginId: DEMO_ACCOUNT.loginId,
          registrationPassword: DEMO_ACCOUNT.userPassword,
        },
        "REST_MAY_NOT_CREATE",
      ],
      ["a login ID that exists", { newLoginId: DEMO_ACCOUNT.loginId }, "REST_NOT_CREATED"],
      ["a password that is too simple", { newPassword: "ab" }, "REST_USER_REFUSED"],
      ["no new login ID", { newLoginId: "" }, "CREDENTIAL_MISSING"],
    ];
    for (const [title, values, code] of wrong) {
      it(`answers ${title} with its code, and makes no user`, async () => {
        await startFlow([]);
        equal((await ask("new-user", form(values))).error?.code, code);
        equal(context.sandbox.hasUser(DEMO_ACCOUNT.projectMqtt, "pump@example.com"), false);
      });
    }
  });
}
