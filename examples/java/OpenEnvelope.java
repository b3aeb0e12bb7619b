// Open one delivery envelope with a JDK (17 or later) and nothing else. The format: docs/envelope.md.
//
//   java OpenEnvelope.java ENVELOPE SCHOOL KEY AUTHORITIES OUT
//
// ENVELOPE what was received; SCHOOL this school's BRIN and branch; KEY its private decryption key (PKCS#8 PEM);
// AUTHORITIES the trusted authorities' certificates and revocation lists in one PEM file; OUT a new folder, written only
// when everything was right.

import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.*;
import java.security.cert.*;
import java.security.interfaces.ECPrivateKey;
import java.security.spec.*;
import java.util.*;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.OAEPParameterSpec;
import javax.crypto.spec.PSource;
import javax.crypto.spec.SecretKeySpec;

public final class OpenEnvelope {
  private static final String SIGNED_DATA = "2a864886f70d010702";
  private static final String DATA = "2a864886f70d010701";
  private static final String AUTH_ENVELOPED_DATA = "2a864886f70d0109100117";
  private static final String AES_256_GCM = "60864801650304012e";
  private static final String CONTENT_TYPE = "2a864886f70d010903";
  private static final String MESSAGE_DIGEST = "2a864886f70d010904";
  private static final String SIGNING_CERTIFICATE_V2 = "2a864886f70d010910022f";
  private static final String ECDSA_SHA256 = "2a8648ce3d040302";
  private static final String PSS = "2a864886f70d01010a";
  private static final String OAEP = "2a864886f70d010107";
  private static final String ECDH_SHA256 = "2b8104010b01";
  private static final byte[] SHARED_INFO = HexFormat.of().parseHex("3015300b060960864801650304012da206040400000100");
  private static final int LARGEST = 64 * 1024 * 1024;

  /** One DER element: definite length only, never past its parent's end. */
  private record Der(int tag, byte[] body, byte[] whole, int end) {
    static Der at(byte[] data, int start) {
      need(start + 2 <= data.length, "DER too short");
      int length = data[start + 1] & 0xff;
      int head = 2;
      if (length >= 0x80) {
        int octets = length & 0x7f;
        need(octets >= 1 && octets <= 4 && start + 2 + octets <= data.length, "DER length");
        length = new BigInteger(1, Arrays.copyOfRange(data, start + 2, start + 2 + octets)).intValueExact();
        head += octets;
      }
      need(length <= data.length - start - head, "DER length overrun");
      int end = start + head + length;
      return new Der(
          data[start] & 0xff,
          Arrays.copyOfRange(data, start + head, end),
          Arrays.copyOfRange(data, start, end),
          end);
    }

    List<Der> children(int expected) {
      need(tag == expected, "DER element of another kind");
      List<Der> parts = new ArrayList<>();
      for (int next = 0; next < body.length; next = parts.get(parts.size() - 1).end()) parts.add(at(body, next));
      return parts;
    }

    String hex() {
      return HexFormat.of().formatHex(body);
    }

    String algorithm() {
      return children(0x30).get(0).hex();
    }
  }

  private static void need(boolean condition, String message) {
    if (!condition) throw new IllegalArgumentException(message);
  }

  private static byte[] sha256(byte[]... parts) throws GeneralSecurityException {
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (byte[] part : parts) digest.update(part);
    return digest.digest();
  }

  private static List<Der> content(byte[] data, String type) {
    Der outer = Der.at(data, 0);
    need(outer.end() == data.length, "bytes behind the end");
    List<Der> parts = outer.children(0x30);
    need(parts.get(0).hex().equals(type), "another content type");
    return parts.get(1).children(0xa0).get(0).children(0x30);
  }

  private static byte[] decrypt(byte[] data, PrivateKey key) throws GeneralSecurityException {
    List<Der> enveloped = content(data, AUTH_ENVELOPED_DATA);
    List<Der> recipients = enveloped.get(1).children(0x31);
    need(recipients.size() == 1, "not exactly one recipient");
    byte[] contentKey = contentKey(recipients.get(0), key);
    List<Der> encrypted = enveloped.get(2).children(0x30);
    List<Der> algorithm = encrypted.get(1).children(0x30);
    byte[] tag = enveloped.get(3).body();
    need(algorithm.get(0).hex().equals(AES_256_GCM) && tag.length == 16, "another cipher");
    Cipher gcm = Cipher.getInstance("AES/GCM/NoPadding");
    byte[] nonce = algorithm.get(1).children(0x30).get(0).body();
    gcm.init(Cipher.DECRYPT_MODE, new SecretKeySpec(contentKey, "AES"), new GCMParameterSpec(128, nonce));
    byte[] ciphertext = encrypted.get(2).body();
    byte[] both = Arrays.copyOf(ciphertext, ciphertext.length + tag.length);
    System.arraycopy(tag, 0, both, ciphertext.length, tag.length);
    return gcm.doFinal(both);
  }

  private static byte[] contentKey(Der recipient, PrivateKey key) throws GeneralSecurityException {
    if (recipient.tag() == 0x30) {
      List<Der> transport = recipient.children(0x30);
      need(transport.get(2).algorithm().equals(OAEP), "another key transport");
      Cipher oaep = Cipher.getInstance("RSA/ECB/OAEPPadding");
      MGF1ParameterSpec mask = MGF1ParameterSpec.SHA256;
      oaep.init(
          Cipher.DECRYPT_MODE, key, new OAEPParameterSpec("SHA-256", "MGF1", mask, PSource.PSpecified.DEFAULT));
      return oaep.doFinal(transport.get(3).body());
    }
    List<Der> agreement = recipient.children(0xa1);
    need(agreement.get(2).algorithm().equals(ECDH_SHA256), "another key agreement");
    byte[] bits = agreement.get(1).children(0xa0).get(0).children(0xa1).get(1).body();
    need(bits.length == 66 && bits[0] == 0 && bits[1] == 4, "another form of point");
    ECPoint point =
        new ECPoint(
            new BigInteger(1, Arrays.copyOfRange(bits, 2, 34)), new BigInteger(1, Arrays.copyOfRange(bits, 34, 66)));
    ECPublicKeySpec spec = new ECPublicKeySpec(point, ((ECPrivateKey) key).getParams());
    KeyAgreement ecdh = KeyAgreement.getInstance("ECDH");
    ecdh.init(key);
    ecdh.doPhase(KeyFactory.getInstance("EC").generatePublic(spec), true);
    byte[] wrapping = sha256(ecdh.generateSecret(), new byte[] {0, 0, 0, 1}, SHARED_INFO);
    Cipher unwrap = Cipher.getInstance("AESWrap");
    unwrap.init(Cipher.UNWRAP_MODE, new SecretKeySpec(wrapping, "AES"));
    byte[] wrapped = agreement.get(3).children(0x30).get(0).children(0x30).get(1).body();
    return unwrap.unwrap(wrapped, "AES", Cipher.SECRET_KEY).getEncoded();
  }

  private record Signed(byte[] text, X509Certificate signer) {}

  private static Signed verify(byte[] data, Collection<X509Certificate> authorities, Collection<X509CRL> lists)
      throws GeneralSecurityException {
    List<Der> signed = content(data, SIGNED_DATA);
    byte[] text = signed.get(2).children(0x30).get(1).children(0xa0).get(0).body();
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    byte[] encoded = Der.at(signed.get(3).body(), 0).whole();
    X509Certificate signer = (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(encoded));
    List<Der> infos = signed.get(4).children(0x31);
    need(infos.size() == 1, "not exactly one signature");
    List<Der> info = infos.get(0).children(0x30);
    Map<String, Der> attributes = new HashMap<>();
    for (Der attribute : info.get(3).children(0xa0)) {
      List<Der> parts = attribute.children(0x30);
      Der value = Der.at(parts.get(1).body(), 0);
      need(attributes.put(parts.get(0).hex(), value) == null, "a signed attribute twice");
    }
    need(attributes.get(CONTENT_TYPE).hex().equals(DATA), "another content");
    need(Arrays.equals(attributes.get(MESSAGE_DIGEST).body(), sha256(text)), "the content was changed");
    Der named = attributes.get(SIGNING_CERTIFICATE_V2).children(0x30).get(0).children(0x30).get(0);
    need(Arrays.equals(named.children(0x30).get(0).body(), sha256(encoded)), "another signing certificate");
    boolean rsa = signer.getPublicKey().getAlgorithm().equals("RSA");
    need(info.get(4).algorithm().equals(rsa ? PSS : ECDSA_SHA256), "another signature algorithm");
    Signature signature = Signature.getInstance(rsa ? "RSASSA-PSS" : "SHA256withECDSA");
    if (rsa) signature.setParameter(new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1));
    signature.initVerify(signer.getPublicKey());
    byte[] set = info.get(3).whole().clone();
    set[0] = 0x31; // signed as a SET, sent as [0]
    signature.update(set);
    need(signature.verify(info.get(5).body()), "the signature is wrong");
    checkChain(signer, authorities, lists);
    return new Signed(text, signer);
  }

  private static void checkChain(
      X509Certificate signer, Collection<X509Certificate> authorities, Collection<X509CRL> lists)
      throws GeneralSecurityException {
    Set<TrustAnchor> roots = new HashSet<>();
    for (X509Certificate one : authorities) {
      if (one.getSubjectX500Principal().equals(one.getIssuerX500Principal())) roots.add(new TrustAnchor(one, null));
    }
    X509CertSelector target = new X509CertSelector();
    target.setCertificate(signer);
    PKIXBuilderParameters parameters = new PKIXBuilderParameters(roots, target);
    List<Object> known = new ArrayList<>(authorities);
    known.addAll(lists);
    known.add(signer);
    parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(known)));
    parameters.setRevocationEnabled(true); // with the lists given; unknown means refused
    CertPathBuilder.getInstance("PKIX").build(parameters);
    boolean[] usage = signer.getKeyUsage();
    need(usage != null && (usage[0] || usage[1]), "not a signing certificate");
  }

  private static Map<String, byte[]> unpack(byte[] zip) throws java.io.IOException {
    Map<String, byte[]> files = new LinkedHashMap<>();
    int left = LARGEST;
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      for (ZipEntry entry = in.getNextEntry(); entry != null; entry = in.getNextEntry()) {
        String name = entry.getName();
        need(name.matches("[A-Za-z0-9][A-Za-z0-9_-]*(\\.[A-Za-z0-9]+){1,2}"), "a file name not allowed");
        byte[] file = in.readNBytes(left + 1);
        left -= file.length;
        need(left >= 0, "files too large");
        need(files.put(name, file) == null, "a file twice");
      }
    }
    return files;
  }

  private static String field(String manifest, String part, String name) {
    Matcher found =
        Pattern.compile("\"" + part + "\"\\s*:\\s*\\{[^}]*\"" + name + "\"\\s*:\\s*\"([0-9A-Z]+)\"").matcher(manifest);
    need(found.find(), "the manifest lacks " + part);
    return found.group(1);
  }

  private static void check(Map<String, byte[]> files, X509Certificate signer, String school)
      throws GeneralSecurityException {
    String manifest = new String(files.get("manifest.json"), StandardCharsets.UTF_8);
    need(manifest.contains("\"overstap-envelope/1\""), "another version of the format");
    String subject = signer.getSubjectX500Principal().getName("RFC2253", Map.of("2.5.4.5", "serialNumber"));
    String sender = "serialNumber=" + field(manifest, "sender", "oin");
    need(Arrays.asList(subject.split(",")).contains(sender), "signed by another than the sender");
    need(field(manifest, "recipient", "school").equals(school), "not for this school");
    Pattern entry =
        Pattern.compile("\"name\"\\s*:\\s*\"([^\"]+)\"\\s*,\\s*\"size\"\\s*:\\s*\\d+\\s*,\\s*\"sha256\"\\s*:\\s*\"([0-9a-f]+)\"");
    int named = 0;
    for (Matcher one = entry.matcher(manifest); one.find(); named++) {
      byte[] file = files.get(one.group(1));
      boolean same = file != null && HexFormat.of().formatHex(sha256(file)).equals(one.group(2));
      need(same, "a file is not as the manifest says");
    }
    need(named == files.size() - 1, "other files than the manifest names");
  }

  private static byte[] pem(String text, String label) {
    Matcher found = Pattern.compile("-----BEGIN " + label + "-----([^-]+)-----END").matcher(text);
    need(found.find(), "no " + label + " in the file");
    return Base64.getMimeDecoder().decode(found.group(1));
  }

  private static PrivateKey key(Path file) throws Exception {
    PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(pem(Files.readString(file), "PRIVATE KEY"));
    try {
      return KeyFactory.getInstance("EC").generatePrivate(spec);
    } catch (InvalidKeySpecException notEc) {
      return KeyFactory.getInstance("RSA").generatePrivate(spec);
    }
  }

  private static <T> List<T> all(String text, String label, java.util.function.Function<byte[], T> read) {
    List<T> found = new ArrayList<>();
    Matcher one = Pattern.compile("-----BEGIN " + label + "-----[^-]+-----END " + label + "-----").matcher(text);
    while (one.find()) found.add(read.apply(pem(one.group(), label)));
    return found;
  }

  private static void open(String[] given) throws Exception {
    CertificateFactory factory = CertificateFactory.getInstance("X.509");
    String trusted = Files.readString(Path.of(given[3]));
    List<X509Certificate> authorities =
        all(trusted, "CERTIFICATE", der -> {
          try {
            return (X509Certificate) factory.generateCertificate(new ByteArrayInputStream(der));
          } catch (CertificateException error) {
            throw new IllegalArgumentException(error);
          }
        });
    List<X509CRL> lists =
        all(trusted, "X509 CRL", der -> {
          try {
            return (X509CRL) factory.generateCRL(new ByteArrayInputStream(der));
          } catch (CRLException error) {
            throw new IllegalArgumentException(error);
          }
        });
    byte[] signedData = decrypt(Files.readAllBytes(Path.of(given[0])), key(Path.of(given[2])));
    Signed signed = verify(signedData, authorities, lists);
    Map<String, byte[]> files = unpack(signed.text());
    check(files, signed.signer(), given[1]);
    Path out = Files.createDirectory(Path.of(given[4]));
    for (Map.Entry<String, byte[]> file : files.entrySet()) Files.write(out.resolve(file.getKey()), file.getValue());
  }

  public static void main(String[] given) {
    if (given.length != 5) {
      System.err.println("OpenEnvelope ENVELOPE SCHOOL KEY AUTHORITIES OUT");
      System.exit(64);
    }
    try {
      open(given);
    } catch (Exception error) {
      System.err.println("refused: " + error.getMessage());
      System.exit(4);
    }
  }
}
