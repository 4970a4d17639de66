// What the sandbox answers over HTTP: the REST API under /v2, the console everywhere else.
import type { IncomingMessage, RequestListener } from "node:http";
import { getRequestListener, type HttpBindings, RequestError } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context, MiddlewareHandler } from "hono";
import { methodNotAllowed } from "hono/method-not-allowed";
import { secureHeaders } from "hono/secure-headers";
import { Hono } from "hono/tiny";
import { excerpt } from "../../nodes/protocol/errors";
import type { Sandbox } from "../sandbox";
import { consoleRoutes } from "./console/console";
import type { Feeds } from "./console/feeds";
import { Declined } from "./declined";
import { guard } from "./guard";
import { pageRoutes } from "./page";
import { restRoutes } from "./rest/rest";

/** Only what is served with the page runs in it, and no other page may frame it. */
const SECURITY = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'none'"],
    frameAncestors: ["'none'"],
  },
  xFrameOptions: "DENY",
  // These are for https: without it browsers disregard them, and complain.
  crossOriginOpenerPolicy: false,
  originAgentCluster: false,
  strictTransportSecurity: false,
});

/** `names`, in lower case, are what it answers to besides localhost and IP addresses; `now` as in `WebOptions`. */
export function requestListener(
  sandbox: Sandbox,
  feeds: Feeds,
  names: ReadonlySet<string>,
  now?: () => number,
): RequestListener {
  const app = new Hono<{ Bindings: HttpBindings }>({ strict: false });
  app.onError((error, { env }) => answerTo(error, sandbox, env));
  app.use(SECURITY, guard(names));
  app.use("/v2/*", (_, next) => {
    if (sandbox.weather.refuses()) throw Declined.because(503, "WEATHER");
    return next();
  });
  const onMethodNotAllowed = ({ req }: Context, allowed: readonly string[]) => {
    throw Declined.method(req.path, req.method, allowed);
  };
  app.use(missing, methodNotAllowed({ app, onMethodNotAllowed }));
  app.route("/v2", restRoutes(sandbox, now));
  app.route("/console", consoleRoutes(sandbox, feeds));
  app.route("/", pageRoutes());
  return (incoming, outgoing) => {
    // Here, not in hono: answers that are written as their client takes them bypass it.
    outgoing.setHeader("cache-control", "no-store").setHeader("x-content-type-options", "nosniff");
    // hono makes a URL of it, and answers by itself where it cannot. The guard looks at the raw header.
    incoming.headers.host = "localhost";
    const answer = getRequestListener(app.fetch, {
      // The sandbox may be a part of a program, whose Request and Response are not to be replaced.
      overrideGlobalObjects: false,
      errorHandler: (error) => answerTo(error, sandbox, { incoming, outgoing }),
    });
    void answer(incoming, outgoing);
  };
}

const missing: MiddlewareHandler = async (c, next) => {
  await next();
  if (c.res.status === 404 && !c.error) throw Declined.unknownPath(c.req.path);
};

/** What is declined is put on record; what fails, those hear who listen for errors, not the client. */
async function answerTo(
  error: unknown,
  sandbox: Sandbox,
  { incoming, outgoing }: HttpBindings,
): Promise<Response> {
  // Node tells that a request has no body, or all of it, only after it has handed the headers over.
  await undefined;
  if (error instanceof Declined) return declined(error, sandbox, incoming);
  if (error instanceof RequestError) {
    // Its target is no path, but `*`, for example.
    return declined(Declined.unknownPath(incoming.url ?? ""), sandbox, incoming);
  }
  // A client that hung up in the middle of its body is no fault.
  if (incoming.destroyed && !incoming.complete) return RESPONSE_ALREADY_SENT;
  // Later, since hono would catch what is thrown when nobody listens.
  queueMicrotask(() => sandbox.emit("error", error as Error));
  if (!outgoing.headersSent) {
    return Response.json({ error: "The sandbox failed; see its own output" }, { status: 500 });
  }
  outgoing.destroy();
  return RESPONSE_ALREADY_SENT;
}

function declined(
  { status, refused, headers }: Declined,
  sandbox: Sandbox,
  incoming: IncomingMessage,
): Response {
  const topic = excerpt(`${incoming.method} ${incoming.url?.split("?")[0]}`, 200);
  sandbox.refuse({ what: "request", topic, status }, refused);
  // What is left of a body that nobody reads would be taken for the next request.
  const ending = incoming.complete ? undefined : { connection: "close" };
  const said = { error: refused.message, code: refused.code };
  return Response.json(said, { status, headers: { ...headers, ...ending } });
}
