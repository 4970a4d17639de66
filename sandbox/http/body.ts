// What the body of a request must be, as far as the sandbox takes it.
import type { IncomingMessage } from "node:http";
import { utf8Text } from "../../nodes/protocol/utf8";
import { checkName } from "../cloud/names";
import type { RefusedReason } from "../cloud/refusal";
import { Declined } from "./declined";

const LONGEST_FORM = 200_000;

/**
 * Throws 413 with that reason as soon as it has more bytes than the `limit`. By hand: hono's bodyLimit
 * fails at a body of unknown length unless hono's server may replace the global Request of the program.
 */
export async function bodyOf(
  request: IncomingMessage,
  limit: number,
  reason: RefusedReason,
): Promise<Buffer> {
  const tooLong = Declined.because(413, reason, { limit });
  if (Number(request.headers["content-length"] ?? 0) > limit) throw tooLong;
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > limit) throw tooLong;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export type Form = Readonly<Record<string, unknown>>;

/** A body that is one JSON object. Throws 400 BODY_NOT_JSON, or 413 FORM_TOO_LONG. */
export async function formOf(request: IncomingMessage): Promise<Form> {
  const text = utf8Text(await bodyOf(request, LONGEST_FORM, "FORM_TOO_LONG"));
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Form;
  throw Declined.because(400, "BODY_NOT_JSON");
}

/** Throws 400 FIELD_MISSING unless the form has text there. */
export function textOf(form: Form, field: string): string {
  const value = form[field];
  if (typeof value === "string" && value !== "") return value;
  throw Declined.because(400, "FIELD_MISSING", { field });
}

/** Text that may be empty; `absent` stands for what is left out. Throws 400 FIELD_NOT_TEXT. */
export function anyTextOf(form: Form, field: string, absent?: string): string {
  const { [field]: value = absent } = form;
  if (typeof value === "string") return value;
  throw Declined.because(400, "FIELD_NOT_TEXT", { field });
}

/** Text that is kept, as `textOf` has it. Throws 400 NAME_TOO_LONG or NAME_TOO_DEEP too. */
export function nameOf(form: Form, field: string): string {
  return kept(textOf(form, field), field);
}

/** Throws 400 NAME_TOO_LONG or NAME_TOO_DEEP. */
export function kept(name: string, what: string): string {
  try {
    checkName(name, what);
  } catch (error) {
    throw Declined.from(400, error);
  }
  return name;
}
