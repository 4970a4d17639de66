// A hint below a device ID with a dot: it is legal, and yet some brokers make another topic of it.
import { elementOf, inputOf } from "./dialog";
import { isEnvironmentReference } from "./explain";
import type { EditedNode } from "./red";

/** `deviceId` gives what stands in the open dialog. */
export function hintAtDots(node: EditedNode, deviceId: () => string): void {
  const hint = elementOf(node, "dot");
  const show = () => {
    const text = deviceId();
    hint.toggle(text.includes(".") && !isEnvironmentReference(text));
  };
  inputOf(node, "deviceId").closest("form").on("input change", show);
  show();
}
