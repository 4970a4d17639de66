#!/bin/sh
# An authority of your own, and a certificate of the broker signed by it, for ten years.
# Say by which names and addresses the broker is called: sh certificates.sh <folder> DNS:broker.example,IP:192.168.1.5
set -e
folder=$1
names=$2
cd "$folder"

openssl req -x509 -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 3650 \
  -subj '/CN=M1 authority' -keyout ca.key -out ca.crt
openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
  -subj '/CN=broker' -keyout server.key -out server.csr
printf 'subjectAltName=%s\n' "$names" > server.ext
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 \
  -extfile server.ext -out server.crt
rm server.csr server.ext
