// What the command m1-sandbox can be told (sandbox/command/command-options.ts).
import { strict as assert } from "node:assert";
import { commandOptions, UsageError } from "../../../sandbox/command/command-options";

describe("sandbox: command options", () => {
  const fair = {
    host: "127.0.0.1",
    port: 61_619,
    httpPort: 61_680,
    names: [],
    file: undefined,
    tls: undefined,
    data: undefined,
    weather: {
      ...{ latency: 0, drop: 0, refuse: 0, createLater: 0 },
      ...{ noQos2: false, noRetainedWildcards: false, slashDots: false, mqtt3Only: false },
    },
    keep: 10_000,
    quiet: false,
  };

  const understood: [args: string, environment: Record<string, string>, differs: object][] = [
    ["", {}, {}],
    ["--tls t --file f --quiet", {}, { tls: "t", file: "f", quiet: true, port: 61_620 }],
    ["", { M1_SANDBOX_PORT: "1", M1_SANDBOX_HTTP_PORT: "2" }, { port: 1, httpPort: 2 }],
    ["--port 0 --http-port=65535", { M1_SANDBOX_PORT: "1" }, { port: 0, httpPort: 65_535 }],
    ["", { M1_SANDBOX_PORT: "" }, {}],
    ["--host localhost", {}, {}],
    ["--host ::1", {}, { host: "::1" }],
    ["--allow-host pi --allow-host m1_sandbox.lan", {}, { names: ["pi", "m1_sandbox.lan"] }],
    [
      "--latency 60000 --drop 0.5 --refuse 100 --create-later 2000",
      {},
      { weather: { ...fair.weather, latency: 60_000, drop: 0.005, refuse: 1, createLater: 2_000 } },
    ],
    [
      "--no-qos-2 --no-retained-wildcards --slash-dots --mqtt-3-only",
      {},
      {
        weather: {
          ...fair.weather,
          ...{ noQos2: true, noRetainedWildcards: true, slashDots: true, mqtt3Only: true },
        },
      },
    ],
    ["--data d --keep 1000000", {}, { data: "d", keep: 1_000_000 }],
  ];
  for (const [args, environment, differs] of understood) {
    it(`understand "${args}" with ${JSON.stringify(environment)}`, () => {
      const words = args.split(" ").filter(Boolean);
      assert.deepEqual(commandOptions(words, environment), { ...fair, ...differs });
    });
  }

  const port = "a number from 0 to 65535";
  const percent = "a number from 0 to 100";
  const mistakes: [args: string[], words: string][] = [
    [["--port", ""], `--port is blank; it must be ${port}`],
    [["--port", "1.5"], `--port is 1.5; it must be ${port}`],
    [["--port=-1"], `--port is -1; it must be ${port}`],
    [["--http-port", "65536"], `--http-port is 65536; it must be ${port}`],
    [["--host", ""], "--host is blank; it must be an IP address of this computer"],
    [["--host", "example.com"], "--host is example.com; it must be an IP address of this computer"],
    [["--allow-host", ""], "--allow-host is blank; it must be a host name, without a port"],
    [["--allow-host", "pi:1"], "--allow-host is pi:1; it must be a host name, without a port"],
    [["--latency", " "], "--latency is blank; it must be a number from 0 to 60000"],
    [["--latency", "1e3"], "--latency is 1e3; it must be a number from 0 to 60000"],
    [["--latency", "-5"], "--latency is -5; it must be a number from 0 to 60000"],
    [["--create-later", "1 s"], "--create-later is 1 s; it must be a number from 0 to 60000"],
    [["--quiet", "--port", "-1"], `--port is -1; it must be ${port}`],
    [["--quiet", "-1"], "Option '--quiet' does not take an argument. See m1-sandbox --help"],
    [["-1"], "Unknown option '-1'. See m1-sandbox --help"],
    [["--latency"], "Option '--latency <value>' argument missing. See m1-sandbox --help"],
    [["--drop", "100.01"], `--drop is 100.01; it must be ${percent}`],
    [["--refuse", "half"], `--refuse is half; it must be ${percent}`],
    [["--keep", "0"], "--keep is 0; it must be a whole number from 1 to 1000000"],
    [["--keep", "1.5"], "--keep is 1.5; it must be a whole number from 1 to 1000000"],
    [["--keep", "1000001"], "--keep is 1000001; it must be a whole number from 1 to 1000000"],
    [["--file", ""], "--file is blank; it must be a file"],
    [["--tls", " "], "--tls is blank; it must be a folder"],
  ];
  for (const [args, words] of mistakes) {
    it(`say in one line what is wrong with ${JSON.stringify(args)}`, () => {
      assert.throws(
        () => commandOptions(args, {}),
        (error: Error) => {
          assert.ok(error instanceof UsageError);
          assert.equal(error.message, words);
          return true;
        },
      );
    });
  }

  it("say which variable holds no port", () => {
    const message = "M1_SANDBOX_HTTP_PORT is http; it must be a number from 0 to 65535";
    assert.throws(() => commandOptions([], { M1_SANDBOX_HTTP_PORT: "http" }), { message });
  });
});
