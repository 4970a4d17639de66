// What a user reads is in the catalogues: none of it stands in the code or the dialogs.
import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const folder = path.resolve(__dirname, "../../nodes");
const sources = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter(
  (file) => !file.startsWith("locales"),
);

/** Names, events of the page, and what a library says that the code looks for. */
const NO_PROSE =
  /^(m1 (connection|event out|device in|group in)|Medium One|input change|connack timeout|Keepalive timeout)$/;

/** Thrown by defects of ours, which no catalogue foresees, or told to no one. */
const DEFECT = /new (Type|Range|Syntax)?Error\((["`])[^"`]*\2\)|\?\? new Error\("no SUBACK"\)/g;

describe("the code", () => {
  for (const file of sources.filter((name) => name.endsWith(".ts"))) {
    it(`${file} holds no sentence`, () => {
      const code = read(file)
        .replace(/\/\*.*?\*\//gs, "")
        .replace(/\/\/ .*$/gm, "")
        .replace(DEFECT, "");
      const texts = [...code.matchAll(/(["`])([^"`\n]*?)\1/g)].map(([, , text = ""]) => text);
      const prose = texts.filter((text) => /[a-z]+ [a-z]{2,}/i.test(text) && !isMarkup(text));
      deepEqual(
        prose.filter((text) => !NO_PROSE.test(text)),
        [],
      );
    });
  }
});

describe("the dialogs", () => {
  // As they are delivered: with the rows that several nodes share.
  const dist = path.resolve(__dirname, "../../dist");
  for (const file of readdirSync(dist).filter((name) => name.endsWith(".html"))) {
    it(`${file} has its words from a catalogue`, () => {
      const html = readFileSync(path.join(dist, file), "utf8");
      const templates = [...html.matchAll(/<script type="text\/html".*?<\/script>/gs)];
      ok(templates.length > 0);
      const text = templates.map(([html]) => html.replace(/<[^<>]*>/g, "").trim()).join("");
      const attributes = templates.flatMap(([html]) => [
        ...html.matchAll(/ (?:title|placeholder|aria-label)="([^"]* [^"]*)"/g),
      ]);
      deepEqual([text, attributes], ["", []]);
    });
  }
});

/** Classes, attributes and selectors of the editor's pages. */
function isMarkup(text: string): boolean {
  return /[<>#[]|^fa[ -]|^red-ui-/.test(text);
}

function read(file: string): string {
  return readFileSync(path.join(folder, file), "utf8");
}
