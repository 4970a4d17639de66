// A request as the routes see it, and what they answer.
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { type ErrorDetails, excerpt } from "../../nodes/protocol/errors";
import { utf8Text } from "../../nodes/protocol/utf8";
import { checkName } from "../cloud/names";
import { Refused, type RefusedReason } from "../cloud/refusal";

export interface Call {
  readonly method: string;
  /** Decoded; without the empty one that a trailing slash leaves. */
  readonly path: readonly string[];
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
}

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
}

/** An answer that goes on; `stream` writes it. */
export interface Streaming {
  readonly stream: (response: ServerResponse) => void | Promise<void>;
}

/** Of every answer. */
export const COMMON_HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
} as const;

/** A refusal with the status that says so. */
export class Declined extends Error {
  readonly status: number;
  readonly refused: Refused;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, refused: Refused, headers: Readonly<Record<string, string>> = {}) {
    super(refused.message);
    this.name = "Declined";
    this.status = status;
    this.refused = refused;
    this.headers = headers;
  }

  static because(status: number, reason: RefusedReason, details: ErrorDetails = {}): Declined {
    return new Declined(status, Refused.because(reason, details));
  }

  /** An error of the wire contract with a status; any other error is a fault of ours and thrown. */
  static from(status: number, error: unknown): Declined {
    return new Declined(status, Refused.from(error));
  }
}

export function json(value: unknown, status = 200): Answer {
  return { status, headers: { "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** JSON documents, each made once the client has taken those before it. */
export function jsonLines(documents: Iterable<string>): Streaming {
  return {
    stream: async (response) => {
      response.writeHead(200, { ...COMMON_HEADERS, "content-type": "application/json" });
      try {
        await pipeline(documents, response);
      } catch (error) {
        // A client that hung up is no fault.
        if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
      }
    },
  };
}

/** Throws 405 METHOD unless the call is made by one of the `allowed`. */
export function methodOf<Method extends string>(
  { method, path }: Call,
  ...allowed: readonly Method[]
): Method {
  const found = allowed.find((candidate) => candidate === method);
  if (found !== undefined) return found;
  const details = { path: `/${path.join("/")}`, allowed: allowed.join(" and "), method };
  throw new Declined(405, Refused.because("METHOD", details), { allow: allowed.join(", ") });
}

/** Throws 413 with that reason as soon as it has more bytes than the `limit`. */
export async function bodyOf(
  { request }: Call,
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

const LONGEST_FORM = 200_000;

/** A body that is one JSON object. Throws 400 BODY_NOT_JSON, or 413 FORM_TOO_LONG. */
export async function objectOf(call: Call): Promise<Readonly<Record<string, unknown>>> {
  const text = utf8Text(await bodyOf(call, LONGEST_FORM, "FORM_TOO_LONG"));
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw Declined.because(400, "BODY_NOT_JSON");
}

/** Throws 400 FIELD_MISSING unless `object` has text there. */
export function textOf(object: Readonly<Record<string, unknown>>, field: string): string {
  const value = object[field];
  if (typeof value === "string" && value !== "") return value;
  throw Declined.because(400, "FIELD_MISSING", { field });
}

/** Text that may be empty; `absent` stands for what is left out. Throws 400 FIELD_NOT_TEXT. */
export function anyTextOf(
  object: Readonly<Record<string, unknown>>,
  field: string,
  absent?: string,
): string {
  const { [field]: value = absent } = object;
  if (typeof value === "string") return value;
  throw Declined.because(400, "FIELD_NOT_TEXT", { field });
}

/** Text that is kept, as `textOf` has it. Throws 400 NAME_TOO_LONG or NAME_TOO_DEEP too. */
export function nameOf(object: Readonly<Record<string, unknown>>, field: string): string {
  const name = textOf(object, field);
  checkKept(name, field);
  return name;
}

/** Throws 400 NAME_TOO_LONG or NAME_TOO_DEEP. */
export function checkKept(name: string, what: string): void {
  try {
    checkName(name, what);
  } catch (error) {
    throw Declined.from(400, error);
  }
}

export function unknownPath({ path }: Call): Declined {
  return Declined.because(404, "PATH_UNKNOWN", { path: excerpt(`/${path.join("/")}`) });
}
