// Whether a receiving node has an input: then messages say what it subscribes to, and not the dialog.
import { currentValue, inputOf } from "./dialog";
import type { EditedNode } from "./red";

export function isSetByMessages(node: EditedNode): boolean {
  return Number(currentValue(node, "inputs")) === 1;
}

/** `row` is the part of the dialog that holds the IDs. */
export function showIdsUnlessByMessage(node: EditedNode, row: JQuery): void {
  const show = () => row.toggle(!isSetByMessages(node));
  inputOf(node, "inputs").on("change", show);
  show();
}
