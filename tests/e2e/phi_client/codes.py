"""Codes, consent records and receipts read after docs/codes.md alone: no byte of the suite's own code."""
import base64
import calendar
import re
import time

from .sm2 import digest

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Reader:
    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, count):
        assert 0 <= count <= len(self.data) - self.at, "cut off"
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def text8(self):
        return self.take(self.number(1)).decode("ascii")

    def end(self):
        assert self.at == len(self.data), "bytes left over"


def from_text(text):
    """RFC 4648 base32, upper case, no padding, spare bits zero."""
    assert re.fullmatch("[A-Z2-7]+", text) and len(text) % 8 not in (1, 3, 6)
    data = base64.b32decode(text + "=" * (-len(text) % 8))
    assert to_text(data) == text, "spare bits"
    return data


def to_text(data):
    return base64.b32encode(data).decode().rstrip("=")


class Code:
    """A ‖ B ‖ S of a health code of our form."""

    def __init__(self, data):
        whole = Reader(data)
        a = Reader(whole.take(whole.number(2)))
        b = Reader(whole.take(whole.number(2)))
        self.signed = whole.data[: whole.at]
        self.signature = whole.take(64)
        whole.end()
        self.key_set, self.serial, self.sealed = a.number(1), a.take(16), a.take(17)
        a.end()
        self.version, self.type = b.number(2), b.take(4)
        self.platform, deadline = b.take(6).decode("ascii"), b.take(14).decode("ascii")
        self.consent_digest = b.take(32)
        b.end()
        self.deadline_s = calendar.timegm(time.strptime(deadline, "%Y%m%d%H%M%S"))

    @classmethod
    def of(cls, text):
        return cls(from_text(text))


def consent_record(person, moment_s):
    """name|idNo|idType|country|time, the time in UTC+8."""
    stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(moment_s + 8 * 3600))
    return "|".join([person.name, person.id_no, person.id_type, person.country, stamp])


def consent_digest(record):
    return digest(record.encode()).hex()


class Receipt:
    def __init__(self, data):
        r = Reader(data)
        assert r.take(4) == b"PHIR" and r.number(1) == 1
        flags = r.number(1)
        assert flags in (0, 1)
        self.has_subject = flags == 1
        self.receipt_id, self.issuer = r.take(16), r.take(6).decode("ascii")
        self.key_serial, self.serial_hmac = r.take(16).decode("ascii"), r.take(32)
        self.subject, self.requester, self.app = r.take(16), r.text8(), r.text8()
        self.audience = [r.take(6).decode("ascii") for _ in range(r.number(1))]
        self.scope, self.challenge = r.number(1), r.take(16)
        self.issued_s, self.expires_s = r.number(8), r.number(8)
        self.signed, self.signature = r.data[: r.at], r.take(64)
        r.end()
