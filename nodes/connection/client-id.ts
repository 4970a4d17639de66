// The client id of a connection that states none (design: unique per Node-RED and config node, stable).
import { createHash } from "node:crypto";
import { LONGEST_CLIENT_ID } from "../protocol/credentials";

/**
 * Same two ids, same result; a hash, because Medium One accepts 32 characters and the ids together
 * have more. A broker's log shows `nodered-` and knows what it is.
 */
export function defaultClientId(instanceId: string, configId: string): string {
  const hash = createHash("sha256").update(`${instanceId}/${configId}`).digest("hex");
  return `nodered-${hash}`.slice(0, LONGEST_CLIENT_ID);
}
