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
  /** On the canvas. */
  readonly selected?: boolean;
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
  /** Called when the type is there, and when it has been disabled or removed. */
  onpaletteadd?(): void;
  onpaletteremove?(): void;
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

interface NotificationOptions {
  readonly type: "warning";
  readonly modal: boolean;
  readonly fixed: boolean;
  /** `text` is taken as markup. */
  readonly buttons: readonly {
    readonly text: string;
    readonly class?: string;
    readonly click: () => void;
  }[];
}

interface Notice extends HTMLElement {
  close(): void;
}

interface SidebarTab {
  readonly id: string;
  readonly label: string;
  readonly name: string;
  readonly content: JQuery;
  readonly iconClass: string;
  readonly action: string;
  readonly enableOnEdit: boolean;
}

interface Editor
  extends Omit<
    EditorRED,
    | "nodes"
    | "actions"
    | "clipboard"
    | "notify"
    | "popover"
    | "sidebar"
    | "user"
    | "utils"
    | "validators"
    | "workspaces"
  > {
  nodes: Nodes;
  actions: {
    /** `label` is the key of what the list of actions calls it. */
    add(name: string, handler: () => void, options: { readonly label: string }): void;
    remove(name: string): void;
  };
  clipboard: {
    /** `key`, of the editor's own catalogue, is what it says beside the element. */
    copyText(text: string, element: JQuery, key: string): void;
  };
  notify(content: JQuery, options: NotificationOptions | "success" | "warning" | "error"): Notice;
  popover: { tooltip(target: JQuery, words: string): Tooltip };
  sidebar: {
    addTab(tab: SidebarTab): void;
    removeTab(id: string): void;
    show(id: string): void;
  };
  user: { hasPermission(permission: string): boolean };
  utils: {
    getMessageProperty(message: object, path: string): unknown;
    getNodeLabel(node: object, standard: string): string;
  };
  validators: { typedInput(options: { type: string }): Validator };
  /** The id of the flow that is open. */
  workspaces: { active(): string };
}

declare global {
  const RED: Editor;
}
