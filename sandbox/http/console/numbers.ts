// The numbers among the tags of an event, nested ones under their path.

/** At most `limit` of them: `temperature`, `motor.speed`. Not recursive: data may nest deeply. */
export function numbersOf(
  eventData: Readonly<Record<string, unknown>>,
  limit: number,
): [tag: string, value: number][] {
  const numbers: [string, number][] = [];
  const open: [path: string, tags: object][] = [["", eventData]];
  for (let next = open.shift(); next; next = open.shift()) {
    const [path, tags] = next;
    for (const [name, value] of Object.entries(tags)) {
      const tag = path + name;
      if (typeof value === "number") numbers.push([tag, value]);
      else if (isTags(value) && tag.length < LONGEST_TAG) open.push([`${tag}.`, value]);
      if (numbers.length >= limit) return numbers;
    }
  }
  return numbers;
}

const LONGEST_TAG = 100;

function isTags(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
