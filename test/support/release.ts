// The Node-RED that the tests run: this project's own, or the one installed in the folder M1_NODE_RED.
import { createRequire } from "node:module";
import path from "node:path";

const folder = process.env.M1_NODE_RED ?? __dirname;

/** `require` as that Node-RED would use it. */
export const nodeRedRequire = createRequire(path.join(folder, "package.json"));

export const { version } = nodeRedRequire("node-red/package.json") as { version: string };
