// What the dialog of `m1 connection` asks of the runtime: POST with what the open form holds.
import type { Node, NodeAPI } from "node-red";
import { type AddressTest, testConnection } from "../connection/connection-test";
import type { BrokerUrl } from "../protocol/broker-url";
import { type FieldName, M1Error } from "../protocol/errors";
import { isDisabled } from "../runtime/config-node";
import {
  connectionSettings,
  deployedTlsOptions,
  type StatedConnection,
} from "../runtime/connection-settings";
import type { ReportingNode } from "../runtime/last-message";
import { setting } from "../runtime/settings";
import { clientIdUse } from "./client-id-use";
import { type CompletedForm, completeForm } from "./form";
import { asPosted, hidingVariables, withoutVariables } from "./hidden-variables";
import { offer, toldError } from "./offer";
import { parseRestUrl } from "./rest-client";
import { brokerDestinations, checkDestinations, restDestination } from "./secret-destinations";
import { createUser } from "./user-creation";
import { lookUpUser } from "./user-lookup";

const TEST_FIELDS: readonly FieldName[] = [
  "url",
  "fallbackUrls",
  "tls",
  "projectMqtt",
  "userMqtt",
  "apiKey",
  "userPassword",
  "clientId",
  "protocolVersion",
  "keepalive",
  "cleanSession",
];
const LOOKUP_FIELDS: readonly FieldName[] = ["restUrl", "loginId", "apiKey", "userPassword"];
const CREATION_FIELDS: readonly FieldName[] = ["restUrl", "apiKey"];

/** Blank, and what the editor's list of config nodes calls "none". */
const NO_TLS: ReadonlySet<unknown> = new Set(["", "_ADD_", undefined]);

/**
 * - `m1-connection/last-message`: the `LastMessageReport` of the node with the form's `id`, or `{}`
 * - `m1-connection/test`: `{ results }`, an `AddressTest` for each address of the form
 * - `m1-connection/user`: `{ userMqtt }` of the form's `loginId`, from the REST API at `restUrl`
 * - `m1-connection/new-user`: `{ userMqtt }` of a user that is made, or `{ unread }` if it is made and its MQTT ID
 *   cannot be read; see `UserCreation`
 *
 * All answer 200 with `{ error: { code, details } }` for what the user can mend, SECRETS_ELSEWHERE for what the
 * user has to confirm. No answer holds a secret. As for all of Node-RED's API, `adminAuth` keeps strangers out.
 */
export function offerEndpoints(RED: NodeAPI): void {
  offer(RED, "last-message", "read", async ({ body: { id } }) => {
    const node = RED.nodes.getNode(String(id)) as (ReportingNode & Node) | null;
    return node?.lastMessage?.report() ?? {};
  });
  offer(RED, "test", "write", async ({ body: posted }) => {
    const form = completeForm(RED, posted, TEST_FIELDS);
    return hidingVariables(form, async () => {
      const stated = form.values as StatedConnection;
      const settings = connectionSettings(stated, "nodered", tlsOptions(RED));
      checkDestinations(form, brokerDestinations(settings.brokers, form));
      const tests = await testConnection(settings);
      // Left blank, it will be one that nobody else has.
      const isOwn = (form.values.clientId ?? "") === "";
      const results = tests.map((test, index) => {
        const broker = settings.brokers[index] as BrokerUrl;
        const use = isOwn ? undefined : clientIdUse(RED, posted.id, settings, broker);
        return testResult(form, test, use);
      });
      return { results };
    });
  });
  offer(RED, "user", "write", async ({ body: posted }) => {
    const form = completeForm(RED, posted, LOOKUP_FIELDS);
    const lookup = {
      restUrl: setting(form.values.restUrl, "restUrl", ""),
      loginId: setting(form.values.loginId, "loginId", ""),
      apiKey: setting(form.values.apiKey, "apiKey", ""),
      userPassword: setting(form.values.userPassword, "userPassword", ""),
    };
    return hidingVariables(form, async () => {
      checkDestinations(form, [restDestination(parseRestUrl(lookup.restUrl), form.shown.restUrl)]);
      return { userMqtt: await lookUpUser(lookup) };
    });
  });
  offer(RED, "new-user", "write", async ({ body: posted }) => {
    const form = completeForm(RED, posted, CREATION_FIELDS);
    const restUrl = setting(form.values.restUrl, "restUrl", "");
    return hidingVariables(form, async () => {
      checkDestinations(form, [restDestination(parseRestUrl(restUrl), form.shown.restUrl)]);
      // The rest is taken as it is typed: as a login ID, a variable's value would be for others to see.
      const { registrationLoginId, registrationPassword, newLoginId, newPassword } = posted;
      const created = await createUser({
        restUrl,
        apiKey: setting(form.values.apiKey, "apiKey", ""),
        ...{ registrationLoginId, registrationPassword, newLoginId, newPassword },
      });
      if (!("unread" in created)) return created;
      return { unread: toldError(withoutVariables(form, created.unread)) };
    });
  });
}

/** Without a round trip where `use` of the client ID would be in the way. */
function testResult(
  form: CompletedForm,
  { broker: address, roundTrip, error }: AddressTest,
  use: M1Error | undefined,
): object {
  const fault = error ?? use;
  const broker = asPosted(form, address);
  return fault
    ? { broker, error: toldError(withoutVariables(form, fault)) }
    : { broker, roundTrip };
}

function tlsOptions(RED: NodeAPI) {
  return (id: string) => {
    if (NO_TLS.has(id)) return {};
    const isDeployed = RED.nodes.getNode(id) || isDisabled(RED, id);
    if (!isDeployed) throw new M1Error("TLS_NOT_DEPLOYED");
    return deployedTlsOptions(RED, id);
  };
}
