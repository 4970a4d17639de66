// The table of which promise holds on which broker, as it stands in a document between two marks.
const BEGIN = "<!-- promises: begin -->";
const END = "<!-- promises: end -->";

export class Table {
  /** By promise, then by broker: yes, or what the broker makes of it. */
  readonly #cells = new Map<string, Map<string, string>>();

  add(promise: string, broker: string, but: string): void {
    const row = this.#cells.get(promise) ?? new Map<string, string>();
    row.set(broker, but || "yes");
    this.#cells.set(promise, row);
  }

  /** The text with the table put in; unchanged if a cell is missing, as after a run of some of the tests. */
  into(text: string, brokers: readonly string[]): string {
    const rows = [...this.#cells].map(([promise, row]) => [
      promise,
      ...brokers.map((broker) => row.get(broker)),
    ]);
    if (rows.length === 0 || rows.flat().includes(undefined)) return text;
    const lines = [["promise", ...brokers], ["---", ...brokers.map(() => "---")], ...rows];
    const table = lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
    const [before, rest = ""] = text.split(BEGIN);
    const after = rest.split(END)[1];
    if (after === undefined) throw new Error(`the document has no ${BEGIN} … ${END}`);
    return `${before}${BEGIN}\n\n${table}\n\n${END}${after}`;
  }
}
