#!/bin/sh
# Ask a region's desk for one pupil's dossier, open it, and hand in a signed receipt: curl and openssl 3 alone.
# The forms are docs/pull.md and docs/envelope.md.
#
#   ask_for_dossier.sh DESK SCHOOL KEYS AUTHORITIES OUT < request.json
#
# DESK         https://host:port
# SCHOOL       BRIN and branch of the receiving school, such as 98XA00
# KEYS         folder with the school's signing-1, decryption-1 and tls-1, each .crt and .key
# AUTHORITIES  PEM: trusted authorities and their revocation lists
# OUT          folder to be made for the dossier; nothing is there unless all checks passed
#
# The request holds a pupil's number: keep it out of arguments and logs. Here it comes in by standard input.
set -eu
desk=$1 school=$2 keys=$3 authorities=$4 out=$5
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
umask 077
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

send() { # send TYPE FILE PATH ANSWER [HEADER]: prints the status
    curl --silent --show-error --noproxy '*' --max-time 60 --cacert "$authorities" \
        --cert "$keys/tls-1.crt" --key "$keys/tls-1.key" --header "Content-Type: $1" ${5:+--header "$5"} \
        --data-binary "@$2" --output "$4" --dump-header "$work/headers" --write-out '%{http_code}' "$desk$3"
}

cat > "$work/request.json"
status=$(send application/json "$work/request.json" /v1/requests "$work/answer")
if [ "$status" != 200 ]; then
    cat "$work/answer" >&2
    exit 3 # no dossier: the answer says why
fi
message=$(sed -n 's/^[Oo]verstap-[Mm]essage-[Ii]d: *\([0-9a-f-]*\).*/\1/p' "$work/headers")

# Store first, then confirm: the example that opens leaves nothing unless every check passed
sh "$here/open_envelope.sh" "$work/answer" "$school" "$keys/decryption-1.crt" "$keys/decryption-1.key" "$authorities" "$out"
digest() { openssl dgst -sha256 -r "$1" | cut -c1-64; }
sign() {
    openssl cms -sign -cades -nosmimecap -binary -nodetach -md sha256 -outform DER \
        -signer "$keys/signing-1.crt" -inkey "$keys/signing-1.key" -in "$work/receipt.json" -out "$work/receipt.cms"
}
# The moment in the receipt has to be the second of signing: sign again when the second turned under way
while :; do
    moment=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    printf '{"format":"overstap-receipt/1","message_id":"%s","envelope_sha256":"%s","manifest_sha256":"%s","outcome":"accepted","refusal":null,"received_at":"%s","receiver":{"oin":"00000007000%s000","school":"%s"},"software":"curl and openssl"}' \
        "$message" "$(digest "$work/answer")" "$(digest "$out/manifest.json")" "$moment" "$school" "$school" > "$work/receipt.json"
    moment=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    sed -i.before "s/\"received_at\":\"[^\"]*\"/\"received_at\":\"$moment\"/" "$work/receipt.json"
    sign
    [ "$(date -u +%Y-%m-%dT%H:%M:%SZ)" = "$moment" ] && break
done
status=$(send application/cms "$work/receipt.cms" /v1/receipts "$work/answer.json" "Overstap-Message-Id: $message")
cat "$work/answer.json"
[ "$status" = 200 ]
