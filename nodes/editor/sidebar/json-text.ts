// JSON with line breaks, for a person to read: every value stays as it was written, however long its digits.

const INDENT = "  ";

/** A text in quotes, an empty list or object, white space, or one character of what is around them. */
const TOKEN = /"(?:[^"\\]|\\.)*"|\{\s*\}|\[\s*\]|\s+|\S/g;

/** What is no JSON comes out as it is, as far as nobody can tell. */
export function prettyJson(text: string): string {
  let depth = 0;
  const line = () => `\n${INDENT.repeat(Math.max(0, depth))}`;
  const written = (token: string): string => {
    if (/^\s/.test(token)) return "";
    if (token === ",") return `,${line()}`;
    if (token === ":") return ": ";
    if (token === "{" || token === "[") {
      depth += 1;
      return token + line();
    }
    if (token === "}" || token === "]") {
      depth -= 1;
      return line() + token;
    }
    return token.length > 1 && /^[{[]/.test(token) ? token.replace(/\s/g, "") : token;
  };
  return isJson(text) ? text.replace(TOKEN, written) : text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
