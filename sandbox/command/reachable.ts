// How what listens at every address of this computer is reached: from here, and from elsewhere in the network.
import { hostname, networkInterfaces } from "node:os";

const EVERY_ADDRESS = /\/\/(0\.0\.0\.0|\[::\]):/;

/** `http://0.0.0.0:61680` as `http://127.0.0.1:61680`; any other address as it is. */
export function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}

/** `http://0.0.0.0:61680` with each address of this computer that others have for it; nothing for any other. */
export function elsewhere(url: string, interfaces = networkInterfaces()): string[] {
  const [every, address] = EVERY_ADDRESS.exec(url) ?? [];
  if (every === undefined) return [];
  return Object.values(interfaces)
    .flatMap((addresses = []) => addresses)
    .filter(({ internal, family }) => !internal && (family === "IPv4" || address === "[::]"))
    .map(({ address: own }) => own)
    .filter((own) => !own.startsWith("fe80:"))
    .map((own) => url.replace(every, `//${own.includes(":") ? `[${own}]` : own}:`));
}

/** What others in the network may call this computer. */
export function ownNames(name = hostname()): string[] {
  const [host = name] = name.split(".");
  return [...new Set([name, host, `${host}.local`])];
}
