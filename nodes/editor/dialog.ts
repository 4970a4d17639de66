// An open dialog: its inputs by the names of the properties, and what they hold at the moment.
import type { Identity } from "../protocol/topics";
import { shared } from "./explain";
import type { EditedNode } from "./red";

const OWNER = "m1-node";

/** The input of a property in the dialog of a node of this kind; empty if none is open. */
export function inputOf(node: EditedNode, property: string): JQuery {
  const prefix = node._def.category === "config" ? "node-config-input" : "node-input";
  return $(`#${prefix}-${property}`);
}

/** What stands in the dialog under an id of its own, such as `m1-device-in-topics`. */
export function elementOf(node: EditedNode, name: string): JQuery {
  return $(`#${node.type.replaceAll(" ", "-")}-${name}`);
}

/**
 * Makes the inputs show what the node has: the default where the flow leaves a property out, and
 * in a list of choices also a value that is none of them, such as `${NAME}`.
 */
export function openDialog(node: EditedNode): void {
  for (const [property, { value: standard, type }] of Object.entries(node._def.defaults)) {
    const input = inputOf(node, property);
    input.closest("form").data(OWNER, node.id);
    const value = savedValue(node, property) ?? standard;
    if (typeof value === "boolean") {
      input.prop("checked", value);
    } else if ((typeof value === "string" || typeof value === "number") && type === undefined) {
      if (input.is("select")) offer(input, String(value));
      input.val(value);
    }
  }
}

function offer(select: JQuery, value: string): void {
  const isOffered = select.children().is((_index, option) => $(option).val() === value);
  if (!isOffered) $("<option>").val(value).text(value).appendTo(select);
}

/**
 * A property as the node's open dialog has it, or else as it is saved: a validator is also asked
 * about nodes that are not being edited, while the dialog of another one is open.
 */
export function currentValue(node: EditedNode, property: string): unknown {
  const input = inputOf(node, property);
  const isOpen = input.closest("form").data(OWNER) === node.id;
  if (!isOpen) return savedValue(node, property);
  return input.is(":checkbox") ? input.prop("checked") : input.val();
}

function savedValue(node: EditedNode, property: string): unknown {
  return (node as unknown as Record<string, unknown>)[property];
}

/** Puts a value into the input of a property as if the user had: what depends on it hears of it. */
export function fillIn(node: EditedNode, property: string, value: string): void {
  const input = inputOf(node, property);
  const isTyped = input.next(".red-ui-typedInput-container").length > 0;
  if (isTyped) input.typedInput("value", value);
  else input.val(value).trigger("change");
}

/** Whom the connection that the dialog shows speaks for; what is not known yet is named in braces. */
export function connectionIdentity(node: EditedNode): Identity {
  const connection = RED.nodes.node(String(currentValue(node, "connection")));
  const { projectMqtt, userMqtt } = (connection ?? {}) as Partial<Identity>;
  return {
    projectMqtt: projectMqtt || `{${shared("fields.projectMqtt")}}`,
    userMqtt: userMqtt || `{${shared("fields.userMqtt")}}`,
  };
}

/** Shows the row of a property, or hides it with what it holds. */
export function showRow(node: EditedNode, property: string, isShown: boolean): void {
  inputOf(node, property).closest(".form-row").toggle(isShown);
}

/** Has the dialog check its inputs again, after a change that Node-RED cannot see. */
export function revalidate(node: EditedNode, property: string): void {
  inputOf(node, property).trigger("change");
}
