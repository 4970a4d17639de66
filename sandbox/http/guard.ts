// Keeps web pages of others away: a page in the same browser can reach 127.0.0.1 too. By hand: hono's
// csrf looks at posts of forms only, and nothing of it at the name that the request is for.
import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { excerpt } from "../../nodes/protocol/errors";
import { Declined } from "./declined";

/**
 * Throws 403 HOST_FOREIGN or ORIGIN_FOREIGN. `names`, in lower case, are those that it answers to
 * besides localhost.
 */
export function guard(names: ReadonlySet<string>): MiddlewareHandler {
  return ({ req }, next) => {
    const host = req.header("host") ?? "";
    // A page reaches the sandbox under a name of its own by having that name resolve to 127.0.0.1.
    if (!isOwnHost(host, names))
      throw Declined.because(403, "HOST_FOREIGN", { host: excerpt(host) });
    const origin = req.header("origin");
    const site = req.header("sec-fetch-site");
    const isOwnOrigin = origin === undefined || origin.replace(/^https?:\/\//, "") === host;
    const isOwnSite = site === undefined || site === "same-origin" || site === "none";
    // A link on another page may lead to the page here, in a tab or a window; nothing else of it may.
    const isLink =
      req.header("sec-fetch-mode") === "navigate" &&
      req.header("sec-fetch-dest") === "document" &&
      !/^\/console(\/|$)/.test(req.path);
    const isRead = req.method === "GET" || req.method === "HEAD";
    if (isRead ? isOwnSite || isLink : isOwnSite && isOwnOrigin) return next();
    throw Declined.because(403, "ORIGIN_FOREIGN", { origin: excerpt(origin ?? "another site") });
  };
}

function isOwnHost(host: string, names: ReadonlySet<string>): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || names.has(name) || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
