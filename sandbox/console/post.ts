// Asks the sandbox to do something.

/** The answer; rejects with an Error in the sandbox's words. */
export async function post<Answer>(path: string, body: unknown): Promise<Answer> {
  const response = await asked(path, body);
  const answer = await response.json();
  if (response.ok) return answer;
  throw new Error((answer as { error: string }).error);
}

async function asked(path: string, body: unknown): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch (cause) {
    // The browser's own words differ, and none of them tells more.
    throw new Error("The sandbox is not reachable", { cause });
  }
}
