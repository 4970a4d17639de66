// A conversation with Medium One's REST API (wire-contract: REST): JSON, the session of one login, and bounds
// on what a server may answer. It keeps nothing.
import { once } from "node:events";
import { type IncomingMessage, request as plainRequest } from "node:http";
import { request as encryptedRequest } from "node:https";
import { gunzipSync } from "node:zlib";
import { networkFailure } from "../connection/failure";
import { isLoopback } from "../protocol/broker-url";
import { type ErrorCode, excerpt, type FieldName, M1Error } from "../protocol/errors";
import { issuedApiKey } from "../protocol/issued";

/** Milliseconds until all answers must be there, to their last byte. */
export const DEADLINE = 10_000;

/** Bytes of an answer, unpacked: a user's record has some hundred. */
const LONGEST_ANSWER = 65_536;

/** What statuses mean that are no success. */
export type Meanings = Readonly<Record<number, ErrorCode>>;

/** Of any call. */
const COMMON: Meanings = { 429: "REST_LIMITED", 503: "REST_UNAVAILABLE" };

export interface Login {
  readonly loginId: string;
  readonly password: string;
  /** Not checked yet. */
  readonly apiKey: unknown;
}

export interface Call {
  readonly method: "GET" | "POST";
  /** Below `/v2/`. */
  readonly path: string;
  readonly body?: object;
  /** The user it is about, for the words. */
  readonly loginId: string;
  readonly meanings: Meanings;
}

export interface Answer {
  readonly status: 200 | 202;
  readonly text: string;
}

/** As errors name it. */
type Server = { readonly broker: string; readonly host: string };

export class RestConversation {
  readonly #base: URL;
  readonly #deadline: AbortSignal;
  /** As a request sends it. */
  #cookie = "";

  /** Throws REST_URL or URL_SECRET. The `deadline` begins here. */
  constructor(restUrl: unknown, deadline = DEADLINE) {
    this.#base = parseRestUrl(restUrl);
    this.#deadline = AbortSignal.timeout(deadline);
  }

  /** What follows is asked as that user. */
  async login({ loginId, password, apiKey }: Login, meanings: Meanings): Promise<void> {
    const body = { login_id: loginId, password, api_key: issuedApiKey(apiKey) };
    await this.ask({ method: "POST", path: "login", body, loginId, meanings });
  }

  /** Rejects with an M1Error: what the status means, what is wrong with the answer, why there is none. */
  async ask({ method, path, body, loginId, meanings }: Call): Promise<Answer> {
    const answer = await this.#exchange(method, new URL(`v2/${path}`, this.#base), body);
    const { status, text } = answer;
    if (status === 200 || status === 202) return { status, text };
    const code = meanings[status] ?? COMMON[status] ?? "REST_STATUS";
    throw new M1Error(code, { ...this.#server, status, loginId });
  }

  get #server(): Server {
    return { broker: this.#base.origin, host: this.#base.hostname };
  }

  async #exchange(method: string, url: URL, body?: object) {
    const server = this.#server;
    try {
      const response = await this.#responseTo(method, url, body);
      const { statusCode: status = 0, headers } = response;
      const cookies = headers["set-cookie"]?.map((text) => text.replace(/;.*/s, ""));
      if (cookies) this.#cookie = cookies.join("; ");
      const bytes = await bytesOf(response, server);
      return { status, text: unpacked(bytes, headers["content-encoding"], server) };
    } catch (error) {
      if (this.#deadline.aborted) throw new M1Error("TIMED_OUT", server);
      throw error instanceof M1Error ? error : restFailure(error, server);
    }
  }

  /** No redirect is followed: it could carry the password elsewhere. */
  async #responseTo(method: string, url: URL, body?: object): Promise<IncomingMessage> {
    const request = (url.protocol === "https:" ? encryptedRequest : plainRequest)(url, {
      method,
      signal: this.#deadline,
      agent: false,
      headers: {
        "accept-encoding": "identity",
        ...(this.#cookie && { cookie: this.#cookie }),
        ...(body && { "content-type": "application/json" }),
      },
    });
    request.end(body && JSON.stringify(body));
    const [response] = await once(request, "response");
    // What goes wrong from here on, the reader of the response hears as well.
    request.on("error", () => undefined);
    return response;
  }
}

/** Throws REST_URL or URL_SECRET. */
export function parseRestUrl(value: unknown): URL {
  const text = String(value).trim();
  if (!URL.canParse(text)) throw new M1Error("REST_URL", { url: excerpt(text) });
  const url = new URL(text);
  if (url.username || url.password) throw new M1Error("URL_SECRET");
  const isLocal = isLoopback({ host: hostOf(url) });
  if (url.protocol !== "https:" && !(url.protocol === "http:" && isLocal)) {
    throw new M1Error("REST_URL", { url: excerpt(text) });
  }
  // The pages of Medium One and the sandbox write `…/v2`. Without the slash the last part of the path
  // would be replaced.
  url.pathname = `${url.pathname.replace(/\/(v2\/?)?$/, "")}/`;
  return url;
}

/** Without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Throws CREDENTIAL_MISSING. */
export function statedText(value: unknown, field: FieldName): string {
  if (typeof value === "string" && value !== "") return value;
  throw new M1Error("CREDENTIAL_MISSING", { field });
}

/** Throws REST_TOO_LONG as soon as it is. */
async function bytesOf(response: IncomingMessage, server: Server): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > LONGEST_ANSWER) throw tooLong(server);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A server in between may pack what nobody asked it to. Throws REST_TOO_LONG or REST_UNREADABLE. */
function unpacked(bytes: Buffer, encoding: string | undefined, server: Server): string {
  if (encoding === undefined || encoding === "identity") return bytes.toString();
  try {
    if (encoding === "gzip") {
      return gunzipSync(bytes, { maxOutputLength: LONGEST_ANSWER }).toString();
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLong(server);
  }
  throw new M1Error("REST_UNREADABLE", server);
}

function tooLong(server: Server): M1Error {
  return new M1Error("REST_TOO_LONG", { ...server, limit: LONGEST_ANSWER });
}

/** What Node.js says of a server that hangs up, or answers in another protocol. */
function restFailure(error: unknown, server: Server): M1Error {
  const { code = "" } = error as NodeJS.ErrnoException;
  const isOther = code.startsWith("HPE_") || code === "ECONNRESET";
  return isOther ? new M1Error("HTTP_NOT_SPOKEN", server) : networkFailure(error, server);
}
