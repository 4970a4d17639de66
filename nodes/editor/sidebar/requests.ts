// What the sidebar asks of the runtime: its answer, or why there is none.
import type { ToldError } from "../../admin/outbox-answers";
import { shared, translateError } from "../explain";
import { setRuntimeClock } from "./times";

/** Milliseconds, longer than the runtime takes for it. A download takes what it takes. */
const DEADLINE = { look: 10_000, act: 60_000, download: 0 };

export class NoAnswer {
  constructor(
    /** Why, for a person to read. */
    readonly words: string,
    readonly isForbidden = false,
  ) {}
}

/** The path of a resource below `m1-connection/`, whatever its parts hold. */
export function pathOf(...parts: readonly string[]): string {
  return parts.map(encodeURIComponent).join("/");
}

/** What there is to see under a path; blank parameters are left out. */
export function look<Answer extends object>(
  path: string,
  parameters: Readonly<Record<string, string | undefined>> = {},
): Promise<Answer | NoAnswer> {
  const stated = Object.entries(parameters).filter(([, value]) => value !== undefined);
  return answerOf("sidebar.mayNotLook", () =>
    $.ajax({
      // jQuery and a relative URL: Node-RED adds its root and the user's token.
      url: `m1-connection/${path}`,
      data: Object.fromEntries(stated),
      dataType: "json",
      timeout: DEADLINE.look,
      success: (_answer, _status, request) => readClock(request.getResponseHeader("date")),
    }),
  );
}

export function act<Answer extends object>(
  path: string,
  order: object = {},
): Promise<Answer | NoAnswer> {
  return answerOf("note.forbidden", () =>
    $.ajax({
      url: `m1-connection/${path}`,
      method: "POST",
      contentType: "application/json",
      data: JSON.stringify(order),
      dataType: "json",
      timeout: DEADLINE.act,
    }),
  );
}

/** Has the browser save what is under a path: a link would go without the user's token. */
export async function download(path: string, fileName: string): Promise<NoAnswer | undefined> {
  const request = new XMLHttpRequest();
  const answer = await answerOf<Blob>("sidebar.mayNotLook", () =>
    $.ajax({
      url: `m1-connection/${path}`,
      // Of another type than jQuery knows, so that it leaves the answer as it is.
      dataType: "binary",
      xhr: () => request,
      xhrFields: { responseType: "blob" },
      timeout: DEADLINE.download,
    }),
  );
  const content = request.response as Blob | null;
  // jQuery does not read what such a request answers.
  if (content?.type.split(";")[0] === "application/json") {
    return told(JSON.parse(await content.text()));
  }
  if (answer instanceof NoAnswer) return answer;
  save(answer, fileName);
  return undefined;
}

function readClock(header: string | null): void {
  const now = Date.parse(header ?? "");
  if (!Number.isNaN(now)) setRuntimeClock(now);
}

async function answerOf<Answer extends object>(
  forbidden: string,
  ask: () => JQuery.jqXHR<Answer | { error: ToldError }>,
): Promise<Answer | NoAnswer> {
  try {
    const answer = await ask();
    return isTold(answer) ? told(answer) : answer;
  } catch (error) {
    const { status, responseJSON } = error as JQuery.jqXHR;
    if (status === undefined) throw error;
    if (responseJSON?.error?.code) return told(responseJSON);
    const isForbidden = status === 401 || status === 403;
    return new NoAnswer(shared(isForbidden ? forbidden : "note.noAnswer"), isForbidden);
  }
}

/** A count says beside its error how many it was about, and is an answer. */
function isTold(answer: object): answer is { error: ToldError } {
  return "error" in answer && !("count" in answer);
}

function told({ error }: { readonly error: ToldError }): NoAnswer {
  return new NoAnswer(translateError(error));
}

function save(content: Blob, fileName: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = fileName;
  link.click();
  // The browser has begun by then, and keeps what it reads.
  setTimeout(() => URL.revokeObjectURL(link.href));
}
