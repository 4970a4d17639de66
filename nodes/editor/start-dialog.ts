// What each dialog begins with, and how each node's name looks.
import { elementOf, inputOf, openDialog } from "./dialog";
import { foldableSection } from "./foldable-section";
import { showProblems } from "./problems";
import type { EditedNode } from "./red";
import { tidyTexts } from "./tidy";

/** Fills the inputs, tells what is wrong with them, keeps them tidy, and folds the advanced settings. */
export function startDialog(node: EditedNode): void {
  openDialog(node);
  chooseOnlyConnection(node);
  showProblems(node);
  tidyTexts(inputOf(node, "name").closest(".m1-form"));
  foldableSection(elementOf(node, "advanced-button"));
}

/** A new node has none, and where there is but one it is meant. */
function chooseOnlyConnection(node: EditedNode): void {
  if (node._def.category === "config" || (node as { connection?: string }).connection) return;
  const connections: string[] = [];
  RED.nodes.eachConfig((config) => {
    const { id, type, d: isDisabled } = config as { id: string; type: string; d?: boolean };
    if (type === "m1 connection" && !isDisabled) connections.push(id);
    return true;
  });
  const [only = ""] = connections;
  if (connections.length === 1) inputOf(node, "connection").val(only).trigger("change");
}

/** A name that the user gave stands in italics, as on the nodes of Node-RED itself. */
export function labelStyle(this: { readonly name: string }): string {
  return this.name ? "node_label_italic" : "";
}
