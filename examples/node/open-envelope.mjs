// Open one delivery envelope with Node 18 or later and nothing else. The format: docs/envelope.md.
//
//   node open-envelope.mjs ENVELOPE SCHOOL KEY AUTHORITIES OUT
//
// ENVELOPE what was received; SCHOOL this school's BRIN and branch; KEY its private decryption key (PEM); AUTHORITIES the
// trusted authorities' certificates (PEM, roots among them); OUT a new folder, written only when everything was right.
// Node has no revocation check: do it with your platform's PKI before you import.

import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

const OID = {
  signedData: "2a864886f70d010702", data: "2a864886f70d010701", authEnvelopedData: "2a864886f70d0109100117",
  aes256gcm: "60864801650304012e", contentType: "2a864886f70d010903", messageDigest: "2a864886f70d010904",
  signingCertificateV2: "2a864886f70d010910022f", ecdsaSha256: "2a8648ce3d040302", pss: "2a864886f70d01010a",
  ecdhSha256: "2b8104010b01", oaep: "2a864886f70d010107",
};
const SHARED_INFO = Buffer.from("3015300b060960864801650304012da206040400000100", "hex");
const P256_KEY = Buffer.from("3059301306072a8648ce3d020106082a8648ce3d030107034200", "hex");
const sha256 = (data) => crypto.createHash("sha256").update(data).digest();

function need(condition, message) {
  if (!condition) throw new Error(message);
}

// DER: one element at a time, definite lengths only, never past its parent's end.
function element(data, start = 0) {
  need(start + 2 <= data.length, "DER too short");
  let length = data[start + 1], head = 2;
  if (length >= 0x80) {
    const octets = length & 0x7f;
    need(octets >= 1 && octets <= 4 && start + 2 + octets <= data.length, "DER length");
    length = data.readUIntBE(start + 2, octets);
    head += octets;
  }
  const end = start + head + length;
  need(end <= data.length, "DER length overrun");
  return { tag: data[start], body: data.subarray(start + head, end), whole: data.subarray(start, end), end };
}
function children(found, tag) {
  need(found.tag === tag, "DER element of another kind");
  const parts = [];
  for (let at = 0; at < found.body.length; at = parts.at(-1).end) parts.push(element(found.body, at));
  return parts;
}
function content(data, oid) {
  const outer = element(data);
  need(outer.end === data.length, "bytes behind the end");
  const [kind, explicit] = children(outer, 0x30);
  need(kind.body.toString("hex") === oid, "another content type");
  return children(children(explicit, 0xa0)[0], 0x30);
}
const oidOf = (algorithm) => children(algorithm, 0x30)[0].body.toString("hex");

function decrypt(data, key) {
  const [, recipients, encrypted, tag] = content(data, OID.authEnvelopedData);
  const infos = recipients.body.length ? [element(recipients.body)] : [];
  need(infos.length === 1 && infos[0].end === recipients.body.length, "not exactly one recipient");
  let contentKey;
  if (infos[0].tag === 0x30) {
    const [, , algorithm, wrapped] = children(infos[0], 0x30);
    need(oidOf(algorithm) === OID.oaep, "another key transport");
    const how = { key, padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: "sha256" };
    contentKey = crypto.privateDecrypt(how, wrapped.body);
  } else {
    const [, originator, algorithm, keys] = children(infos[0], 0xa1);
    need(oidOf(algorithm) === OID.ecdhSha256, "another key agreement");
    const point = children(children(originator, 0xa0)[0], 0xa1)[1].body.subarray(1);
    const publicKey = crypto.createPublicKey({ key: Buffer.concat([P256_KEY, point]), format: "der", type: "spki" });
    const secret = crypto.diffieHellman({ privateKey: key, publicKey });
    const wrapping = sha256(Buffer.concat([secret, Buffer.from("00000001", "hex"), SHARED_INFO]));
    const wrapped = children(children(keys, 0x30)[0], 0x30)[1].body;
    const unwrap = crypto.createDecipheriv("id-aes256-wrap", wrapping, Buffer.alloc(8, 0xa6));
    contentKey = Buffer.concat([unwrap.update(wrapped), unwrap.final()]);
  }
  const [, algorithm, ciphertext] = children(encrypted, 0x30);
  const [cipher, parameters] = children(algorithm, 0x30);
  need(cipher.body.toString("hex") === OID.aes256gcm && tag.body.length === 16, "another cipher");
  const gcm = crypto.createDecipheriv("aes-256-gcm", contentKey, children(parameters, 0x30)[0].body);
  gcm.setAuthTag(tag.body);
  return Buffer.concat([gcm.update(ciphertext.body), gcm.final()]);
}

function verify(data, authorities) {
  const [, , encapsulated, certificates, signers] = content(data, OID.signedData);
  const text = children(children(encapsulated, 0x30)[1], 0xa0)[0].body;
  const certificate = new crypto.X509Certificate(element(certificates.body).whole);
  const infos = children(signers, 0x31);
  need(infos.length === 1, "not exactly one signature");
  const [, , , attributes, algorithm, signature] = children(infos[0], 0x30);
  const values = new Map();
  for (const attribute of children(attributes, 0xa0)) {
    const [kind, set] = children(attribute, 0x30);
    need(!values.has(kind.body.toString("hex")), "a signed attribute twice");
    values.set(kind.body.toString("hex"), element(set.body));
  }
  need(values.get(OID.messageDigest)?.body.equals(sha256(text)), "the content was changed");
  need(values.get(OID.contentType)?.body.toString("hex") === OID.data, "another content");
  const named = children(children(values.get(OID.signingCertificateV2), 0x30)[0], 0x30)[0];
  need(children(named, 0x30)[0].body.equals(sha256(certificate.raw)), "another signing certificate");
  const signed = Buffer.concat([Buffer.from([0x31]), attributes.whole.subarray(1)]);
  const key = certificate.publicKey;
  const pss = { key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
  const right = key.asymmetricKeyType === "rsa" ? OID.pss : OID.ecdsaSha256;
  need(oidOf(algorithm) === right, "another signature algorithm");
  need(crypto.verify("sha256", signed, right === OID.pss ? pss : key, signature.body), "the signature is wrong");
  chain(certificate, authorities);
  return { text, oin: /^serialNumber=(.*)$/m.exec(certificate.subject)?.[1] };
}

function chain(certificate, authorities) {
  let current = certificate;
  for (let step = 0; step < 5; step += 1) {
    need(Date.now() >= Date.parse(current.validFrom) && Date.now() <= Date.parse(current.validTo), "certificate expired");
    const issuer = authorities.find((one) => one.ca && current.checkIssued(one) && current.verify(one.publicKey));
    need(issuer, "not issued by a trusted authority");
    if (issuer.checkIssued(issuer)) return;
    current = issuer;
  }
  throw new Error("chain too long");
}

function unpack(zip) {
  const end = zip.length - 22;
  need(end > 0 && zip.readUInt32LE(end) === 0x06054b50, "not a package");
  const files = new Map();
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left -= 1) {
    need(zip.readUInt32LE(at) === 0x02014b50, "not a package");
    const [how, packed, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20), zip.readUInt32LE(at + 24)];
    const [nameLength, local] = [zip.readUInt16LE(at + 28), zip.readUInt32LE(at + 42)];
    const name = zip.toString("latin1", at + 46, at + 46 + nameLength);
    need(/^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9]+){1,2}$/.test(name) && !files.has(name), "a file name not allowed");
    const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const data = zip.subarray(from, from + packed);
    need(size <= 64 * 1024 * 1024, "a file too large");
    const file = how === 0 ? data : zlib.inflateRawSync(data, { maxOutputLength: Math.max(size, 1) });
    need(file.length === size, "a file of another size");
    files.set(name, file);
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
  return files;
}

const [envelope, school, keyFile, authoritiesFile, out] = process.argv.slice(2);
if (!out) {
  console.error("open-envelope.mjs ENVELOPE SCHOOL KEY AUTHORITIES OUT");
  process.exit(64);
}
try {
  const pem = fs.readFileSync(authoritiesFile, "utf8");
  const found = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const authorities = found.map((one) => new crypto.X509Certificate(one));
  const signed = decrypt(fs.readFileSync(envelope), crypto.createPrivateKey(fs.readFileSync(keyFile)));
  const { text, oin } = verify(signed, authorities);
  const files = unpack(text);
  const manifest = JSON.parse(files.get("manifest.json").toString("utf8"));
  need(manifest.format === "overstap-envelope/1", "another version of the format");
  need(oin && manifest.sender.oin === oin, "signed by another than the sender");
  need(manifest.recipient.school === school, "not for this school");
  need(manifest.files.length === files.size - 1, "other files than the manifest names");
  for (const { name, size, sha256: digest } of manifest.files) {
    const file = files.get(name);
    need(file && file.length === size && sha256(file).toString("hex") === digest, "a file is not as the manifest says");
  }
  fs.mkdirSync(out, { mode: 0o700 });
  for (const [name, file] of files) fs.writeFileSync(path.join(out, name), file, { mode: 0o600, flag: "wx" });
} catch (error) {
  console.error(`refused: ${error.message}`);
  process.exit(4);
}
