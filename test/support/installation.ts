// A Node-RED user directory with this package installed in it and a flow, for Node-RED processes of a test's own.
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { installPackage } from "../../demo/user-dir";
import { DEMO_ACCOUNT } from "../../sandbox/cloud/accounts";
import { temporaryFolder } from "./processes";

const root = path.resolve(__dirname, "../..");

export interface Installation {
  readonly userDir: string;
  remove(): Promise<void>;
}

type Flow = readonly { id: string; type: string }[];

/** With this flow, as `writeFlow` writes it. */
export async function installation(flow: Flow): Promise<Installation> {
  const { folder: userDir, remove } = await temporaryFolder();
  await installPackage(root, userDir);
  await writeFlow(userDir, flow);
  return { userDir, remove };
}

/** Every `m1 connection` of the flow gets the demo account's secrets. */
export async function writeFlow(userDir: string, flow: Flow): Promise<void> {
  const { apiKey, userPassword } = DEMO_ACCOUNT;
  const connections = flow.filter(({ type }) => type === "m1 connection");
  const credentials = connections.map(({ id }) => [id, { apiKey, userPassword }]);
  await writeFile(path.join(userDir, "flows.json"), JSON.stringify(flow));
  await writeFile(
    path.join(userDir, "flows_cred.json"),
    JSON.stringify(Object.fromEntries(credentials)),
  );
}
