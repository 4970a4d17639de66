// The form of an open dialog as a connection would use it: stored secrets and the values of environment variables
// in their places, and which fields have them.
import { isDeepStrictEqual } from "node:util";
import type { Node, NodeAPI } from "node-red";
import { type BrokerUrl, parseBrokerUrl } from "../protocol/broker-url";
import type { FieldName } from "../protocol/errors";
import { DEFAULT_URL } from "../runtime/connection-settings";
import { type LookUp, replaceReferences } from "../runtime/env-reference";
import { attempt } from "../runtime/settings";

/** `id` and `z` are those of the config node, deployed or not; the rest are fields, by their names. */
export type Form = Readonly<Record<string, unknown>>;

export interface CompletedForm {
  readonly values: Form;
  /** The same fields as they were posted. */
  readonly shown: Form;
  /** The fields that hold what no person has typed: a stored secret, or anything from the environment. */
  readonly borrowed: readonly FieldName[];
  /** The addresses of the connection as it is deployed; Medium One's if it is not. */
  readonly deployed: readonly BrokerUrl[];
  /** Where what is borrowed may go, as a person has confirmed it. */
  readonly confirmed: unknown;
}

/** What the editor shows for a secret that is stored. */
const STORED = "__PWRD__";

/** Of all that the form holds, the fields of these names. */
export function completeForm(RED: NodeAPI, form: Form, names: readonly FieldName[]): CompletedForm {
  const config = deployedConfig(RED, form);
  const stored = config && (RED.nodes.getCredentials(String(form.id)) as Form | undefined);
  const lookUp = variablesOf(RED, form);
  const fields = names.map((name) => {
    const shown = form[name];
    const value = replaceReferences(shown === STORED ? stored?.[name] : shown, name, lookUp);
    const isTyped = isDeepStrictEqual(value, shown) && !holdsReference(shown);
    return { name, value, isBorrowed: value !== undefined && !isTyped };
  });
  return {
    values: Object.fromEntries(fields.map(({ name, value }) => [name, value])),
    shown: Object.fromEntries(names.map((name) => [name, form[name]])),
    borrowed: fields.filter(({ isBorrowed }) => isBorrowed).map(({ name }) => name),
    deployed: addressesOf(config, config ? variablesOf(RED, config) : lookUp),
    confirmed: form.confirmed,
  };
}

/** `${NAME}` anywhere in a value: wherever it is replaced, no person has typed what it stands for. */
export function holdsReference(value: unknown): boolean {
  return [value].flat().some((text) => /\$\{[^}]+\}/.test(String(text)));
}

/** Whether it is in use or disabled. The id of any other node is not one to give away the secrets of. */
function deployedConfig(RED: NodeAPI, { id }: Form): Form | undefined {
  let found: Form | undefined;
  RED.nodes.eachNode((node) => {
    if (node.id === id && node.type === "m1 connection") found = node as unknown as Form;
  });
  return found;
}

function addressesOf(config: Form | undefined, lookUp: LookUp): BrokerUrl[] {
  const { url = DEFAULT_URL, fallbackUrls } = config ?? {};
  const texts = [url, fallbackUrls ?? []]
    .flat()
    .map((text) => replaceReferences(text, "url", lookUp));
  return texts.flatMap((text) => attempt(() => parseBrokerUrl(text)).value ?? []);
}

/** The environment variables as a deploy finds them for the connection of that `id` and `z`. */
function variablesOf(RED: NodeAPI, connection: Form): LookUp {
  const scope = neighbour(RED, connection) as Node;
  return (name) => RED.util.getSetting(scope, name);
}

/** The deployed config node, or else any node of the same flow: it sees the same variables. */
function neighbour(RED: NodeAPI, { id, z }: Form): Node | null {
  let found = RED.nodes.getNode(String(id));
  RED.nodes.eachNode((node) => {
    if ((node.z ?? "") === (z ?? "")) found ??= RED.nodes.getNode(node.id);
  });
  return found;
}
