// An address that can be opened, of what listens at every address of this computer.

/** `http://0.0.0.0:61680` as `http://127.0.0.1:61680`; any other address as it is. */
export function reachable(url: string): string {
  return url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:");
}
