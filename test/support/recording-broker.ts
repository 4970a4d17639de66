// A broker that notes when it receives and acknowledges each numbered event, does the latter slowly, and may be away.
import { once } from "node:events";
import type { Socket } from "node:net";
import { numberOf, ScriptedBroker } from "./scripted-broker";

/** Milliseconds between two bundles of acknowledgements. */
const TICK = 20;

/** Of one user, by the numbers of the events. */
export class UserRecord {
  readonly received = new Map<number, { readonly at: number; readonly payload: string }>();
  readonly firstAcknowledged = new Map<number, number>();
  readonly lastAcknowledged = new Map<number, number>();

  wasAcknowledged(number: number, moment: number): boolean {
    return (this.firstAcknowledged.get(number) ?? Number.POSITIVE_INFINITY) <= moment;
  }
}

interface Unacknowledged {
  readonly socket: Socket;
  readonly acknowledge: () => void;
}

export class RecordingBroker {
  readonly #records = new Map<string, UserRecord>();
  #waiting: Unacknowledged[] = [];
  #isAway = false;
  readonly #broker: ScriptedBroker;
  readonly #timer: NodeJS.Timeout;

  private constructor(broker: ScriptedBroker, acknowledgedPerSecond: number) {
    this.#broker = broker;
    const atOnce = (acknowledgedPerSecond * TICK) / 1_000;
    this.#timer = setInterval(() => this.#acknowledge(atOnce), TICK);
  }

  static async start(acknowledgedPerSecond: number): Promise<RecordingBroker> {
    const script = await ScriptedBroker.start((packet, reply, socket) => {
      script.packets.length = 0;
      if (packet.cmd === "connect" && broker.#isAway) {
        socket.destroy();
        return true;
      }
      if (packet.cmd !== "publish") return false;
      const record = broker.of(packet.topic.split("/")[2] ?? "");
      const number = numberOf(packet);
      if (!record.received.has(number)) {
        record.received.set(number, { at: seconds(), payload: packet.payload.toString() });
      }
      const acknowledge = () => {
        const at = seconds();
        if (!record.firstAcknowledged.has(number)) record.firstAcknowledged.set(number, at);
        record.lastAcknowledged.set(number, at);
        reply({ cmd: "puback", messageId: packet.messageId ?? 0 });
      };
      broker.#waiting.push({ socket, acknowledge });
      return true;
    });
    const broker = new RecordingBroker(script, acknowledgedPerSecond);
    return broker;
  }

  get url(): string {
    return this.#broker.url;
  }

  of(user: string): UserRecord {
    const record = this.#records.get(user) ?? new UserRecord();
    this.#records.set(user, record);
    return record;
  }

  /** Resolves once it has received this event from each of these users. */
  async has(number: number, users: readonly string[]): Promise<void> {
    while (users.some((user) => !this.of(user).received.has(number))) {
      await once(this.#broker, "packet");
      // The script comes after the event.
      await new Promise(setImmediate);
    }
  }

  /** Begins new records. */
  forget(): void {
    this.#records.clear();
  }

  /** What it has acknowledged arrives before it goes. */
  leave(): void {
    this.#isAway = true;
    this.#waiting = [];
    for (const socket of this.#broker.sockets) socket.end();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#broker.stop();
  }

  #acknowledge(count: number): void {
    for (const { socket, acknowledge } of this.#waiting.splice(0, count)) {
      if (socket.writable) acknowledge();
    }
  }
}

/** Since 1970, as strace counts them. */
export function seconds(): number {
  return (performance.timeOrigin + performance.now()) / 1_000;
}
