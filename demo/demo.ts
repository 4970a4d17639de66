// `npm run demo`: a local Medium One and a Node-RED with this package and a flow that uses all of it.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import path from "node:path";
import { rules } from "../sandbox/cloud/workflows";
import { DEFAULT_KEEP } from "../sandbox/command/command-options";
import { report } from "../sandbox/command/report";
import { DEFAULT_WEB_PORT, openWeb, type Web } from "../sandbox/http/web";
import {
  DEFAULT_PORT,
  DEMO_ACCOUNT,
  DEMO_REGISTRATION,
  Sandbox,
  SandboxError,
} from "../sandbox/sandbox";
import { prepareUserDir } from "./user-dir";

const root = path.resolve(__dirname, "..");
const userDir = process.env.M1_DEMO_USER_DIR ?? path.join(root, ".demo");

async function run(): Promise<void> {
  const sandboxPort = portFrom("M1_SANDBOX_PORT", DEFAULT_PORT);
  const webPort = portFrom("M1_SANDBOX_HTTP_PORT", DEFAULT_WEB_PORT);
  const editorPort = portFrom("M1_DEMO_PORT", 1880);
  await checkFree(editorPort, "M1_DEMO_PORT");
  await checkFree(webPort, "M1_SANDBOX_HTTP_PORT");
  const sandbox = await startSandbox(sandboxPort);
  const web = await openWeb(sandbox, { port: webPort });
  try {
    await prepareUserDir(root, userDir, sandbox.url);
    const nodeRed = await startNodeRed(editorPort);
    console.log(whereToLook(editorPort, web, sandbox));
    await ended(nodeRed);
  } finally {
    await web.close();
    await sandbox.stop();
  }
  console.log("The demo has ended.");
}

/** A problem that needs no stack trace to be understood. */
class DemoError extends Error {}

function portFrom(variable: string, absent: number): number {
  const text = process.env[variable];
  if (!text) return absent;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw new DemoError(`${variable} is ${text}; it must be a number from 1 to 65535`);
}

async function checkFree(port: number, variable: string): Promise<void> {
  const server = createServer();
  const listening = once(server, "listening");
  server.listen(port, "127.0.0.1");
  try {
    await listening;
  } catch (cause) {
    throw taken(port, variable, cause);
  }
  server.close();
  await once(server, "close");
}

function taken(port: number, variable: string, cause: unknown): DemoError {
  const reason = (cause as NodeJS.ErrnoException).code ?? String(cause);
  return new DemoError(
    `Port ${port} of 127.0.0.1 cannot be used (${reason}); set ${variable} to use another`,
    { cause },
  );
}

async function startSandbox(port: number): Promise<Sandbox> {
  const accounts = [DEMO_ACCOUNT, DEMO_REGISTRATION];
  const sandbox = new Sandbox({ port, accounts, keep: DEFAULT_KEEP, rules: rules() });
  report(sandbox, console.log, { colour: process.stdout.isTTY });
  sandbox.on("error", (error) => console.error(error));
  try {
    await sandbox.start();
  } catch (error) {
    throw error instanceof SandboxError ? taken(port, "M1_SANDBOX_PORT", error.cause) : error;
  }
  return sandbox;
}

/** Resolves when the editor answers; rejects if Node-RED ends before that. */
async function startNodeRed(port: number): Promise<ChildProcess> {
  const red = createRequire(__filename).resolve("node-red/red.js");
  const child = spawn(process.execPath, [red, "--settings", path.join(__dirname, "settings.cjs")], {
    env: { ...process.env, M1_DEMO_PORT: String(port), M1_DEMO_USER_DIR: userDir },
    stdio: ["ignore", "inherit", "inherit"],
  });
  // Ctrl-C reaches Node-RED by itself from a terminal; another's signal is passed on.
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill(signal));
  while (child.exitCode === null && child.signalCode === null) {
    if (await answers(`http://127.0.0.1:${port}/settings`)) return child;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new DemoError("Node-RED ended before its editor was there; see its messages above");
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch (error) {
    // fetch makes a TypeError of a refused connection: not there yet.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
}

function whereToLook(port: number, web: Web, { url }: Sandbox): string {
  const { projectMqtt, userMqtt } = DEMO_ACCOUNT;
  return `
The demo runs.

  Editor       http://127.0.0.1:${port}    open the debug sidebar to see commands arrive
  Console      ${web.url}    watch what reaches Medium One, and send commands back
  Medium One   ${url}    a local stand-in; project ${projectMqtt}, user ${userMqtt}

Events and commands pass by below. Your changes to the flow are kept in .demo/; delete
that folder to start afresh. Ctrl-C ends the demo.
`;
}

run().catch((error: unknown) => {
  console.error(error instanceof DemoError ? error.message : error);
  process.exitCode = 1;
});
