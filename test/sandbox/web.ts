// The sandbox over HTTP for tests. Not by fetch, which lets nobody set Host and Origin.
import { type IncomingHttpHeaders, request } from "node:http";
import { text as textOf } from "node:stream/consumers";
import { openWeb, type Web, type WebOptions } from "../../sandbox/http/web";
import type { Sandbox } from "../../sandbox/sandbox";

export type Headers = Readonly<Record<string, string>>;

export interface Answered {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly text: string;
  /** Of JSON; undefined if the text is none. */
  readonly body: unknown;
}

export interface CallOptions {
  readonly body?: string | Buffer;
  readonly headers?: Headers;
  /** Without the body's length in advance. */
  readonly chunked?: boolean;
}

/** For each test of the suite HTTP to its sandbox, on a port of its own. */
export function eachWithWeb(context: { readonly sandbox: Sandbox }, options: WebOptions = {}) {
  let web: Web;
  beforeEach(async () => {
    web = await openWeb(context.sandbox, { port: 0, ...options });
  });
  afterEach(() => web.close());
  return {
    get url() {
      return web.url;
    },
    call: (method: string, path: string, options: CallOptions = {}) =>
      call(web, method, path, options),
  };
}

function call(
  { port }: Web,
  method: string,
  path: string,
  { body = "", headers = {}, chunked = false }: CallOptions,
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: "127.0.0.1", port, method, path, headers, agent: false },
      (response) => {
        textOf(response).then(
          (text) => resolve(answered(response.statusCode ?? 0, response.headers, text)),
          reject,
        );
      },
    );
    asked.on("error", reject);
    if (chunked) asked.flushHeaders();
    asked.end(body);
  });
}

function answered(status: number, headers: IncomingHttpHeaders, text: string): Answered {
  const get = (name: string) => {
    const value = headers[name];
    return value === undefined ? null : String(value);
  };
  const isJson = headers["content-type"] === "application/json" && !text.includes("}\n");
  return { status, headers: { get }, text, body: isJson && text ? JSON.parse(text) : undefined };
}
