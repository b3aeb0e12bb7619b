// Ask a region's desk for one pupil's dossier, open it, and hand in a signed receipt: a JDK (17 or later) and nothing else.
// The forms: docs/pull.md and docs/envelope.md. OpenEnvelope.java, beside this file, opens what comes.
//
//   javac -d build OpenEnvelope.java AskForDossier.java
//   java -cp build AskForDossier DESK SCHOOL KEYS AUTHORITIES OUT < request.json
//
// DESK https://host:port; SCHOOL this school's BRIN and branch; KEYS a folder with its signing-1, decryption-1 and tls-1, each
// .crt and .key; AUTHORITIES trusted authorities and their revocation lists (PEM); OUT a new folder, written only when
// everything was right. The request holds a pupil's number: it comes by standard input, out of arguments and logs.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.*;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.*;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.ChronoUnit;
import java.util.*;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public final class AskForDossier {
  private static final byte[] SIGNED_DATA = hex("06092a864886f70d010702");
  private static final byte[] DATA = hex("06092a864886f70d010701");
  private static final byte[] CONTENT_TYPE = hex("06092a864886f70d010903");
  private static final byte[] MESSAGE_DIGEST = hex("06092a864886f70d010904");
  private static final byte[] SIGNING_TIME = hex("06092a864886f70d010905");
  private static final byte[] SIGNING_CERTIFICATE_V2 = hex("060b2a864886f70d010910022f");
  private static final byte[] SHA256 = hex("300b0609608648016503040201");
  private static final byte[] ECDSA_SHA256 = hex("300a06082a8648ce3d040302");
  private static final byte[] PSS_SHA256 =
      hex(
          "304106092a864886f70d01010a3034a00f300d06096086480165030402010500a11c301a06092a864886f70d010108"
              + "300d06096086480165030402010500a203020120");
  private static final byte[] ONE = hex("020101");

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  private static String hex(byte[] data) {
    return HexFormat.of().formatHex(data);
  }

  private static byte[] sha256(byte[] data) throws GeneralSecurityException {
    return MessageDigest.getInstance("SHA-256").digest(data);
  }

  /** One DER element around parts that are DER already. */
  private static byte[] der(int tag, byte[]... parts) {
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    for (byte[] part : parts) body.writeBytes(part);
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(tag);
    int length = body.size();
    if (length < 0x80) {
      out.write(length);
    } else if (length < 0x100) {
      out.writeBytes(new byte[] {(byte) 0x81, (byte) length});
    } else {
      out.writeBytes(new byte[] {(byte) 0x82, (byte) (length >> 8), (byte) length}); // a receipt is under 64 KiB
    }
    out.writeBytes(body.toByteArray());
    return out.toByteArray();
  }

  /** CMS SignedData around content, with the four signed attributes of the format. */
  static byte[] sign(byte[] content, PrivateKey key, X509Certificate certificate, Instant at)
      throws GeneralSecurityException {
    String second = DateTimeFormatter.ofPattern("yyMMddHHmmss'Z'").withZone(ZoneOffset.UTC).format(at);
    byte[] named = der(0x30, der(0x30, der(0x30, der(0x04, sha256(certificate.getEncoded())))));
    byte[][] attributes = { // in the order of their encodings, as DER wants a set
      der(0x30, CONTENT_TYPE, der(0x31, DATA)),
      der(0x30, SIGNING_TIME, der(0x31, der(0x17, second.getBytes(StandardCharsets.US_ASCII)))),
      der(0x30, MESSAGE_DIGEST, der(0x31, der(0x04, sha256(content)))),
      der(0x30, SIGNING_CERTIFICATE_V2, der(0x31, named)),
    };
    boolean rsa = key.getAlgorithm().equals("RSA");
    Signature signature = Signature.getInstance(rsa ? "RSASSA-PSS" : "SHA256withECDSA");
    if (rsa) signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
    signature.initSign(key);
    signature.update(der(0x31, attributes)); // signed as a SET, sent as [0]
    byte[] signer =
        der(
            0x30,
            ONE,
            der(0x30, certificate.getIssuerX500Principal().getEncoded(), der(0x02, certificate.getSerialNumber().toByteArray())),
            SHA256,
            der(0xa0, attributes),
            rsa ? PSS_SHA256 : ECDSA_SHA256,
            der(0x04, signature.sign()));
    byte[] inside = der(0x30, DATA, der(0xa0, der(0x04, content)));
    byte[] signed =
        der(0x30, ONE, der(0x31, SHA256), inside, der(0xa0, certificate.getEncoded()), der(0x31, signer));
    return der(0x30, SIGNED_DATA, der(0xa0, signed));
  }

  private static List<X509Certificate> certificates(Path file) throws Exception {
    List<X509Certificate> found = new ArrayList<>();
    Matcher one =
        Pattern.compile("-----BEGIN CERTIFICATE-----([^-]+)-----END").matcher(Files.readString(file));
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    while (one.find()) {
      byte[] encoded = Base64.getMimeDecoder().decode(one.group(1));
      found.add((X509Certificate) factory.generateCertificate(new ByteArrayInputStream(encoded)));
    }
    return found;
  }

  private static PrivateKey key(Path file, Certificate certificate) throws Exception {
    Matcher found = Pattern.compile("-----BEGIN PRIVATE KEY-----([^-]+)-----END").matcher(Files.readString(file));
    if (!found.find()) throw new IOException("no PKCS#8 key in " + file.getFileName());
    byte[] encoded = Base64.getMimeDecoder().decode(found.group(1));
    return KeyFactory.getInstance(certificate.getPublicKey().getAlgorithm())
        .generatePrivate(new PKCS8EncodedKeySpec(encoded));
  }

  private static HttpClient client(Path keys, Path authorities) throws Exception {
    Certificate[] chain = certificates(keys.resolve("tls-1.crt")).toArray(Certificate[]::new);
    char[] password = "in memory only".toCharArray();
    KeyStore mine = KeyStore.getInstance("PKCS12");
    mine.load(null, null);
    mine.setKeyEntry("tls", key(keys.resolve("tls-1.key"), chain[0]), password, chain);
    KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    own.init(mine, password);
    KeyStore trusted = KeyStore.getInstance("PKCS12");
    trusted.load(null, null);
    for (X509Certificate one : certificates(authorities)) trusted.setCertificateEntry(one.getSerialNumber().toString(), one);
    TrustManagerFactory others = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    others.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(own.getKeyManagers(), others.getTrustManagers(), null);
    return HttpClient.newBuilder()
        .sslContext(context)
        .version(HttpClient.Version.HTTP_1_1)
        .connectTimeout(Duration.ofSeconds(10))
        .build();
  }

  private static HttpResponse<byte[]> post(HttpClient client, String address, String type, byte[] body, String message)
      throws Exception {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", type)
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
    if (message != null) request.header("Overstap-Message-Id", message);
    return client.send(request.build(), HttpResponse.BodyHandlers.ofByteArray());
  }

  public static void main(String[] given) throws Exception {
    if (given.length != 5) {
      System.err.println("AskForDossier DESK SCHOOL KEYS AUTHORITIES OUT < request.json");
      System.exit(64);
    }
    String desk = given[0], school = given[1];
    Path keys = Path.of(given[2]), authorities = Path.of(given[3]), out = Path.of(given[4]);
    HttpClient client = client(keys, authorities);
    HttpResponse<byte[]> answer =
        post(client, desk + "/v1/requests", "application/json", System.in.readAllBytes(), null);
    if (answer.statusCode() != 200) {
      System.err.write(answer.body());
      System.err.flush();
      System.exit(3); // no dossier: the answer says why
    }
    String message = answer.headers().firstValue("Overstap-Message-Id").orElseThrow();

    // Store first, then confirm: the example that opens leaves nothing unless every check passed, and ends the program then
    Path envelope = Files.createTempFile("envelope", ".cms"); // readable for its owner only
    try {
      Files.write(envelope, answer.body());
      String decryption = keys.resolve("decryption-1.key").toString();
      OpenEnvelope.main(new String[] {envelope.toString(), school, decryption, authorities.toString(), out.toString()});
    } finally {
      Files.delete(envelope);
    }
    Instant at = Instant.now().truncatedTo(ChronoUnit.SECONDS);
    String receipt =
        ("{\"format\":\"overstap-receipt/1\",\"message_id\":\"%s\",\"envelope_sha256\":\"%s\",\"manifest_sha256\":\"%s\","
                + "\"outcome\":\"accepted\",\"refusal\":null,\"received_at\":\"%s\","
                + "\"receiver\":{\"oin\":\"00000007000%s000\",\"school\":\"%s\"},\"software\":\"Java example\"}")
            .formatted(
                message, hex(sha256(answer.body())), hex(sha256(Files.readAllBytes(out.resolve("manifest.json")))), at, school, school);
    X509Certificate certificate = certificates(keys.resolve("signing-1.crt")).get(0);
    PrivateKey signing = key(keys.resolve("signing-1.key"), certificate);
    byte[] signed = sign(receipt.getBytes(StandardCharsets.UTF_8), signing, certificate, at);
    HttpResponse<byte[]> taken = post(client, desk + "/v1/receipts", "application/cms", signed, message);
    System.out.write(taken.body());
    System.out.flush();
    System.exit(taken.statusCode() == 200 ? 0 : 1);
  }
}
