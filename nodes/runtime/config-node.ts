// The config nodes that a setting refers to by id.
import type { NodeAPI } from "node-red";

/** Whether the flow has a config node of that id which is disabled: to `getNode` it is as if there were none. */
export function isDisabled(RED: NodeAPI, id: string): boolean {
  let found = false;
  RED.nodes.eachNode((node) => {
    if (isMeant(node.id, id) && (node as { d?: boolean }).d === true) found = true;
  });
  return found;
}

/** In an instance of a subflow, the id of a node is `<instance>-<id in the template>`. */
function isMeant(id: string, reference: string): boolean {
  return reference === id || reference.endsWith(`-${id}`);
}
