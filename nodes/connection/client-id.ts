// The client ids that we make: of a connection that states none, unique per Node-RED and config node
// and stable, and of a trial.
import { createHash, randomBytes } from "node:crypto";
import { LONGEST_CLIENT_ID } from "../protocol/credentials";

/**
 * Same two ids, same result; a hash, because Medium One accepts 32 characters and the ids together
 * have more. A broker's log shows `nodered-` and knows what it is.
 */
export function defaultClientId(instanceId: string, configId: string): string {
  const hash = createHash("sha256").update(`${instanceId}/${configId}`).digest("hex");
  return `nodered-${hash}`.slice(0, LONGEST_CLIENT_ID);
}

/** Never the same twice: a trial must not take over the connection whose settings it tries. */
export function testClientId(clientId: string): string {
  const end = `-test-${randomBytes(3).toString("hex")}`;
  return clientId.slice(0, LONGEST_CLIENT_ID - end.length) + end;
}
