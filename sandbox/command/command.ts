// m1-sandbox, and `npm run sandbox`: a local Medium One to connect to, with a console to watch it in.

import { isLoopback } from "../broker/listener";
import { DEMO_ACCOUNT, DEMO_REGISTRATION } from "../cloud/accounts";
import { rules } from "../cloud/workflows";
import { openWeb, type Web } from "../http/web";
import { version } from "../package.json";
import { Sandbox } from "../sandbox";
import { SandboxError } from "../sandbox-error";
import { CertificateError, certificateIn } from "./certificate";
import { type CommandOptions, commandOptions, HELP, UsageError } from "./command-options";
import { ConfigFile } from "./config-file";
import { ConfigError } from "./configuration";
import { greeting } from "./greeting";
import { report } from "./report";

async function run(): Promise<void> {
  const options = commandOptions(process.argv.slice(2), process.env);
  if (options === "help") return console.log(HELP);
  if (options === "version") return console.log(version);
  await serve(options);
}

async function serve(options: CommandOptions): Promise<void> {
  const { host, port, data, weather, keep, quiet } = options;
  const tls = options.tls === undefined ? undefined : await certificateIn(options.tls);
  const file = options.file === undefined ? undefined : new ConfigFile(options.file);
  const demo = { accounts: [DEMO_ACCOUNT, DEMO_REGISTRATION], rules: rules() };
  const configuration = (await file?.read()) ?? demo;
  const sandbox = new Sandbox({ host, port, tls, data, weather, keep, ...configuration });
  sandbox.on("error", (error) => console.error(error));
  await sandbox.start();
  const web = await openedWeb(sandbox, options);
  if (!isLoopback(host)) console.error(warning(host));
  console.log(greeting({ sandbox, web, certificate: tls?.file, data }));
  report(sandbox, console.log, { colour: process.stdout.isTTY, quiet });
  const unfollow = file && follow(file, sandbox);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      unfollow?.();
      Promise.all([web.close(), sandbox.stop()]).then(
        () => console.log("The sandbox has ended."),
        fail,
      );
    });
  }
}

/** A sandbox without its web would be half of what was asked for. */
async function openedWeb(
  sandbox: Sandbox,
  { host, httpPort, names }: CommandOptions,
): Promise<Web> {
  try {
    return await openWeb(sandbox, { host, port: httpPort, names });
  } catch (error) {
    await sandbox.stop();
    if (!(error instanceof SandboxError)) throw error;
    throw new UsageError(`${error.message}; give another with --http-port`, { cause: error });
  }
}

function follow(file: ConfigFile, sandbox: Sandbox): () => void {
  return file.follow(
    (configuration) => {
      sandbox.configure(configuration);
      console.log("The file has changed, and what it says is in force.");
    },
    (error) => {
      const isPlain = error instanceof ConfigError;
      console.error(isPlain ? `${error.message}. What was in force stays so.` : error);
    },
  );
}

function warning(host: string): string {
  return `
************************************************************************
  WARNING: the sandbox listens on ${host}. Everyone who reaches this
  computer can read what your devices send, and send to them, without
  a password. Without --host only this computer can.
************************************************************************`;
}

function fail(error: unknown): void {
  process.exitCode = 1;
  const isPlain = [SandboxError, UsageError, ConfigError, CertificateError].some(
    (kind) => error instanceof kind,
  );
  if (!isPlain) {
    console.error("The sandbox failed:", error);
    return;
  }
  const isPortTaken = error instanceof SandboxError && error.code === "PORT_TAKEN";
  const advice = isPortTaken ? "; give another with --port" : "";
  console.error(`The sandbox cannot run: ${(error as Error).message}${advice}`);
}

run().catch(fail);
