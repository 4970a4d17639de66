// What each dialog begins with, and how each node's name looks.
import { elementOf, inputOf, openDialog } from "./dialog";
import { foldableSection } from "./foldable-section";
import { showProblems } from "./problems";
import type { EditedNode } from "./red";
import { tidyTexts } from "./tidy";

/** Fills the inputs, tells what is wrong with them, keeps them tidy, and folds the advanced settings. */
export function startDialog(node: EditedNode): void {
  openDialog(node);
  showProblems(node);
  tidyTexts(inputOf(node, "name").closest(".m1-form"));
  foldableSection(elementOf(node, "advanced-button"));
}

/** A name that the user gave stands in italics, as on the nodes of Node-RED itself. */
export function labelStyle(this: { readonly name: string }): string {
  return this.name ? "node_label_italic" : "";
}
