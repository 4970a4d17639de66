// How the runtime offers something to the editor and to programs: under which conditions, and how errors are told.
import type { IncomingHttpHeaders } from "node:http";
import type { NodeAPI } from "node-red";
import { type ErrorCode, M1Error } from "../protocol/errors";
import { problem } from "../runtime/problem";
import type { ToldError } from "./outbox-answers";
import { checkJson, checkOwnPage } from "./own-page";

export type Permission = "read" | "write";

/** What a request says. */
export interface Asked {
  readonly headers: IncomingHttpHeaders;
  /** By name, from the path. */
  readonly params: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly body?: Record<string, unknown> | undefined;
  /** Who asks, where users log in. */
  readonly user?: { readonly username?: string } | undefined;
}

/** How it is answered, as Express does. */
interface Answering {
  status(code: number): Answering;
  json(body: object): void;
  sendStatus(code: number): void;
  readonly headersSent: boolean;
  destroy(): void;
}

/** What a page or program that is not the editor has to hear in the words of HTTP. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  FORM_NOT_JSON: 415,
  ORIGIN_FOREIGN: 403,
  REQUEST_INVALID: 400,
  OUTBOX_UNKNOWN: 404,
};

/** POST with a body of JSON. */
export function offer(
  RED: NodeAPI,
  path: string,
  permission: Permission,
  answer: (asked: Asked & { readonly body: Record<string, unknown> }) => Promise<object>,
): void {
  const allowed = RED.auth.needsPermission(`m1-connection.${permission}`);
  RED.httpAdmin.post(`/m1-connection/${path}`, allowed, (asked, answering) =>
    respond(RED, asked, answering, () => {
      checkJson(asked.headers);
      return answer({ ...picked(asked), body: asked.body ?? {} });
    }),
  );
}

/** GET, for what changes nothing. */
export function offerReading(
  RED: NodeAPI,
  path: string,
  answer: (asked: Asked) => Promise<object>,
): void {
  const allowed = RED.auth.needsPermission("m1-connection.read");
  RED.httpAdmin.get(`/m1-connection/${path}`, allowed, (asked, answering) =>
    respond(RED, asked, answering, () => answer(picked(asked))),
  );
}

/** Express keeps most of these in getters, which a spread would leave out. */
export function picked({ headers, params, query, user }: Asked): Asked {
  return { headers, params, query, ...(user && { user }) };
}

/** `answer` is called if the request may be answered at all; it may throw. Undefined: it has answered already. */
export async function respond(
  RED: NodeAPI,
  { headers }: Pick<Asked, "headers">,
  answering: Answering,
  answer: () => Promise<object | undefined>,
): Promise<void> {
  try {
    checkOwnPage(headers);
    const answered = await answer();
    if (answered) answering.json(answered);
  } catch (error) {
    if (answering.headersSent) {
      // In the middle of a download: cut off, it does not look complete.
      answering.destroy();
      RED.log.error(problem(RED, error));
    } else if (error instanceof M1Error) {
      answering.status(STATUSES[error.code] ?? 200).json({ error: toldError(error) });
    } else {
      RED.log.error(problem(RED, error));
      answering.sendStatus(500);
    }
  }
}

export function toldError({ code, details }: M1Error): ToldError {
  return { code, details };
}
