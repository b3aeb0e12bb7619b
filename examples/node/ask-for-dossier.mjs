// Ask a region's desk for one pupil's dossier, open it, and hand in a signed receipt: Node 18 or later and nothing else.
// The forms: docs/pull.md and docs/envelope.md. open-envelope.mjs, beside this file, opens what comes.
//
//   node ask-for-dossier.mjs DESK SCHOOL KEYS AUTHORITIES OUT < request.json
//
// DESK https://host:port; SCHOOL this school's BRIN and branch; KEYS a folder with its signing-1, decryption-1 and tls-1, each
// .crt and .key; AUTHORITIES the trusted authorities' certificates (PEM); OUT a new folder, written only when everything was
// right. The request holds a pupil's number: it comes by standard input, out of arguments and logs.

import { spawnSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const [desk, school, keys, authorities, out] = process.argv.slice(2);
if (!out) {
  console.error("ask-for-dossier.mjs DESK SCHOOL KEYS AUTHORITIES OUT < request.json");
  process.exit(64);
}
const read = (name) => fs.readFileSync(path.join(keys, name));
const sha256 = (data) => crypto.createHash("sha256").update(data).digest();
const hex = (text) => Buffer.from(text, "hex");

const pem = fs.readFileSync(authorities, "utf8").match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g);
const agent = new https.Agent({ cert: read("tls-1.crt"), key: read("tls-1.key"), ca: pem, keepAlive: true });

function post(where, type, body, message) {
  const headers = { "Content-Type": type, "Content-Length": body.length };
  if (message) headers["Overstap-Message-Id"] = message;
  return new Promise((resolve, reject) => {
    const request = https.request(desk + where, { method: "POST", agent, headers, timeout: 60_000 }, (answer) => {
      const parts = [];
      answer.on("data", (part) => parts.push(part));
      answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer within a minute")));
    request.on("error", reject);
    request.end(body);
  });
}

// One DER element around parts that are DER already.
function der(tag, ...parts) {
  const body = Buffer.concat(parts);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  if (body.length < 0x100) return Buffer.concat([Buffer.from([tag, 0x81, body.length]), body]);
  return Buffer.concat([Buffer.from([tag, 0x82, body.length >> 8, body.length & 0xff]), body]); // under 64 KiB
}

const OID = {
  signedData: hex("06092a864886f70d010702"), data: hex("06092a864886f70d010701"),
  contentType: hex("06092a864886f70d010903"), messageDigest: hex("06092a864886f70d010904"),
  signingTime: hex("06092a864886f70d010905"), signingCertificateV2: hex("060b2a864886f70d010910022f"),
};
const SHA256 = hex("300b0609608648016503040201"), ONE = hex("020101");
const ECDSA_SHA256 = hex("300a06082a8648ce3d040302");
const PSS_SHA256 = hex(
  "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108" +
    "300d06096086480165030402010500a203020120",
);

// The issuer's name as it stands in a certificate, and its serial number: Node shows neither as DER.
function issuerAndSerial(certificate) {
  const at = (start) => {
    let length = certificate[start + 1], head = 2;
    if (length >= 0x80) {
      head += length & 0x7f;
      length = certificate.readUIntBE(start + 2, length & 0x7f);
    }
    return { start, inside: start + head, end: start + head + length };
  };
  const version = at(at(at(0).inside).inside);
  const serial = at(version.end);
  const issuer = at(at(serial.end).end);
  return der(0x30, certificate.subarray(issuer.start, issuer.end), certificate.subarray(serial.start, serial.end));
}

// CMS SignedData around content, with the four signed attributes of the format.
function sign(content, at) {
  const certificate = new crypto.X509Certificate(read("signing-1.crt"));
  const key = crypto.createPrivateKey(read("signing-1.key"));
  const second = at.toISOString().replace(/\D/g, "").slice(2, 14) + "Z";
  const named = der(0x30, der(0x30, der(0x30, der(0x04, sha256(certificate.raw)))));
  const attributes = [ // in the order of their encodings, as DER wants a set
    der(0x30, OID.contentType, der(0x31, OID.data)),
    der(0x30, OID.signingTime, der(0x31, der(0x17, Buffer.from(second)))),
    der(0x30, OID.messageDigest, der(0x31, der(0x04, sha256(content)))),
    der(0x30, OID.signingCertificateV2, der(0x31, named)),
  ];
  const rsa = key.asymmetricKeyType === "rsa";
  const how = rsa ? { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } : key;
  const signature = crypto.sign("sha256", der(0x31, ...attributes), how); // signed as a SET, sent as [0]
  const signer = der(
    0x30, ONE, issuerAndSerial(certificate.raw), SHA256, der(0xa0, ...attributes), rsa ? PSS_SHA256 : ECDSA_SHA256,
    der(0x04, signature),
  );
  const inside = der(0x30, OID.data, der(0xa0, der(0x04, content)));
  const signed = der(0x30, ONE, der(0x31, SHA256), inside, der(0xa0, certificate.raw), der(0x31, signer));
  return der(0x30, OID.signedData, der(0xa0, signed));
}

const answer = await post("/v1/requests", "application/json", fs.readFileSync(0));
if (answer.status !== 200) {
  process.stderr.write(answer.body);
  process.exit(3); // no dossier: the answer says why
}
const message = answer.headers["overstap-message-id"];

// Store first, then confirm: the example that opens leaves nothing unless every check passed
const work = fs.mkdtempSync(path.join(os.tmpdir(), "envelope-")); // for its owner only
try {
  const envelope = path.join(work, "envelope.cms");
  fs.writeFileSync(envelope, answer.body, { mode: 0o600 });
  const opener = path.join(path.dirname(fileURLToPath(import.meta.url)), "open-envelope.mjs");
  const given = [envelope, school, path.join(keys, "decryption-1.key"), authorities, out];
  const opened = spawnSync(process.execPath, [opener, ...given], { stdio: ["ignore", "inherit", "inherit"] });
  if (opened.status !== 0) process.exit(opened.status ?? 4);
} finally {
  fs.rmSync(work, { recursive: true });
}

const at = new Date();
const receipt = {
  format: "overstap-receipt/1", message_id: message, envelope_sha256: sha256(answer.body).toString("hex"),
  manifest_sha256: sha256(fs.readFileSync(path.join(out, "manifest.json"))).toString("hex"), outcome: "accepted",
  refusal: null, received_at: `${at.toISOString().slice(0, 19)}Z`,
  receiver: { oin: `00000007000${school}000`, school }, software: "Node example",
};
const taken = await post("/v1/receipts", "application/cms", sign(Buffer.from(JSON.stringify(receipt)), at), message);
process.stdout.write(taken.body);
agent.destroy();
process.exitCode = taken.status === 200 ? 0 : 1;
