// The child's end of `ask`: commands by name, answered over the process's channel to its parent.

// biome-ignore lint/suspicious/noExplicitAny: each command states the shape it takes.
export type Commands = Readonly<Record<string, (parameters: any) => unknown>>;

interface Request {
  readonly id: number;
  readonly command: string;
  readonly parameters: unknown;
}

export function carryOut(commands: Commands, command: string, parameters: unknown): unknown {
  const carry = commands[command];
  if (!carry) throw new Error(`unknown command: ${command}`);
  return carry(parameters);
}

export function obey(commands: Commands): void {
  process.on("message", async ({ id, command, parameters }: Request) => {
    try {
      process.send?.({ id, answer: await carryOut(commands, command, parameters) });
    } catch (error) {
      process.send?.({ id, error: String((error as Error).stack) });
    }
  });
  process.on("disconnect", () => process.exit());
}
