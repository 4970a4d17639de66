// What the settings in a dialog come to, shown while they are edited.
import { M1Error } from "../protocol/errors";
import { translateError } from "./explain";
import type { Verdict } from "./red";

export interface PreviewPart {
  readonly element: JQuery;
  /** What is wrong with the fields that it shows; there are no lines then. */
  readonly verdict?: () => Verdict;
  /** The lines to show; an M1Error is shown instead. */
  readonly lines: () => readonly string[];
}

/** Keeps the parts up to date with the form they are in. Returns what does so when they depend on more. */
export function livePreview(...parts: readonly PreviewPart[]): () => void {
  const refresh = () => {
    const told = new Set<string>();
    for (const part of parts) show(part, told);
  };
  parts[0]?.element.closest("form").on("input change", refresh);
  refresh();
  return refresh;
}

/** `told` are the problems that the parts before it show. */
function show({ element, verdict, lines }: PreviewPart, told: Set<string>): void {
  element.empty();
  const verdictOfFields = verdict?.() ?? true;
  if (verdictOfFields !== true) {
    showProblem(element, verdictOfFields);
    return;
  }
  try {
    for (const line of lines()) $("<code>").text(line).appendTo(element);
  } catch (error) {
    if (!(error instanceof M1Error)) throw error;
    const words = translateError(error);
    if (!told.has(words)) showProblem(element, words);
    told.add(words);
  }
}

function showProblem(element: JQuery, words: string): void {
  const problem = $('<span class="m1-warning">').appendTo(element);
  problem.append(
    '<i class="fa fa-warning" aria-hidden="true"></i> ',
    document.createTextNode(words),
  );
}
