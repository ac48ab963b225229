#!/bin/sh
# Makes the certificate authority of the tests and a certificate for servers on this machine, for a hundred years. Nothing trusts them but
# tests that say so. Needs openssl; only run it to make them anew.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
openssl ecparam -name prime256v1 -genkey -noout -out "$work/ca.key"
openssl req -x509 -new -key "$work/ca.key" -days 36500 -subj '/CN=Tests of Sender Relay' -out ca.pem \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign'
openssl ecparam -name prime256v1 -genkey -noout -out local.key
openssl req -new -key local.key -subj '/CN=localhost' -out "$work/local.csr"
printf 'subjectAltName=DNS:localhost,DNS:files.test,IP:127.0.0.1,IP:::1\nextendedKeyUsage=serverAuth\n' >"$work/names"
openssl x509 -req -in "$work/local.csr" -CA ca.pem -CAkey "$work/ca.key" -CAcreateserial -days 36500 -extfile "$work/names" -out local.pem
