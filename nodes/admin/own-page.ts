// Only the editor's own page may ask: a page of another site that is open in the same browser reaches a Node-RED
// without users, too.
import type { IncomingHttpHeaders } from "node:http";
import { excerpt, M1Error } from "../protocol/errors";

/** `none` is what a person asks for themselves, in the address bar. */
const OWN_SITES: ReadonlySet<unknown> = new Set(["same-origin", "none"]);

/** Throws FORM_NOT_JSON for what a form of any site can send. */
export function checkJson({ "content-type": type = "" }: IncomingHttpHeaders): void {
  if (!/^application\/json\s*(;|$)/i.test(type)) throw new M1Error("FORM_NOT_JSON");
}

/**
 * Throws ORIGIN_FOREIGN for what a browser asks on behalf of another site. What is no browser, curl say, states no
 * origin and may ask.
 *
 * Behind a proxy, Host may be another name than the one that the browser shows. Then the browser's own word counts,
 * Sec-Fetch-Site, which it gives where the page is encrypted. X-Forwarded-Host does not: it is whatever was sent.
 */
export function checkOwnPage(headers: IncomingHttpHeaders): void {
  const { "sec-fetch-site": site, origin, host = "" } = headers;
  const isOwn = site === undefined ? isAt(host, origin) : OWN_SITES.has(site);
  if (!isOwn) throw new M1Error("ORIGIN_FOREIGN", { origin: excerpt(String(origin)), host });
}

/** The scheme is the origin's: whether a proxy in front encrypts, Node-RED does not know. */
function isAt(host: string, origin: string | undefined): boolean {
  if (origin === undefined) return true;
  // `null`, the origin of a page in a sandbox, is no URL.
  if (!URL.canParse(origin)) return false;
  const page = new URL(origin);
  const own = `${page.protocol}//${host}`;
  return URL.canParse(own) && new URL(own).host === page.host;
}
