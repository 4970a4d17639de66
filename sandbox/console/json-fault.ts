// Where a text stops being JSON, and why: browsers say it in words of their own, and some not where.

const SPACE = /[ \t\n\r]*/y;
const TEXT = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*"/uy;
const PLAIN = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
/** What stands there, to quote it. */
const FOUND = /[\w.+-]{1,20}|./suy;

const VALUE = "a value (text in double quotes, a number, true, false, null, { or [)";
const NAME = "a name in double quotes";

/** What must come next, and what comes after that. */
type Step = "value" | "first value" | "name" | "first name" | "colon" | "next";

/** "Line 1, column 9: …"; undefined for JSON. */
export function jsonFault(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch {
    const { at, wanted } = new Reading(text).fault();
    const before = text.slice(0, at).split("\n");
    const place = `Line ${before.length}, column ${(before.at(-1) ?? "").length + 1}`;
    return `${place}: ${wanted}`;
  }
}

/** Reads a text that is not JSON up to its fault. It does not recurse: lists may nest deeply. */
class Reading {
  readonly #text: string;
  #at = 0;
  /** What closes each object and list that is open. */
  readonly #open: ("}" | "]")[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  fault(): { readonly at: number; readonly wanted: string } {
    for (let step: Step | undefined = "value"; step; ) {
      this.#take(SPACE);
      const next = this.#step(step);
      if (typeof next === "object") return { at: this.#at, wanted: this.#words(next.wanted) };
      step = next;
    }
    return { at: this.#at, wanted: "" };
  }

  /** The step after this one, or what was wanted in its place. */
  #step(step: Step): Step | { readonly wanted: string } {
    const closer = this.#open.at(-1);
    const mayClose = step === "next" || step === "first value" || step === "first name";
    if (mayClose && closer && this.#takeMark(closer)) {
      this.#open.pop();
      return "next";
    }
    switch (step) {
      case "next":
        if (!closer) return { wanted: "the end" };
        if (this.#takeMark(",")) return closer === "}" ? "name" : "value";
        return { wanted: `, or ${closer}` };
      case "colon":
        return this.#takeMark(":") ? "value" : { wanted: ": after the name" };
      case "name":
      case "first name":
        if (this.#take(TEXT)) return "colon";
        return { wanted: step === "name" ? NAME : `${NAME}, or }` };
      default:
        return this.#value() ?? { wanted: step === "value" ? VALUE : `${VALUE}, or ]` };
    }
  }

  #value(): Step | undefined {
    if (this.#takeMark("{")) {
      this.#open.push("}");
      return "first name";
    }
    if (this.#takeMark("[")) {
      this.#open.push("]");
      return "first value";
    }
    return this.#take(TEXT) || this.#take(PLAIN) ? "next" : undefined;
  }

  #takeMark(mark: string): boolean {
    if (this.#text[this.#at] !== mark) return false;
    this.#at += 1;
    return true;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? "";
    this.#at += found.length;
    return found;
  }

  #words(wanted: string): string {
    FOUND.lastIndex = this.#at;
    const [found] = FOUND.exec(this.#text) ?? [];
    if (found === undefined) return `it ends where there should be ${wanted}`;
    if (found === '"' && wanted.includes("double quotes")) {
      return "text that begins here does not end, or has a line break or a \\ that JSON does not know";
    }
    return `${found} stands where there should be ${wanted}`;
  }
}
