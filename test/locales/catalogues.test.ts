// Each language says all that English says, about the same things: keys, placeholders, help.
import { deepEqual, equal } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

const sources = path.resolve(__dirname, "../../nodes/locales");
/** As they are delivered: help with the paragraphs that several nodes share. */
const folder = path.resolve(__dirname, "../../dist/locales");
const languages = ["de", "es-ES", "fr", "ja", "zh-CN"];
const files = readdirSync(path.join(folder, "en-US")).sort();
const ownFiles = (extension: string) => files.filter((file) => file.endsWith(extension));

/** Words that a language may share with English, and names that no language translates. */
const SAME = /^(URL|REST API|QoS|Stream|Tag|JSON|Topic|MQTT [\d.]+|Setup → .*|MB|buffer)$/;

describe("the languages", () => {
  it("are English and these, by the codes of Node-RED's own catalogues", () => {
    deepEqual(readdirSync(folder).sort(), [...languages, "en-US"].sort());
    const core = path.resolve(__dirname, "../../node_modules/@node-red/nodes/locales");
    const shipped = readdirSync(core);
    deepEqual(
      languages.filter((language) => !shipped.includes(language)),
      [],
    );
  });

  for (const language of languages) {
    describe(language, () => {
      it("has each file that English has, and no other", () => {
        const all = (of: string) => readdirSync(path.join(sources, of), { recursive: true }).sort();
        deepEqual(all(language), all("en-US"));
        deepEqual(readdirSync(path.join(folder, language)).sort(), files);
      });

      for (const file of ownFiles(".json")) {
        const english = strings("en-US", file);
        const translated = strings(language, file);

        it(`${file}: has the keys of English, in the same order`, () => {
          deepEqual([...translated.keys()], [...english.keys()]);
        });

        it(`${file}: fills each text with the same details`, () => {
          deepEqual(of(translated, placeholders), of(english, placeholders));
        });

        it(`${file}: leaves no text empty, padded or English`, () => {
          const untranslated = [...translated].filter(
            ([key, text]) =>
              text.trim() !== text ||
              text === "" ||
              (text === english.get(key) && !SAME.test(text) && !key.startsWith("placeholder.")),
          );
          deepEqual(untranslated, []);
        });
      }

      for (const file of ownFiles(".html")) {
        const english = read("en-US", file);
        const translated = read(language, file);

        it(`${file}: has the tags of English, in the same order`, () => {
          deepEqual(tags(translated), tags(english));
        });

        it(`${file}: names the same code, properties and pages of Medium One`, () => {
          deepEqual(codes(translated), codes(english));
        });

        it(`${file}: leaves no paragraph empty or English`, () => {
          const own = paragraphs(english);
          const untranslated = paragraphs(translated).filter(
            (text, index) => text === "" || (text === own[index] && / \w+ /.test(text)),
          );
          deepEqual(untranslated, []);
        });

        it(`${file}: has no < or & that is not of a tag`, () => {
          equal(/[<>&]/.exec(translated.replace(/<\/?[a-z][^<>]*>/g, "")), null);
        });
      }
    });
  }

  it("show each status in 24 columns, of which a Chinese or Japanese character takes two", () => {
    const long = ["en-US", ...languages].flatMap((language) =>
      [...strings(language, "m1-connection.json")]
        .filter(([key, text]) => key.startsWith("status.") && columns(withoutDetails(text)) > 24)
        .map(([key, text]) => `${language} ${key}: ${text}`),
    );
    deepEqual(long, []);
  });

  it("are right for one event and one hour, too: no plural follows such a number", () => {
    const plural =
      /__(count|limit|hours|dropped|expired)__ (events|hours|Ereignisse|Stunden|eventos|horas|événements|heures|descartados|supprimés)/;
    const wrong = ["en-US", ...languages].flatMap((language) =>
      ownFiles(".json").flatMap((file) =>
        [...strings(language, file)]
          .filter(([, text]) => plural.test(text))
          .map(([key, text]) => `${language} ${key}: ${text}`),
      ),
    );
    deepEqual(wrong, []);
  });
});

function read(language: string, file: string): string {
  return readFileSync(path.join(folder, language, file), "utf8");
}

/** Each text by its key, such as `errors.URL_PORT`. */
function strings(language: string, file: string): Map<string, string> {
  const texts = new Map<string, string>();
  const walk = (branch: object, at: readonly string[]) => {
    for (const [name, value] of Object.entries(branch)) {
      const steps = [...at, name];
      if (typeof value === "string") texts.set(steps.join("."), value);
      else walk(value, steps);
    }
  };
  walk(JSON.parse(read(language, file)), []);
  return texts;
}

function of<Facts>(texts: Map<string, string>, facts: (text: string) => Facts) {
  return Object.fromEntries([...texts].map(([key, text]) => [key, facts(text)]));
}

function placeholders(text: string): string[] {
  return (text.match(/__\w+?__/g) ?? []).sort();
}

function withoutDetails(text: string): string {
  return text.replace(/__\w+?__/g, "");
}

function columns(text: string): number {
  return [...text].reduce((sum, character) => sum + (character > "\u2e80" ? 2 : 1), 0);
}

/** Opening and closing tags with their attributes. */
function tags(html: string): string[] {
  return html.match(/<[^<>]*>/g) ?? [];
}

/** Contents of `code`, and what is never translated: pages of Medium One, messages' properties. */
function codes(html: string): string[] {
  const untranslated =
    /<code>.*?<\/code>|<i>(?:Setup|Project|Add)\b.*?<\/i>|<dt>(?:payload|topic|qos|retain|m1) /gs;
  return (html.match(untranslated) ?? []).map((text) => text.replace(/\s+/g, " "));
}

/** The text of each paragraph, item, term and heading, without tags. */
function paragraphs(html: string): string[] {
  const blocks = [...html.matchAll(/<(p|li|dt|dd|h3|h4)\b[^>]*>(.*?)<\/\1>/gs)];
  return blocks.map(([, , text = ""]) => text.replace(/<[^>]*>/g, "").trim());
}
