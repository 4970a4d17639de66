// The editor's global `RED` as this package uses it: its published types know neither validators
// that explain themselves nor labels of properties.
import type { EditorRED } from "node-red";

/** Valid, or the words that say why not. */
export type Verdict = true | string;

/** Node-RED shows the words only of a validator that declares both parameters. */
export type Validator = (
  this: EditedNode,
  value: unknown,
  options: { readonly label?: string },
) => Verdict;

interface PropertyDefinition<Value> {
  readonly value: Value;
  readonly required?: boolean;
  /** The type of config node that the property refers to. */
  readonly type?: string;
  readonly label?: string;
  readonly validate?: Validator;
}

interface CredentialDefinition {
  readonly type: "text" | "password";
  readonly label?: string;
  readonly required?: boolean;
  readonly validate?: Validator;
}

type Translate = (key: string, details?: Record<string, string | number>) => string;

/** A node in the editor, whatever its properties. */
export interface EditedNode {
  readonly id: string;
  readonly type: string;
  /** The flow it stands on; blank or absent if it stands on none. */
  readonly z?: string;
  /** A string of the node's own catalogue. */
  readonly _: Translate;
  readonly _def: {
    readonly category: string;
    readonly defaults: Record<string, PropertyDefinition<unknown>>;
    readonly credentials?: Record<string, CredentialDefinition>;
  };
}

interface NodeDefinition<Properties> {
  category: string;
  color?: string;
  icon?: string;
  align?: "left" | "right";
  inputs?: number;
  outputs?: number;
  defaults: { [Name in keyof Properties]: PropertyDefinition<Properties[Name]> };
  credentials?: Record<string, CredentialDefinition>;
  paletteLabel?: string;
  label?(): string;
  labelStyle?(): string;
  inputLabels?(): string;
  outputLabels?(): string;
  oneditprepare?(): void;
  oneditsave?(): void;
}

interface Nodes extends Omit<EditorRED["nodes"], "registerType"> {
  registerType<Properties>(
    type: string,
    definition: NodeDefinition<Properties> & ThisType<EditedNode & Properties>,
  ): void;
}

interface Tooltip {
  setContent(words: string): void;
  delete(): void;
}

interface Editor
  extends Omit<EditorRED, "nodes" | "clipboard" | "popover" | "utils" | "validators"> {
  nodes: Nodes;
  clipboard: {
    /** `key`, of the editor's own catalogue, is what it says beside the element. */
    copyText(text: string, element: JQuery, key: string): void;
  };
  popover: { tooltip(target: JQuery, words: string): Tooltip };
  utils: { getMessageProperty(message: object, path: string): unknown };
  validators: { typedInput(options: { type: string }): Validator };
}

declare global {
  const RED: Editor;
}
