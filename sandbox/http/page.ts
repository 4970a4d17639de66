// The files of the console's page, as the build left them.
import { readFile } from "node:fs/promises";
import path from "node:path";
import { Hono } from "hono/tiny";
import { getMimeType } from "hono/utils/mime";
import { Declined } from "./declined";

/** The same place seen from the sources and from the build: both are two folders under the package. */
const FOLDER = path.join(__dirname, "..", "dist", "page");

const FILES = {
  "/": "index.html",
  "/console.js": "main.js",
  "/console.css": "main.css",
  "/icon.svg": "icon.svg",
};

export function pageRoutes(): Hono {
  const app = new Hono();
  for (const [url, file] of Object.entries(FILES)) {
    app.get(url, async (c) => {
      const content = await contentOf(file);
      c.header("content-type", getMimeType(file));
      // For a HEAD, too.
      c.header("content-length", String(content.length));
      return c.body(content);
    });
  }
  return app;
}

/**
 * Throws 503 PAGE_NOT_BUILT. By hand: hono's serveStatic answers a file that cannot be read with the
 * words of the error, and tells nobody else.
 */
async function contentOf(file: string): Promise<Buffer<ArrayBuffer>> {
  try {
    return await readFile(path.join(FOLDER, file));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw Declined.because(503, "PAGE_NOT_BUILT");
  }
}
