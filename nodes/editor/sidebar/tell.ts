// How an action went, in a notification of Node-RED's: as text, whatever it quotes.

export function tell(words: string, type: "success" | "warning" | "error"): void {
  RED.notify($("<p>").text(words), type);
}
