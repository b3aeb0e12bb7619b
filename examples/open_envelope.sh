#!/bin/sh
# Open one delivery envelope with stock openssl (3.0 or later) and unzip. The format: docs/envelope.md.
#
#   open_envelope.sh ENVELOPE SCHOOL CERTIFICATE KEY AUTHORITIES OUT
#
#   ENVELOPE     what was received, <message id>.cms
#   SCHOOL       BRIN and branch of this school, such as 98XA00
#   CERTIFICATE  the school's decryption certificate, PEM
#   KEY          its private key, PEM
#   AUTHORITIES  certificates of the trusted authorities and their revocation lists (CRL), all in one PEM file
#   OUT          new folder for the files; it exists afterwards only if everything was right
#
# openssl writes decrypted bytes before it knows whether they were changed under way, and says so only in its exit
# status. So everything happens aside, under "set -e", and becomes visible at the very end.
set -eu
[ $# -eq 6 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 64; }
envelope=$1 school=$2 certificate=$3 key=$4 authorities=$5 out=$6
[ ! -e "$out" ] || { echo "$out exists already" >&2; exit 73; }

umask 077
aside=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$aside"' EXIT

# 1. Decrypt. Exit status 4 means: changed under way.
openssl cms -decrypt -binary -inform DER -in "$envelope" -recip "$certificate" -inkey "$key" -out "$aside/signed.der"

# 2. Verify the signature, the signer's chain up to a trusted root, and that no certificate of it was revoked.
openssl cms -verify -cades -binary -inform DER -in "$aside/signed.der" -CAfile "$authorities" -crl_check_all \
    -signer "$aside/signer.pem" -out "$aside/package.zip" 2>"$aside/openssl.log" || { cat "$aside/openssl.log" >&2; exit 4; }

# 3. Unpack, flat: no folders, and nothing is overwritten.
mkdir "$aside/files"
unzip -q -j -n "$aside/package.zip" -d "$aside/files"
cd "$aside/files"

# 4. One signature, this version of the format. The sender named inside must be who signed; the recipient named inside must be this school.
[ "$(grep -c 'BEGIN CERTIFICATE' ../signer.pem)" = 1 ] || { echo "not exactly one signature" >&2; exit 4; }
grep -q '"format": *"overstap-envelope/1"' manifest.json || { echo "another version of the format" >&2; exit 4; }
field() { tr -d ' \n' <manifest.json | sed -n "s/.*\"$1\":{[^}]*\"$2\":\"\\([0-9A-Z]*\\)\".*/\\1/p"; }
signer=$(openssl x509 -in ../signer.pem -noout -subject -nameopt sep_multiline,sname | sed -n 's/.*serialNumber=//p')
[ -n "$signer" ] && [ "$(field sender oin)" = "$signer" ] || { echo "signed by another than the sender" >&2; exit 4; }
[ "$(field recipient school)" = "$school" ] || { echo "not for this school" >&2; exit 4; }

# 5. The files must be those that the manifest names.
for file in *; do
    [ "$file" = manifest.json ] && continue
    digest=$(openssl dgst -sha256 -r "$file" | cut -d' ' -f1)
    grep -q "\"name\": *\"$file\",[^}]*\"sha256\": *\"$digest\"" manifest.json ||
        { echo "a file is not as the manifest says" >&2; exit 4; }
done

cd - >/dev/null
mv "$aside/files" "$out"
