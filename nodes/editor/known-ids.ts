// The device and group IDs that the flows name already, offered where one is typed.
import { elementOf } from "./dialog";
import { hasVariable } from "./explain";
import type { EditedNode } from "./red";

/** What the nodes have that may name an ID. */
interface Naming {
  readonly id: string;
  readonly type: string;
  readonly deviceId?: string;
  readonly deviceIdType?: string;
  readonly groups?: readonly string[];
}

/** Adds the IDs to the open dialog; the `list` attribute of an input that is to offer them. */
export function offerKnownIds(node: EditedNode, kind: "device" | "group"): string {
  const id = `${node.type.replaceAll(" ", "-")}-known-ids`;
  elementOf(node, "known-ids").remove();
  const list = $("<datalist>").attr("id", id);
  for (const known of knownIds(node, kind)) $("<option>").val(known).appendTo(list);
  list.appendTo(elementOf(node, "advanced").closest(".m1-form"));
  return id;
}

function knownIds(node: EditedNode, kind: "device" | "group"): string[] {
  const ids = new Set<string>();
  const visit = (naming: Naming) => {
    if (naming.id === node.id) return;
    for (const id of kind === "device" ? devicesOf(naming) : groupsOf(naming)) {
      if (id !== "" && !hasVariable(id)) ids.add(id);
    }
  };
  RED.nodes.eachNode((other) => {
    visit(other as unknown as Naming);
    return true;
  });
  return [...ids].sort();
}

function devicesOf({ type, deviceId = "", deviceIdType = "str" }: Naming): readonly string[] {
  const isNamed = type === "m1 device in" || (type === "m1 event out" && deviceIdType === "str");
  return isNamed ? [deviceId] : [];
}

function groupsOf({ type, groups = [] }: Naming): readonly string[] {
  return type === "m1 group in" ? groups : [];
}
