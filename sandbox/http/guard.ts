// Keeps web pages of others away: a page in the same browser can reach 127.0.0.1 too.
import type { IncomingHttpHeaders } from "node:http";
import { isIP } from "node:net";
import { excerpt } from "../../nodes/protocol/errors";
import { type Call, Declined } from "./exchange";

/**
 * Throws 403 HOST_FOREIGN or ORIGIN_FOREIGN. `names`, in lower case, are those that it answers to
 * besides localhost.
 */
export function guard({ method, path, request }: Call, names: ReadonlySet<string>): void {
  const { headers } = request;
  const { host = "" } = headers;
  // A page reaches the sandbox under a name of its own by having that name resolve to 127.0.0.1.
  if (!isOwnHost(host, names)) throw Declined.because(403, "HOST_FOREIGN", { host: excerpt(host) });
  const { origin, "sec-fetch-site": site } = headers;
  const isRead = method === "GET" || method === "HEAD";
  const isOwnOrigin = origin === undefined || origin.replace(/^https?:\/\//, "") === host;
  const isOwnSite = site === undefined || site === "same-origin" || site === "none";
  // A link on another page may lead to the page here; nothing else of it may.
  const isLink = isNavigation(headers) && path[0] !== "console";
  if (isRead ? isOwnSite || isLink : isOwnSite && isOwnOrigin) return;
  throw Declined.because(403, "ORIGIN_FOREIGN", { origin: excerpt(origin ?? "another site") });
}

/** Of a tab or a window: a frame navigates, too. */
function isNavigation(headers: IncomingHttpHeaders): boolean {
  return headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
}

function isOwnHost(host: string, names: ReadonlySet<string>): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || names.has(name) || isIP(name.replace(/^\[(.*)\]$/, "$1")) !== 0;
}
