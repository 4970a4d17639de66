// A Node-RED user directory for the demo: this package installed in it, and the example flow with its credentials.
import { existsSync } from "node:fs";
import { mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { DEMO_ACCOUNT } from "../sandbox/cloud/accounts";

const EXAMPLE = "examples/1 Quick start with the sandbox.json";

interface FlowNode {
  id: string;
  type: string;
  url?: string;
  credentials?: unknown;
}

/** Installs the package at `root`; lays down the flow only where there is none, so changes are kept. */
export async function prepareUserDir(root: string, userDir: string, url: string): Promise<void> {
  await installPackage(root, userDir);
  const flowFile = path.join(userDir, "flows.json");
  if (!existsSync(flowFile)) await writeFlow(path.join(root, EXAMPLE), userDir, flowFile);
  await pointAtSandbox(flowFile, url);
}

/** As `npm install <folder>` would. */
export async function installPackage(root: string, userDir: string): Promise<void> {
  const { name } = JSON.parse(await readFile(path.join(root, "package.json"), "utf8"));
  const installed = path.join(userDir, "node_modules", name);
  await mkdir(path.dirname(installed), { recursive: true });
  await rm(installed, { force: true });
  await symlink(root, installed, "junction");
  const manifest = { name: "demo", private: true, dependencies: { [name]: `file:${root}` } };
  await writeFile(path.join(userDir, "package.json"), JSON.stringify(manifest, null, 2));
}

/** The example, its credentials moved to where Node-RED keeps them. */
async function writeFlow(example: string, userDir: string, flowFile: string): Promise<void> {
  const flow: FlowNode[] = JSON.parse(await readFile(example, "utf8"));
  const { apiKey, userPassword } = DEMO_ACCOUNT;
  const connections = flow.filter((node) => node.type === "m1 connection");
  for (const connection of connections) delete connection.credentials;
  const credentials = connections.map(({ id }) => [id, { apiKey, userPassword }]);
  await writeFile(flowFile, JSON.stringify(flow, null, 2));
  await writeFile(
    path.join(userDir, "flows_cred.json"),
    JSON.stringify(Object.fromEntries(credentials)),
  );
}

/** The sandbox may listen on another port than last time. */
async function pointAtSandbox(flowFile: string, url: string): Promise<void> {
  const flow: FlowNode[] = JSON.parse(await readFile(flowFile, "utf8"));
  for (const node of flow) {
    if (node.type === "m1 connection" && node.url?.startsWith("mqtt://127.0.0.1:")) node.url = url;
  }
  await writeFile(flowFile, JSON.stringify(flow, null, 2));
}
