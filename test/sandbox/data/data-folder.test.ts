// What is wrong with a folder for data is said when the sandbox starts, and what would be right
// (sandbox/data/data-folder.ts).
import { strict as assert } from "node:assert";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { text } from "node:stream/consumers";
import { ClassicLevel } from "classic-level";
import { Sandbox, SandboxError, type SandboxOptions } from "../../../sandbox/sandbox";
import { damage } from "../../support/damage";
import { temporaryFolder } from "../../support/processes";
import { Random } from "../../support/random";
import { connect, endClients, OWN } from "../clients";

const EVENTS = 40;
const SANDBOX = path.join(__dirname, "../../../sandbox/sandbox.ts");

describe("sandbox: the folder for data", () => {
  let parent: string;
  let folder: string;
  let database: string;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ folder: parent, remove } = await temporaryFolder());
    folder = path.join(parent, "data");
    database = path.join(folder, "database");
  });
  afterEach(() => remove());

  /** A folder that a sandbox has used several times. */
  async function used(): Promise<void> {
    for (let run = 0; run < 2; run += 1) {
      const sandbox = new Sandbox({ port: 0, data: folder });
      await sandbox.start();
      const client = await connect(sandbox, { clientId: `client ${run}`, clean: false });
      await client.subscribeAsync(`1/${OWN}/#`, { qos: 1 });
      const publish = (number: number) => {
        const event = JSON.stringify({ event_data: { number } });
        return client.publishAsync(`0/${OWN}/d`, event, { qos: 1 });
      };
      for (let index = 0; index < EVENTS / 2; index += 1)
        await publish((run * EVENTS) / 2 + index + 1);
      await endClients();
      await sandbox.sendUpdate("d", `update ${run}`, "1");
      await sandbox.stop();
    }
  }

  /** What it says, if it cannot start. */
  async function complaint(): Promise<SandboxError> {
    const sandbox = new Sandbox({ port: 0, data: folder });
    try {
      await sandbox.start();
    } catch (error) {
      assert.ok(error instanceof SandboxError, String(error));
      return error;
    }
    await sandbox.stop();
    throw new Error("It has started");
  }

  it("is made if it is not there, for its user's eyes only", async () => {
    folder = path.join(parent, "a/b");
    const sandbox = new Sandbox({ port: 0, data: folder });
    await sandbox.start();
    await sandbox.stop();
    assert.deepEqual((await readdir(folder)).sort(), ["database", "m1-sandbox.json"]);
    // Windows has other rights.
    if (process.platform !== "win32") assert.equal((await stat(folder)).mode & 0o777, 0o700);
  });

  it("may be there and empty", async () => {
    await mkdir(folder);
    const sandbox = new Sandbox({ port: 0, data: folder });
    await sandbox.start();
    await sandbox.stop();
  });

  it("may be one that a full disk let a sandbox make, and no more", async () => {
    await mkdir(folder);
    await writeFile(path.join(folder, "m1-sandbox.json"), "");
    assert.equal(await complaint().catch(() => "none"), "none");
  });

  it("that holds other files is not touched", async () => {
    await mkdir(folder);
    await writeFile(path.join(folder, "thesis.txt"), "years of work");
    const { code, message } = await complaint();
    assert.equal(code, "DATA_FOREIGN");
    assert.match(message, /has files that are no sandbox's; data is kept in an empty folder/);
    assert.deepEqual(await readdir(folder), ["thesis.txt"]);
  });

  it("that is another program's database is not touched", async () => {
    const other = new ClassicLevel(folder);
    await other.open();
    await other.close();
    const before = await readdir(folder);
    assert.equal((await complaint()).code, "DATA_FOREIGN");
    assert.deepEqual(await readdir(folder), before);
  });

  for (const [what, name] of [
    ["a file", "file"],
    ["below a file", "file/data"],
  ] as const) {
    it(`cannot be ${what}`, async () => {
      await writeFile(path.join(parent, "file"), "");
      folder = path.join(parent, name);
      const { code, message } = await complaint();
      assert.equal(code, "DATA_UNUSABLE");
      assert.match(message, /cannot keep data: E.*; it must be a folder that can be written$/);
    });
  }

  it("that cannot be made is told as such", async () => {
    await chmod(parent, 0o500);
    const { code, message } = await withoutRights(complaint);
    assert.equal(code, "DATA_UNUSABLE");
    assert.match(
      message,
      /: EACCES: permission denied.*; it must be a folder that can be written$/,
    );
  });

  it("that cannot be written is told as such", async () => {
    await used();
    for (const place of [parent, folder, database]) await chmod(place, 0o755);
    await chmod(path.join(database, "LOCK"), 0o400);
    const { code, message } = await withoutRights(complaint);
    assert.equal(code, "DATA_UNUSABLE");
    assert.match(message, /LOCK: Permission denied; it must be a folder that can be written$/);
  });

  /** As a user who may not do everything. */
  async function withoutRights<Result>(step: () => Promise<Result>): Promise<Result> {
    if (process.getuid?.() !== 0) return step();
    process.seteuid?.(65_534);
    try {
      return await step();
    } finally {
      process.seteuid?.(0);
    }
  }

  it("is one sandbox's at a time", async () => {
    const first = new Sandbox({ port: 0, data: folder });
    await first.start();
    const { code, message } = await complaint();
    assert.equal(code, "DATA_IN_USE");
    assert.equal(
      message,
      `Another sandbox keeps its data in ${folder}; each needs a folder of its own`,
    );
    await first.stop();
  });

  for (const [which, mark, shown] of [
    ["a newer", '{"format":2}', "2"],
    ["an older", '{"format":0}', "0"],
    ["an unknown", "{}", "undefined"],
    ["no", "null", "undefined"],
  ] as const) {
    it(`of ${which} format is told as such, and not touched`, async () => {
      await used();
      await writeFile(path.join(folder, "m1-sandbox.json"), mark);
      const before = await readdir(database);
      const { code, message } = await complaint();
      assert.equal(code, "DATA_FORMAT");
      assert.ok(message.includes(`data of the format ${shown}, and this version`), message);
      assert.deepEqual(await readdir(database), before);
    });
  }

  it("has no use for events that are too many, and does not read them", async () => {
    await used();
    const db = new ClassicLevel(database);
    await db.put(`event/${"1".padStart(16, "0")}`, "rubbish");
    await db.close();
    assert.equal((await complaint()).code, "DATA_DAMAGED");
    const sandbox = new Sandbox({ port: 0, data: folder, keep: EVENTS - 1 });
    await sandbox.start();
    assert.equal(sandbox.events.length, EVENTS - 1);
    await sandbox.stop();
  });

  it("whose list of files is missing is left as it is", async () => {
    await used();
    await rm(path.join(database, "CURRENT"));
    const before = await readdir(database);
    assert.equal((await complaint()).code, "DATA_DAMAGED");
    assert.deepEqual(await readdir(database), before);
  });

  describe("that is damaged is told as such:", () => {
    const kinds: [what: string, spoil: () => Promise<unknown>][] = [
      ["the mark is no JSON", () => writeFile(path.join(folder, "m1-sandbox.json"), "")],
      ["the list of files is rubbish", () => writeFile(path.join(database, "CURRENT"), "rubbish")],
      ["a table is missing", () => remaining(/\.ldb$/, (file) => rm(file))],
      ["a table is rubbish", () => remaining(/\.ldb$/, (file) => writeFile(file, "rubbish"))],
      ["an event is missing", () => changed((db) => db.del(`event/${"2".padStart(16, "0")}`))],
      [
        "a retained message is missing",
        () => changed((db) => db.del(`retained/${"1".padStart(16, "0")}`)),
      ],
      ["what counts them is missing", () => changed((db) => db.del("summary"))],
      [
        "an event reads otherwise",
        () =>
          changed(async (db) => {
            const key = `event/${"2".padStart(16, "0")}`;
            const sealed = (await db.get(key)) as string;
            await db.put(key, sealed.replace('"number":2', '"number":3'));
          }),
      ],
    ];
    for (const [what, spoil] of kinds) {
      it(what, async () => {
        await used();
        await spoil();
        const { code, message } = await complaint();
        assert.equal(code, "DATA_DAMAGED", message);
        assert.match(message, /^The data in .* is damaged: .+; move the folder away or delete it/);
        assert.doesNotMatch(message, /\n/);
      });
    }

    async function changed(change: (db: ClassicLevel) => Promise<unknown>): Promise<void> {
      const db = new ClassicLevel(database);
      await change(db);
      await db.close();
    }

    async function remaining(
      pattern: RegExp,
      spoil: (file: string) => Promise<unknown>,
    ): Promise<void> {
      const names = (await readdir(database)).filter((name) => pattern.test(name));
      assert.ok(names.length > 0);
      for (const name of names) await spoil(path.join(database, name));
    }
  });

  it("with any other damage gives the events from the first on, or is told as damaged", async function () {
    this.timeout(60_000);
    await used();
    const original = path.join(parent, "original");
    await cp(folder, original, { recursive: true });
    let told = 0;
    for (let seed = 0; seed < 60; seed += 1) {
      await rm(folder, { recursive: true });
      await cp(original, folder, { recursive: true });
      const what = await damage(database, new Random(seed));
      const sandbox = new Sandbox({ port: 0, data: folder });
      try {
        await sandbox.start();
        const found = sandbox.events.map(({ eventData }) => eventData.number);
        const expected = found.map((_number, index) => index + 1);
        assert.deepEqual(found, expected, `${seed}: ${what}`);
        await sandbox.stop();
      } catch (error) {
        assert.equal((error as SandboxError).code, "DATA_DAMAGED", `${seed}: ${what}: ${error}`);
        told += 1;
      }
    }
    assert.ok(told > 0);
  });

  it("is of no use where LevelDB cannot be loaded, which is told", async () => {
    const { code, errors } = await inAnother(
      `new Sandbox({ port: 0, data: ${JSON.stringify(folder)} }).start()
        .catch(({ code, message }) => console.error(code, message))`,
      { npm_config_platform: "plan9" },
    );
    assert.equal(code, 0);
    assert.match(errors, /^DATA_NOT_LOADED LevelDB.* cannot be loaded on this machine: .*\n$/);
  });

  it("costs nothing where there is none: no file, and LevelDB is not loaded", async () => {
    const loads = async (options: SandboxOptions) => {
      const { errors } = await inAnother(`
        const sandbox = new Sandbox(${JSON.stringify({ port: 0, ...options })});
        sandbox.start().then(() => sandbox.stop()).then(() => {
          const { sharedObjects } = process.report.getReport();
          console.error(sharedObjects.some((name) => name.includes("classic-level")));
        })`);
      return errors;
    };
    assert.equal(await loads({}), "false\n");
    assert.deepEqual(await readdir(parent), []);
    assert.equal(await loads({ data: folder }), "true\n");
  });

  /** Runs a program with a Sandbox class of its own. */
  async function inAnother(
    program: string,
    env: NodeJS.ProcessEnv = {},
  ): Promise<{ code: number; errors: string }> {
    const code = `const { Sandbox } = require(${JSON.stringify(SANDBOX)}); ${program}`;
    const child = spawn(process.execPath, ["--import", "tsx", "-e", code], {
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"],
    });
    const [errors, [status]] = await Promise.all([text(child.stderr), once(child, "close")]);
    return { code: status as number, errors };
  }
});
