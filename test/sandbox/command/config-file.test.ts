// How the sandbox follows its file while it runs (sandbox/command/config-file.ts).
import { strict as assert } from "node:assert";
import { EventEmitter, once } from "node:events";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { mock } from "node:test";
import { ConfigError, type Configuration } from "../../../sandbox/command/config";
import { ConfigFile } from "../../../sandbox/command/config-file";

function textWith(userMqtt: string): string {
  const users = [{ userMqtt, userPassword: "secret" }];
  return JSON.stringify({ projects: [{ projectMqtt: "plant", apiKeys: ["KEY"], users }] });
}

describe("sandbox: a file that is followed", () => {
  let folder: string;
  let name: string;
  let unfollow: () => void;
  const looks = new EventEmitter();
  let changes: string[];
  let errors: Error[];
  /** Emits "told" for each. */
  let told: EventEmitter;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(tmpdir(), "m1-config-"));
    name = path.join(folder, "sandbox.json");
    await fs.writeFile(name, textWith("first"));
    const { readFile } = fs;
    mock.method(fs, "readFile", async (...args: Parameters<typeof readFile>) => {
      try {
        return await readFile(...args);
      } finally {
        looks.emit("look");
      }
    });
    // Ten times as fast as it says.
    const { setTimeout: later } = globalThis;
    mock.method(globalThis, "setTimeout", (step: () => void, milliseconds = 0) =>
      later(step, milliseconds / 10),
    );
    [changes, errors, told] = [[], [], new EventEmitter()];
    const file = new ConfigFile(name);
    await file.read();
    unfollow = file.follow(onChange, (error) => {
      errors.push(error);
      told.emit("told");
    });
  });
  afterEach(async () => {
    unfollow();
    mock.restoreAll();
    await fs.rm(folder, { recursive: true });
  });

  function onChange({ accounts: [account] }: Configuration): void {
    changes.push(account?.userMqtt ?? "");
    told.emit("told");
    if (account?.userMqtt === "wrong") throw new TypeError("a fault of the listener");
  }

  it("is told of when it changes, and not while it is half written", async () => {
    for (const half of ["", textWith("second").slice(0, 20)]) {
      await fs.writeFile(name, half);
      await once(looks, "look");
    }
    await fs.writeFile(name, textWith("second"));
    await once(told, "told");
    assert.deepEqual([changes, errors], [["second"], []]);
  });

  it("is told of once when it is wrong", async () => {
    await fs.writeFile(name, "{");
    await once(told, "told");
    for (let look = 0; look < 3; look += 1) await once(looks, "look");
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof ConfigError);
    assert.match(errors[0].message, /sandbox\.json: It is not JSON/);
  });

  it("is told of once when it is gone, not when it is away for a moment, and goes on when it is back", async () => {
    await fs.rm(name);
    for (let look = 0; look < 3; look += 1) await once(looks, "look");
    await fs.writeFile(name, textWith("second"));
    await once(told, "told");
    assert.deepEqual([changes, errors], [["second"], []]);
    await fs.rm(name);
    await once(told, "told");
    for (let look = 0; look < 10; look += 1) await once(looks, "look");
    assert.equal(errors.length, 1);
    assert.ok(errors[0] instanceof ConfigError);
    assert.match(errors[0].message, /sandbox\.json cannot be read: ENOENT/);
    await fs.writeFile(name, textWith("third"));
    await once(told, "told");
    assert.deepEqual(changes, ["second", "third"]);
  });

  it("hands over what goes wrong with a change, and is followed further", async () => {
    await fs.writeFile(name, textWith("wrong"));
    while (errors.length === 0) await once(told, "told");
    assert.match(String(errors[0]), /TypeError: a fault of the listener/);
    await fs.writeFile(name, textWith("right"));
    while (changes.at(-1) !== "right") await once(told, "told");
  });
});
