// Rules for mosquitto's dynamic-security plugin: its acl_file cannot refuse a subscription, the plugin can.
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";

const PLACES = ["/usr/lib", "/usr/local/lib", "/opt/homebrew/lib"];
const PLUGIN = "mosquitto_dynamic_security.so";
const ITERATIONS = 101;

/** Lines of mosquitto.conf with which `users` may publish anything and subscribe within `filters` only. */
export async function onlyTheseFilters(
  folder: string,
  users: readonly { readonly username: string; readonly password: string }[],
  filters: readonly string[],
): Promise<string[]> {
  const rules = {
    defaultACLAccess: {
      publishClientSend: true,
      publishClientReceive: true,
      subscribe: false,
      unsubscribe: true,
    },
    clients: users.map(({ username, password }) => {
      const salt = randomBytes(12);
      return {
        username,
        password: pbkdf2Sync(password, salt, ITERATIONS, 64, "sha512").toString("base64"),
        salt: salt.toString("base64"),
        iterations: ITERATIONS,
        roles: [{ rolename: "reader" }],
      };
    }),
    roles: [
      {
        rolename: "reader",
        acls: filters.map((topic) => ({ acltype: "subscribePattern", topic, allow: true })),
      },
    ],
  };
  const file = path.join(folder, "dynamic-security.json");
  await writeFile(file, JSON.stringify(rules));
  return [`plugin ${plugin()}`, `plugin_opt_config_file ${file}`];
}

/** In one of the places, or in a folder of its own there, as Debian names by the machine's type. */
function plugin(): string {
  const folders = PLACES.filter((place) => existsSync(place)).flatMap((place) => [
    place,
    ...readdirSync(place).map((name) => path.join(place, name)),
  ]);
  const found = folders.map((folder) => path.join(folder, PLUGIN)).find((file) => existsSync(file));
  if (!found) throw new Error(`${PLUGIN} is in none of ${PLACES.join(", ")}`);
  return found;
}
