// The files of the console's page, as the build left them.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Answer, type Call, Declined, methodOf, unknownPath } from "./exchange";

/** The same place seen from the sources and from the build: both are two folders under the package. */
const FOLDER = path.join(__dirname, "..", "dist", "page");

const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  "": ["index.html", "text/html; charset=utf-8"],
  "console.js": ["main.js", "text/javascript; charset=utf-8"],
  "console.css": ["main.css", "text/css; charset=utf-8"],
  "icon.svg": ["icon.svg", "image/svg+xml"],
};

/** Only what is served with the page runs in it, and no other page may frame it. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Throws 404 PATH_UNKNOWN, or 503 PAGE_NOT_BUILT. */
export async function page(call: Call): Promise<Answer> {
  const [name = "", ...rest] = call.path;
  const entry = Object.hasOwn(FILES, name) ? FILES[name] : undefined;
  if (!entry || rest.length > 0) throw unknownPath(call);
  methodOf(call, "GET", "HEAD");
  const [file, type] = entry;
  const headers = {
    "content-type": type,
    "content-security-policy": POLICY,
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
  };
  return { status: 200, headers, body: await contentOf(file) };
}

async function contentOf(file: string): Promise<Buffer> {
  try {
    return await readFile(path.join(FOLDER, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw Declined.because(503, "PAGE_NOT_BUILT");
  }
}
