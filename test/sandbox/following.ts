// A page of the console for tests: it follows the feed of server-sent events.
import type { Batch, Snapshot } from "../../sandbox/http/console/console-messages";

export interface Following {
  readonly snapshot: Snapshot;
  /** The next news for which `matches` holds; those before are passed to it too. */
  next(matches: (batch: Batch) => boolean): Promise<Batch>;
  close(): void;
}

export async function follow(url: string): Promise<Following> {
  const aborted = new AbortController();
  const response = await fetch(url, { signal: aborted.signal });
  const messages = messagesOf(response.body as unknown as AsyncIterable<Uint8Array>);
  const first = await messages.next();
  const listeners = new Set<(batch: Batch) => void>();
  void hear(messages, listeners);
  return {
    snapshot: first.value as Snapshot,
    next: (matches) =>
      new Promise((resolve) => {
        const listener = (batch: Batch) => {
          if (!matches(batch)) return;
          listeners.delete(listener);
          resolve(batch);
        };
        listeners.add(listener);
      }),
    close: () => aborted.abort(),
  };
}

async function hear(
  messages: AsyncGenerator<unknown>,
  listeners: ReadonlySet<(batch: Batch) => void>,
): Promise<void> {
  try {
    for await (const message of messages) {
      for (const listener of listeners) listener(message as Batch);
    }
  } catch (error) {
    if ((error as Error).name !== "AbortError") throw error;
  }
}

async function* messagesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split("\n\n");
    text = parts.pop() ?? "";
    for (const part of parts) {
      const data = /^data: (.*)$/m.exec(part)?.[1];
      if (data !== undefined) yield JSON.parse(data);
    }
  }
}
