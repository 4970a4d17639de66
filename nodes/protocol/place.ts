// Where in an event or a message something is, as people write it in code.
import { excerpt } from "./errors";

/** Names of properties and positions in lists, from the outside in. */
export type Path = (string | number)[];

/** `event_data.list[2]["odd key"]` */
export function placeOf(path: Path): string {
  let place = "";
  for (const step of path) {
    if (typeof step === "number") place += `[${step}]`;
    else if (/^[A-Za-z_$][\w$]*$/.test(step)) place += place === "" ? step : `.${step}`;
    else place += `[${JSON.stringify(excerpt(step))}]`;
  }
  return place;
}
