// A question of the dialog to the runtime, asked with the form as it is.
import type { M1Error } from "../protocol/errors";
import type { Reply } from "./action-button";
import { currentValue } from "./dialog";
import { shared, translateError } from "./explain";
import type { EditedNode } from "./red";

/** Milliseconds, longer than the runtime takes for it. */
const DEADLINE = { test: 15_000, user: 15_000, "new-user": 80_000, quiet: 5_000 };

type Told = Pick<M1Error, "code" | "details">;

/** The answer of `m1-connection/<resource>` to a question that a person has not asked; undefined if there is none. */
export async function askJson<Answer extends object>(
  resource: string,
  question: object,
): Promise<Answer | undefined> {
  try {
    return await $.ajax({
      url: `m1-connection/${resource}`,
      method: "POST",
      contentType: "application/json",
      data: JSON.stringify(question),
      timeout: DEADLINE.quiet,
    });
  } catch (error) {
    if ((error as JQuery.jqXHR).status !== undefined) return undefined;
    throw error;
  }
}

/**
 * The answer of `m1-connection/<resource>`, the words that say why there is none, or what a person has to be asked
 * before. `more` is what the question needs beside the properties and credentials of the node.
 */
export async function ask<Answer extends object>(
  node: EditedNode,
  resource: Exclude<keyof typeof DEADLINE, "quiet">,
  more: Record<string, unknown> = {},
): Promise<Reply<Answer>> {
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
      timeout: DEADLINE[resource],
    });
    if (!("error" in answer)) return answer as Answer;
    const { code, details } = answer.error;
    if (code !== "SECRETS_ELSEWHERE") return translateError(answer.error);
    return {
      question: translateError(answer.error),
      consent: shared("label.sendSecrets"),
      agree: () => ask(node, resource, { ...more, confirmed: details.addresses }),
    };
  } catch (error) {
    const { status, responseJSON } = error as JQuery.jqXHR;
    if (responseJSON?.error?.code) return translateError(responseJSON.error);
    const isForbidden = status === 401 || status === 403;
    return shared(isForbidden ? "note.forbidden" : "note.noAnswer");
  }
}
