// What the dialog of `m1 connection` asks of the runtime: POST with what the open form holds.
import type { Node, NodeAPI } from "node-red";
import { type AddressTest, testConnection } from "../connection/connection-test";
import { M1Error } from "../protocol/errors";
import { isDisabled } from "../runtime/config-node";
import {
  connectionSettings,
  deployedTlsOptions,
  type StatedConnection,
} from "../runtime/connection-settings";
import { envReference } from "../runtime/env-reference";
import { problem } from "../runtime/problem";
import { setting } from "../runtime/settings";
import { lookUpUser } from "./user-lookup";

/** `id` and `z` are those of the config node, deployed or not; the rest are its fields. */
type Form = Readonly<Record<string, unknown>>;

/** What the editor shows for a secret that is stored. */
const STORED = "__PWRD__";

/** Blank, and what the editor's list of config nodes calls "none". */
const NO_TLS: ReadonlySet<unknown> = new Set(["", "_ADD_", undefined]);

/**
 * - `m1-connection/test`: `{ results }`, an `AddressTest` for each address of the form
 * - `m1-connection/user`: `{ userMqtt }` of the form's `loginId`, from the REST API at `restUrl`
 *
 * Both answer 200 with `{ error: { code, details } }` for what the user can mend.
 *
 * The form may name any server, and the stored secrets go there: whoever has this permission could
 * as well deploy that address. As for all of Node-RED's API, `adminAuth` is what keeps strangers out.
 */
export function offerEndpoints(RED: NodeAPI): void {
  offer(RED, "test", async (form) => {
    const settings = connectionSettings(form as StatedConnection, "nodered", tlsOptions(RED));
    return { results: (await testConnection(settings)).map(testResult) };
  });
  offer(RED, "user", async (form) => ({
    userMqtt: await lookUpUser({
      restUrl: setting(form.restUrl, "restUrl", ""),
      loginId: setting(form.loginId, "loginId", ""),
      apiKey: setting(form.apiKey, "apiKey", ""),
      userPassword: setting(form.userPassword, "userPassword", ""),
    }),
  }));
}

function testResult({ error, ...rest }: AddressTest): object {
  return error ? { ...rest, error: toldError(error) } : rest;
}

/** What the editor puts into words. */
function toldError({ code, details }: M1Error): object {
  return { code, details };
}

function offer(RED: NodeAPI, name: string, answer: (form: Form) => Promise<object>): void {
  const permission = RED.auth.needsPermission("m1-connection.write");
  RED.httpAdmin.post(`/m1-connection/${name}`, permission, async (request, response) => {
    try {
      response.json(await answer(completed(RED, request.body ?? {})));
    } catch (error) {
      if (error instanceof M1Error) {
        response.json({ error: toldError(error) });
      } else {
        RED.log.error(problem(RED, error));
        response.sendStatus(500);
      }
    }
  });
}

/** The form with its stored secrets and, as on a deploy, the values of environment variables. */
function completed(RED: NodeAPI, form: Form): Form {
  const stored = RED.nodes.getCredentials(String(form.id)) as Form | undefined;
  const scope = neighbour(RED, form);
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    const variable = envReference(value);
    return variable === undefined ? value : (RED.util.getSetting(scope as Node, variable) ?? value);
  };
  const complete = ([name, value]: [string, unknown]): [string, unknown] => [
    name,
    replaced(value === STORED ? stored?.[name] : value),
  ];
  return Object.fromEntries(Object.entries(form).map(complete));
}

/** The deployed config node, or else any node of the same flow: it sees the same variables. */
function neighbour(RED: NodeAPI, { id, z }: Form): Node | null {
  let found = RED.nodes.getNode(String(id));
  RED.nodes.eachNode((node) => {
    if ((node.z ?? "") === (z ?? "")) found ??= RED.nodes.getNode(node.id);
  });
  return found;
}

function tlsOptions(RED: NodeAPI) {
  return (id: string) => {
    if (NO_TLS.has(id)) return {};
    const isDeployed = RED.nodes.getNode(id) || isDisabled(RED, id);
    if (!isDeployed) throw new M1Error("TLS_NOT_DEPLOYED");
    return deployedTlsOptions(RED, id);
  };
}
