// From a connection in the sidebar to its nodes in the editor.
import { shared } from "../explain";
import type { EditedNode } from "../red";
import { tell } from "./tell";

/** Its name, or what the editor calls it where it has none. */
export function connectionName(id: string, name = ""): string {
  const node = RED.nodes.node(id);
  return name || (node ? RED.utils.getNodeLabel(node, id) : id);
}

/** The config node's dialog; that of one which has been deleted and is still deployed cannot be opened. */
export function editConnection(id: string): void {
  if (isFree() && RED.nodes.node(id)) RED.editor.editConfig("", "m1 connection", id, "");
}

/** Selects the nodes that use it on one flow: the one that is open, or else the next one that has some. */
export function selectUsers(id: string): void {
  if (!isFree()) return;
  const users = (RED.nodes.node(id) as { users?: EditedNode[] } | null)?.users ?? [];
  const flows = [...new Set(users.map(({ z }) => z))];
  const here = flows.indexOf(RED.workspaces.active());
  const isSelected = users.some(({ z, selected }) => selected && z === flows[here]);
  const flow = here < 0 || isSelected ? flows[(here + 1) % flows.length] : flows[here];
  const nodes = users.filter(({ z }) => z === flow);
  const [first] = nodes;
  if (!first) return;
  RED.view.reveal(first.id, false);
  RED.view.select({ nodes });
}

/** Two dialogs of one type, one upon the other, would take each other's fields for their own. */
function isFree(): boolean {
  const isEditing = RED.view.state() === RED.state.EDITING;
  if (isEditing) tell(shared("sidebar.dialogOpen"), "warning");
  return !isEditing;
}
