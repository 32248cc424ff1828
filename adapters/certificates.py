"""Client certificates as a proxy in front of us tells of them: TLS ends there, a header says who it was.

They are known by the SHA-256 of their DER form, `openssl x509 -in c.pem -noout -fingerprint -sha256`. Whoever
holds the key of one proves it in the handshake, so a proxy need not trust the issuer of a pinned one.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from binascii import Error as Base64Error
from typing import Final
from urllib.parse import unquote

HEADER: Final = "Client-Cert"
"""RFC 9440 §2.2."""
TOLD_MAX: Final = 16 * 1024
_FINGERPRINT: Final = re.compile(r"[0-9a-f]{64}")
_ENVOY: Final = re.compile(r"(?:^|;)Hash=([0-9a-f]{64})(?:;|$)", re.IGNORECASE)
_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)


def read_fingerprint(text: str) -> str:
    """A SHA-256 as it is written, with or without colons, in lower case.

    Raises:
        ValueError: it is none.
    """
    plain = text.strip().replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(plain):
        raise ValueError(
            "a certificate is named by its SHA-256, 64 hexadecimal digits:"
            " openssl x509 -in FILE -noout -fingerprint -sha256"
        )
    return plain


def told_fingerprint(header: str) -> str:
    """The fingerprint of the certificate that a header holds, or names; empty where it does neither.

    Read are the forms of RFC 9440 (`:base64:`), nginx (`$ssl_client_escaped_cert`), HAProxy
    (`ssl_c_der,base64`, or its `sha2(256),hex`) and Envoy (`x-forwarded-client-cert`, one element of it).
    """
    told = header.strip()
    if not told or len(told) > TOLD_MAX:
        return ""
    try:
        return read_fingerprint(told)
    except ValueError:
        pass
    if (named := _ENVOY.search(told)) is not None:
        return named[1].lower() if "," not in told else ""
    pem = _PEM.search(unquote(told))
    if pem is not None:
        body = "".join(pem[1].split())
    elif told.startswith(":") and told.endswith(":"):
        body = told[1:-1]
    else:
        body = told
    try:
        der = b64decode(body, validate=True)
    except (Base64Error, ValueError):
        return ""
    return hashlib.sha256(der).hexdigest() if der else ""
