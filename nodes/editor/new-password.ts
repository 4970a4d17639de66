// A password for a new user: long, and with every kind of character that a server may ask for.

/** Without those that a person takes for another: I l 1 O 0. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";

const KINDS = [/[A-Z]/, /[a-z]/, /\d/];

/** Twenty characters in groups of five, some 115 bits of chance. */
export function newPassword(): string {
  for (;;) {
    const characters = Array.from({ length: 20 }, () => ALPHABET.charAt(below(ALPHABET.length)));
    const password = characters.join("").replace(/.{5}(?=.)/g, "$&-");
    if (KINDS.every((kind) => kind.test(password))) return password;
  }
}

/** Each number from 0 to below `limit` with the same chance. */
function below(limit: number): number {
  for (;;) {
    const [byte = 0] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < 256 - (256 % limit)) return byte % limit;
  }
}
