// The certificate that signs itself (sandbox/command/certificate.ts), judged by Node.js and by a real handshake.
import { strict as assert } from "node:assert";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { CertificateError, certificateIn, selfSigned } from "../../../sandbox/command/certificate";

const DAY = 24 * 60 * 60 * 1000;

describe("sandbox: certificate", () => {
  it("is of its key, signs itself, and is for this computer alone", () => {
    const { key, cert } = selfSigned();
    const certificate = new X509Certificate(cert);
    assert.equal(certificate.checkPrivateKey(createPrivateKey(key)), true);
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.equal(certificate.checkIssued(certificate), true);
    assert.equal(certificate.ca, true);
    assert.equal(
      certificate.subjectAltName,
      "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
    );
  });

  for (const year of [2026, 2049, 2050]) {
    it(`is valid for ten years from the day before, in ${year}`, () => {
      const now = Date.UTC(year, 5, 1);
      const { validFrom, validTo } = new X509Certificate(selfSigned(new Date(now)).cert);
      assert.equal(Date.parse(validFrom), now - DAY);
      assert.equal(Date.parse(validTo), Date.UTC(year + 10, 4, 31));
    });
  }

  it("has a serial number of its own each time", () => {
    const serials = [selfSigned(), selfSigned()].map(({ cert }) => new X509Certificate(cert));
    assert.notEqual(serials[0]?.serialNumber, serials[1]?.serialNumber);
  });

  it("is kept in its folder, the key for its owner alone, and never written over", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "m1-certificate-"));
    try {
      const tls = path.join(folder, "tls");
      const made = await certificateIn(tls);
      assert.deepEqual(await certificateIn(tls), made);
      assert.equal(made.file, path.join(tls, "cert.pem"));
      assert.equal(await readFile(made.file, "utf8"), made.cert);
      if (process.platform !== "win32") {
        assert.equal((await stat(path.join(tls, "key.pem"))).mode & 0o777, 0o600);
      }
      // Half of one is left alone.
      await rm(path.join(tls, "key.pem"));
      await assert.rejects(certificateIn(tls), CertificateError);
      assert.equal(await readFile(made.file, "utf8"), made.cert);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
