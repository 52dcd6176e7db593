"""Forgeries that need no key: other bytes that verify as well."""

import base64

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973
"""Order of the group of P-384 (SP 800-186, 3.2.1.4)."""


def second_form(signatures: list[dict[str, str]]) -> list[dict[str, str]]:
    """The signatures of a DSSE envelope with the first of ECDSA as (r, n - s), which verifies as (r, s) does."""
    for number, one in enumerate(signatures):
        signature = base64.b64decode(one["sig"])
        if len(signature) < 200:
            r, s = decode_dss_signature(signature)
            other = base64.b64encode(encode_dss_signature(r, N - s)).decode()
            return [*signatures[:number], one | {"sig": other}, *signatures[number + 1 :]]
    raise AssertionError("no signature of ECDSA")
