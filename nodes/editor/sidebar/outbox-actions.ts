// What a person can have done to an outbox: asked first where it cannot be undone, told how it went.
import type { Count, Selection } from "../../admin/outbox-answers";
import { shared, translateError } from "../explain";
import { number } from "./amounts";
import { confirmed } from "./confirm";
import { act, download, NoAnswer, pathOf } from "./requests";
import { tell } from "./tell";

/** Asks for nothing: it would connect by itself a little later. */
export async function connectNow(connection: string): Promise<void> {
  if (!mayAct()) return;
  const answer = await act(pathOf("outbox", connection, "connect"));
  if (answer instanceof NoAnswer) tell(answer.words, "error");
}

/** Resolves to whether that was done. `count` is how many wait, as far as the page knows. */
export async function emptyQueue(connection: string, count: number): Promise<boolean> {
  const question = shared("sidebar.question.empty", { count: number(count) });
  if (!(await isWanted(question, shared("sidebar.action.empty")))) return false;
  const answer = await act<Count>(pathOf("outbox", connection, "empty"));
  return isDone(answer, (emptied) => shared("sidebar.done.emptied", { count: emptied }));
}

/** Resolves to whether that was done. `count` is how many are selected, as far as the page knows. */
export async function sendAgain(
  connection: string,
  selection: Selection,
  count: number,
): Promise<boolean> {
  const question = shared("sidebar.question.sendAgain", { count: number(count) });
  if (!(await isWanted(question, shared("sidebar.action.sendAgain")))) return false;
  const answer = await act<Count>(pathOf("outbox", connection, "send-again"), selection);
  return isDone(answer, (sent) => shared("sidebar.done.sentAgain", { count: sent }));
}

/** Of the quarantine. Resolves to whether that was done. */
export async function deleteEvents(
  connection: string,
  selection: Selection,
  count: number,
): Promise<boolean> {
  const question = shared("sidebar.question.delete", { count: number(count) });
  if (!(await isWanted(question, shared("sidebar.action.delete")))) return false;
  const answer = await act<Count>(pathOf("outbox", connection, "delete"), selection);
  return isDone(answer, (deleted) => shared("sidebar.done.deleted", { count: deleted }));
}

/** Of a deleted connection. `name` is that of the one that gets the events. */
export async function handOver(
  folder: string,
  to: { readonly id: string; readonly name: string },
  count: number,
): Promise<boolean> {
  const details = { count: number(count), name: to.name };
  const question = shared("sidebar.question.handOver", details);
  if (!(await isWanted(question, shared("sidebar.action.handOver")))) return false;
  const answer = await act<Count>(pathOf("outbox-left", folder, "hand-over"), { to: to.id });
  return isDone(answer, (handed) => shared("sidebar.done.handedOver", { count: handed }));
}

/** With all that is in it: `count` events. */
export async function deleteFolder(folder: string, count: number): Promise<boolean> {
  const question = shared("sidebar.question.deleteFolder", { count: number(count) });
  if (!(await isWanted(question, shared("sidebar.action.delete")))) return false;
  const answer = await act<object>(pathOf("outbox-left", folder, "delete"));
  const words = shared("sidebar.done.deleted", { count: number(count) });
  return isDone(answer, () => words);
}

/** `name` is what the file is to be called, whatever is in it. */
export async function downloadEvents(path: string, name: string): Promise<void> {
  const failure = await download(path, `${name.replace(/[^\p{L}\p{N}._-]+/gu, "-")}.jsonl`);
  if (failure) tell(failure.words, "error");
}

async function isWanted(question: string, consent: string): Promise<boolean> {
  return mayAct() && (await confirmed(question, consent));
}

/** Nobody is asked what the runtime would refuse anyway. */
function mayAct(): boolean {
  const isAllowed = RED.user.hasPermission("m1-connection.write");
  if (!isAllowed) tell(shared("note.forbidden"), "error");
  return isAllowed;
}

function isDone(answer: Count | object | NoAnswer, words: (count: string) => string): boolean {
  if (answer instanceof NoAnswer) {
    tell(answer.words, "error");
    return false;
  }
  const { count = 0, error } = answer as Partial<Count>;
  const done = words(number(count));
  if (error) tell(`${done} – ${translateError(error)}`, "warning");
  else tell(done, "success");
  return true;
}
