// The conversation with the REST API keeps its bounds, whatever a server answers.
import assert from "node:assert/strict";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Answer, RestConversation } from "../../nodes/admin/rest-client";
import type { ErrorCode, M1Error } from "../../nodes/protocol/errors";
import { certificate } from "../support/certificates";
import { type RawServer, rawServer } from "../support/connections";

const LIMIT = 65_536;

describe("a conversation with the REST API", () => {
  let server: Server;
  let restUrl: string;
  let respond: (response: ServerResponse) => void;
  const others: RawServer[] = [];

  beforeEach(async () => {
    server = createServer((_request, response) => respond(response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    restUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await Promise.all(others.splice(0).map((other) => other.stop()));
  });

  function asked(url = restUrl, deadline?: number): Promise<Answer> {
    const call = { method: "GET", path: "users/me", loginId: "me", meanings: {} } as const;
    return new RestConversation(url, deadline).ask(call);
  }

  async function failureOf(url?: string, deadline?: number): Promise<M1Error> {
    const result: Answer | M1Error = await asked(url, deadline).catch((error: M1Error) => error);
    if (!(result instanceof Error)) throw new Error("there was an answer");
    assert.doesNotMatch(result.message, /undefined|__/);
    return result;
  }

  it("takes an answer of 64 KB, packed or not", async () => {
    const text = "x".repeat(LIMIT);
    respond = (response) => response.end(text);
    assert.equal((await asked()).text, text);
    respond = (response) => response.setHeader("content-encoding", "gzip").end(gzipSync(text));
    assert.equal((await asked()).text, text);
  });

  const packed = (unpackedBytes: number) => gzipSync(Buffer.alloc(unpackedBytes));
  const unusable: [string, ErrorCode, (response: ServerResponse) => void][] = [
    ["is a byte longer", "REST_TOO_LONG", (response) => response.end("x".repeat(LIMIT + 1))],
    ["never ends", "REST_TOO_LONG", (response) => pour(response, Buffer.alloc(LIMIT))],
    [
      "unpacks to a byte more",
      "REST_TOO_LONG",
      (response) => response.setHeader("content-encoding", "gzip").end(packed(LIMIT + 1)),
    ],
    [
      "unpacks to gigabytes",
      "REST_TOO_LONG",
      (response) => {
        response.setHeader("content-encoding", "gzip");
        pour(response, packed(100_000_000));
      },
    ],
    [
      "is not what it says it is",
      "REST_UNREADABLE",
      (response) => response.setHeader("content-encoding", "gzip").end("x"),
    ],
    [
      "is packed in another way",
      "REST_UNREADABLE",
      (response) => response.setHeader("content-encoding", "br").end(brotliCompressSync("{}")),
    ],
    [
      "is packed many times",
      "REST_UNREADABLE",
      (response) => {
        const often = Array.from({ length: 1_000 }, () => "gzip").join(", ");
        response.setHeader("content-encoding", often).end(packed(1));
      },
    ],
  ];
  for (const [title, code, answer] of unusable) {
    it(`refuses an answer that ${title}, and hangs up`, async () => {
      const closed = new Promise((resolve) =>
        server.once("connection", (socket: Socket) => socket.once("close", resolve)),
      );
      respond = answer;
      assert.equal((await failureOf()).code, code);
      await closed;
    });
  }

  it("gives all of an answer one time, however slowly it comes", async () => {
    respond = (response) => {
      const timer = setInterval(() => response.write(" "), 20);
      response.once("close", () => clearInterval(timer));
    };
    const start = performance.now();
    assert.equal((await failureOf(restUrl, 200)).code, "TIMED_OUT");
    assert.ok(performance.now() - start < 1_000);
  });

  it("gives its headers no more time than its body", async () => {
    const headers = `HTTP/1.1 200 OK\r\nx: ${"y".repeat(1_000)}`;
    const slow = await rawServer((socket) => {
      let sent = 0;
      const timer = setInterval(() => {
        socket.write(headers.charAt(sent));
        sent += 1;
      }, 20);
      socket.once("close", () => clearInterval(timer));
    });
    others.push(slow);
    assert.equal((await failureOf(slow.url.replace("mqtt", "http"), 200)).code, "TIMED_OUT");
  });

  const tls = certificate();
  const strangers: [string, Parameters<typeof rawServer>, ErrorCode][] = [
    ["closes at once", [(socket) => socket.end()], "HTTP_NOT_SPOKEN"],
    [
      "resets",
      [(socket) => socket.once("data", () => socket.resetAndDestroy())],
      "HTTP_NOT_SPOKEN",
    ],
    ["greets as SSH does", [(socket) => socket.write("SSH-2.0-OpenSSH_9\r\n")], "HTTP_NOT_SPOKEN"],
    ["wants TLS", [undefined, tls], "HTTP_NOT_SPOKEN"],
  ];
  for (const [title, server, code] of strangers) {
    it(`knows a server that ${title}`, async () => {
      const other = await rawServer(...server);
      others.push(other);
      assert.equal((await failureOf(other.url.replace(/^mqtts?/, "http"))).code, code);
    });
  }

  it("knows a server without TLS where it is to use it", async () => {
    respond = (response) => response.end();
    assert.equal((await failureOf(restUrl.replace("http", "https"))).code, "TLS_NOT_SPOKEN");
  });
});

/** As long as somebody takes it. */
function pour(response: ServerResponse, bytes: Buffer): void {
  const more = () => {
    while (!response.destroyed && response.write(bytes));
    response.once("drain", more);
  };
  more();
}
