// What a sandbox shows on a terminal (sandbox/command/report.ts).
import { strict as assert } from "node:assert";
import { Refused } from "../../../sandbox/cloud/refusal";
import { formatLine, report } from "../../../sandbox/command/report";
import { connect, EVENT, eachWithSandbox, OWN, refusedWith } from "../clients";

const LINE = {
  time: new Date(2026, 0, 2, 3, 4, 5, 6),
  kind: "event",
  who: "device",
  details: "{}",
  colour: "green",
} as const;

describe("sandbox: report", () => {
  const context = eachWithSandbox();

  it("aligns local time, kind, who and details", () => {
    assert.equal(formatLine(LINE, false), `03:04:05.006  event         device${" ".repeat(29)}{}`);
  });

  it("colours the kind when told to", () => {
    const line = formatLine(LINE, true);
    assert.equal(line, `03:04:05.006  \x1b[32mevent       \x1b[0m  device${" ".repeat(29)}{}`);
  });

  it("cuts what is longer than a client ID may be, and stays aligned", () => {
    const line = formatLine({ ...LINE, who: "x".repeat(33) }, false);
    assert.equal(line, `03:04:05.006  event         ${"x".repeat(32)}…  {}`);
  });

  it("lets no control character through", () => {
    const line = formatLine({ ...LINE, who: "a\x1b[2Jb", details: "c\r\nd\u009be" }, false);
    assert.match(line, /^[^\p{Cc}]*$/u);
  });

  it("writes a line for what is refused and for what there is no room for, if it is to be quiet", async () => {
    const lines: string[] = [];
    report(context.sandbox, (line) => lines.push(line), { quiet: true });
    const client = await connect(context.sandbox);
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    await context.sandbox.sendUpdate("d", "config", { interval: 2 });
    await refusedWith(context.sandbox, { clientId: "w", username: "x" });
    context.sandbox.refuse({ what: "memory" }, Refused.because("USERS_FULL", { limit: 1 }));
    assert.deepEqual(
      lines.map((line) => /\[(\w+)\]$/.exec(line)?.[1]),
      ["USERNAME_FORM", "USERS_FULL"],
    );
  });

  it("writes a line for all that happens", async () => {
    const lines: string[] = [];
    report(context.sandbox, (line) => lines.push(line));
    const client = await connect(context.sandbox, { clientId: "c" });
    await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
    await client.unsubscribeAsync(`1/${OWN}/#`);
    await client.publishAsync(`0/${OWN}/d`, EVENT, { qos: 1 });
    await context.sandbox.sendUpdate("d", "config", { interval: 2 });
    await context.sandbox.sendGroupMessage("g", "x", "y".repeat(121));
    await client.subscribeAsync("#").catch(() => undefined);
    const disconnected = context.sandbox.next("disconnected");
    await client.endAsync();
    await disconnected;
    await refusedWith(context.sandbox, { clientId: "w", username: "x" });
    await refusedWith(context.sandbox, { clientId: "secret", username: "secret" });
    const refused = Refused.because("PATH_UNKNOWN", { path: "/x" });
    context.sandbox.refuse({ what: "request", topic: "GET /x", status: 404 }, refused);
    context.sandbox.refuse({ what: "memory" }, Refused.because("USERS_FULL", { limit: 1 }));
    const withoutTime = lines.map((line) =>
      line.slice("00:00:00.000".length).replace(/ {2,}/g, "|"),
    );
    assert.deepEqual(withoutTime, [
      `|connected|c|as ${OWN}, clean session`,
      `|subscribed|c|1/${OWN}/# (QoS 1)`,
      `|unsubscribed|c|1/${OWN}/#`,
      `|event|d|${EVENT}`,
      `|sent|d|{"interval":2}|to 1/${OWN}/d/update/config, retained`,
      `|sent|g|${"y".repeat(120)}…|to 2/demo-project/g/x`,
      `|refused|c|subscribe #: # reaches beyond the user: 1/${OWN}/# and 2/demo-project/# are what it may subscribe to [FILTER_FOREIGN]`,
      "|disconnected|c|by its own wish",
      "|refused|w|connect: The username is not of the form <project_mqtt>/<user_mqtt> [USERNAME_FORM]",
      "|refused|(unknown client)|connect: The username is not of the form <project_mqtt>/<user_mqtt> [USERNAME_FORM]",
      "|refused|(HTTP)|request GET /x: There is nothing at /x [PATH_UNKNOWN]",
      "|refused|(the sandbox)|memory: 1 users are made over REST at the most [USERS_FULL]",
    ]);
  });
});
