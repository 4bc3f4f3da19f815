#!/usr/bin/python3
"""Checks the AWS signature (version 4) of one request, apart from the library that made it.

stdin: {method, path, headers: {name in lower case: value}, body, secret_key}
Exit 0 and prints the signed headers if it is right; else prints what it should be, exit 1.
"""

import hashlib
import hmac
import json
import re
import sys


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def main():
    request = json.load(sys.stdin)
    headers = request["headers"]
    match = re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)",
        headers["authorization"])
    if not match:
        sys.exit("no signature: " + headers["authorization"])
    _, scope, signed, signature = match.groups()
    lines = [f"{name}:{' '.join(headers[name].split())}\n" for name in signed.split(";")]
    canonical = "\n".join([request["method"], request["path"], "", "".join(lines), signed,
                           digest(request["body"])])
    date, region, service, end = scope.split("/")
    key = ("AWS4" + request["secret_key"]).encode()
    for part in (date, region, service, end):
        key = mac(key, part)
    text = "\n".join(["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, digest(canonical)])
    expected = mac(key, text).hex()
    if expected != signature:
        sys.exit(f"{signature} should be {expected}")
    print(scope, signed)


main()
