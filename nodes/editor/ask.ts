// A question of the dialog to the runtime, asked with the form as it is.
import type { M1Error } from "../protocol/errors";
import { currentValue } from "./dialog";
import { shared, translateError } from "./explain";
import type { EditedNode } from "./red";

/** The longest answer takes 10 s. */
const DEADLINE = 15_000;

type Told = Pick<M1Error, "code" | "details">;

/**
 * The answer of `m1-connection/<resource>`, or the words that say why there is none. `more` is what
 * the question needs beside the properties and credentials of the node.
 */
export async function ask<Answer extends object>(
  node: EditedNode,
  resource: "test" | "user",
  more: Record<string, unknown> = {},
): Promise<Answer | string> {
  const { id, z = "", _def } = node;
  const properties = Object.keys({ ..._def.defaults, ..._def.credentials });
  const form = properties.map((property) => [property, currentValue(node, property)]);
  try {
    // jQuery and a relative URL: Node-RED adds its root and the user's token.
    const answer: Answer | { error: Told } = await $.ajax({
      url: `m1-connection/${resource}`,
      method: "POST",
      contentType: "application/json",
      data: JSON.stringify({ id, z, ...Object.fromEntries(form), ...more }),
      timeout: DEADLINE,
    });
    return "error" in answer ? translateError(answer.error) : (answer as Answer);
  } catch (error) {
    const { status } = error as JQuery.jqXHR;
    const isForbidden = status === 401 || status === 403;
    return shared(isForbidden ? "note.forbidden" : "note.noAnswer");
  }
}
