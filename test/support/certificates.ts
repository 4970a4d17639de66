// Certificates good and bad, made anew by openssl so that no private key is in the repository.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ErrorCode } from "../../nodes/protocol/errors";

export interface Certificate {
  readonly key: Buffer;
  readonly cert: Buffer;
}

export interface CertificateOptions {
  /** As openssl writes it: `IP:127.0.0.1`, `DNS:broker.example`. */
  readonly altName?: string;
  /** Years of its first and last day. */
  readonly years?: readonly [number, number];
  /** Who signs it; itself unless told. */
  readonly signer?: Certificate;
}

/** A certificate that is valid for 127.0.0.1 and signs itself, unless told otherwise. */
export function certificate(options: CertificateOptions = {}): Certificate {
  const { altName = "IP:127.0.0.1", years = [2020, 2049], signer } = options;
  const folder = mkdtempSync(join(tmpdir(), "m1-certificates-"));
  const at = (name: string) => join(folder, name);
  const openssl = (...words: string[]) => execFileSync("openssl", words, { stdio: "pipe" });
  try {
    writeFileSync(at("index.txt"), "");
    writeFileSync(at("openssl.cnf"), configuration(folder, altName));
    const kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const name = `/CN=${signer ? "broker" : "authority"}`;
    const config = ["-config", at("openssl.cnf")];
    openssl(
      "req",
      ...config,
      ...kind,
      "-keyout",
      at("key.pem"),
      "-out",
      at("csr.pem"),
      "-subj",
      name,
    );
    if (signer) {
      writeFileSync(at("signer-key.pem"), signer.key);
      writeFileSync(at("signer-cert.pem"), signer.cert);
    }
    const sign = signer
      ? ["-keyfile", at("signer-key.pem"), "-cert", at("signer-cert.pem")]
      : ["-selfsign", "-keyfile", at("key.pem")];
    const [from, to] = years;
    const dates = ["-startdate", `${from}0101000000Z`, "-enddate", `${to}1231000000Z`];
    const files = ["-in", at("csr.pem"), "-out", at("cert.pem")];
    openssl("ca", "-batch", "-notext", ...config, ...sign, ...dates, ...files);
    return { key: readFileSync(at("key.pem")), cert: readFileSync(at("cert.pem")) };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What clients refuse, by the error that names it; `trusted` tells whether they trust the authority. */
export const REFUSED_CERTIFICATES: readonly {
  readonly title: string;
  readonly code: ErrorCode;
  readonly trusted: boolean;
  readonly made: (authority: Certificate) => Certificate;
}[] = [
  {
    title: "self-signed",
    code: "CERTIFICATE_SELF_SIGNED",
    trusted: false,
    made: (authority) => authority,
  },
  {
    title: "signed by an authority that nobody trusts",
    code: "CERTIFICATE_UNTRUSTED",
    trusted: false,
    made: (signer) => certificate({ signer }),
  },
  {
    title: "for another host",
    code: "CERTIFICATE_WRONG_HOST",
    trusted: true,
    made: (signer) => certificate({ signer, altName: "DNS:broker.example" }),
  },
  {
    title: "expired",
    code: "CERTIFICATE_EXPIRED",
    trusted: true,
    made: (signer) => certificate({ signer, years: [2019, 2020] }),
  },
  {
    title: "not valid yet",
    code: "CERTIFICATE_NOT_YET_VALID",
    trusted: true,
    made: (signer) => certificate({ signer, years: [2048, 2049] }),
  },
];

function configuration(folder: string, altName: string): string {
  return `
[req]
distinguished_name = name
[name]
[ca]
default_ca = authority
[authority]
new_certs_dir = ${folder}
database = ${join(folder, "index.txt")}
rand_serial = yes
default_md = sha256
policy = policy
x509_extensions = extensions
unique_subject = no
[policy]
commonName = supplied
[extensions]
basicConstraints = CA:TRUE
subjectAltName = ${altName}
`;
}
