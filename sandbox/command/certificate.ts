// A certificate that signs itself, for TLS on one's own computer: X.509 (RFC 5280) written in DER.
//
// By hand, as keys and signature are those of Node.js and only the form is left to do, in 70 lines. The
// package selfsigned would do it with 19 more, among them PKCS #12, CMS, a container for dependency
// injection and a change of the global Reflect: 790 kB in a command of 290 (360 minified), and 100 ms
// to load. @peculiar/x509, which it is made of, is 776 of them.
import { generateKeyPairSync, randomBytes, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { createSecureContext } from "node:tls";

export interface Certificate {
  /** Both PEM. */
  readonly key: string;
  readonly cert: string;
}

const YEARS = 10;

const OID = {
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
} as const;

/** The message says which folder, and what is wrong with it. */
export class CertificateError extends Error {}

/** The certificate in a folder; made there if the folder has none. Rejects with CertificateError. */
export async function certificateIn(folder: string): Promise<Certificate & { file: string }> {
  const file = path.join(folder, "cert.pem");
  const keyFile = path.join(folder, "key.pem");
  try {
    // Half of one is somebody's mistake, and not to be written over.
    if (!existsSync(file) && !existsSync(keyFile)) await makeIn(folder, keyFile, file);
    const [key, cert] = await Promise.all([readFile(keyFile, "utf8"), readFile(file, "utf8")]);
    createSecureContext({ key, cert });
    return { key, cert, file };
  } catch (cause) {
    const { message } = cause as Error;
    throw new CertificateError(`${folder} has no certificate that can be used: ${message}`, {
      cause,
    });
  }
}

async function makeIn(folder: string, keyFile: string, file: string): Promise<void> {
  const { key, cert } = selfSigned();
  await mkdir(folder, { recursive: true });
  await writeFile(keyFile, key, { mode: 0o600 });
  await writeFile(file, cert);
}

/** For localhost, 127.0.0.1 and ::1, valid for ten years from yesterday. */
export function selfSigned(now = new Date()): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = sequence(oid(OID.ecdsaWithSha256));
  const from = new Date(now.getTime() - 24 * 60 * 60 * 1000);
  const until = new Date(from);
  until.setUTCFullYear(until.getUTCFullYear() + YEARS);
  const name = sequence(
    tagged(0x31, sequence(oid(OID.commonName), tagged(0x0c, Buffer.from("m1-sandbox")))),
  );
  const body = sequence(
    // Version 3 is written as 2.
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    // Positive, and never so small that it would need another form.
    tagged(0x02, Buffer.concat([Buffer.from([0x40]), randomBytes(15)])),
    algorithm,
    name,
    sequence(time(from), time(until)),
    name,
    publicKey.export({ type: "spki", format: "der" }),
    tagged(
      0xa3,
      sequence(
        extension(OID.subjectAltName, names()),
        extension(OID.basicConstraints, isAuthority()),
      ),
    ),
  );
  const signature = sign("sha256", body, privateKey);
  const whole = sequence(
    body,
    algorithm,
    tagged(0x03, Buffer.concat([Buffer.from([0]), signature])),
  );
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: pem(whole),
  };
}

/** Clients that trust this certificate take it for its own authority. */
function isAuthority(): Buffer {
  return sequence(tagged(0x01, Buffer.from([0xff])));
}

function names(): Buffer {
  return sequence(
    tagged(0x82, Buffer.from("localhost")),
    tagged(0x87, Buffer.from([127, 0, 0, 1])),
    tagged(0x87, Buffer.concat([Buffer.alloc(15), Buffer.from([1])])),
  );
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), tagged(0x04, value));
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function oid(bytes: readonly number[]): Buffer {
  return tagged(0x06, Buffer.from(bytes));
}

/** Two digits of the year until 2049, four from then on (RFC 5280, 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, "");
  return date.getUTCFullYear() < 2050
    ? tagged(0x17, Buffer.from(digits.slice(2)))
    : tagged(0x18, Buffer.from(digits));
}

/** Tag, length, value; lengths from 128 on are given in bytes of their own. */
function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const bytes =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...bytes]), value]);
}

function pem(der: Buffer): string {
  const lines = der.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}
