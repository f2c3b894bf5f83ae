"""Health codes, consent records and receipts, after docs/codes.md: read strictly, written as freely as tests need."""
import calendar
import re
import secrets
import time

from .sm3 import sm3, sm4_ctr

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
SIGNATURE_LEN = 64


def text_of(data):
    """RFC 4648 base32, upper case, no padding."""
    bits = "".join(f"{byte:08b}" for byte in data)
    bits += "0" * (-len(bits) % 5)
    return "".join(ALPHABET[int(bits[i : i + 5], 2)] for i in range(0, len(bits), 5))


def bytes_of(text):
    if not re.fullmatch("[A-Z2-7]+", text) or len(text) % 8 in (1, 3, 6):
        raise ValueError("not the text form: letters or length")
    bits = "".join(f"{ALPHABET.index(letter):05b}" for letter in text)
    whole = len(bits) // 8 * 8
    if "1" in bits[whole:]:
        raise ValueError("not the text form: spare bits")
    return bytes(int(bits[i : i + 8], 2) for i in range(0, whole, 8))


def stamp(seconds, east_hours=0):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(seconds + east_hours * 3600))


class Cut(ValueError):
    """Fewer bytes than a length says, or more."""


class Reader:
    def __init__(self, data):
        self.data, self.at = bytes(data), 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise Cut("cut off")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, count):
        return int.from_bytes(self.take(count), "big")

    def text8(self):
        return self.take(self.number(1)).decode("ascii")

    def end(self):
        if self.at != len(self.data):
            raise Cut("bytes are left over")


class Code:
    """A code taken apart by its lengths; A's inside when it has our form."""

    def __init__(self, text):
        self.text, whole = text, Reader(bytes_of(text))
        self.a = whole.take(whole.number(2))
        self.b = whole.take(whole.number(2))
        self.signed = whole.data[: whole.at]
        self.signature = whole.take(SIGNATURE_LEN)
        whole.end()
        b = Reader(self.b)
        self.version, self.type = b.number(2), b.take(4)
        self.platform, self.deadline = b.take(6).decode("ascii"), b.take(14).decode("ascii")
        self.digest = b.take(32)
        b.end()
        self.deadline_s = calendar.timegm(time.strptime(self.deadline, "%Y%m%d%H%M%S"))

    @property
    def key_set(self):
        return self.a[0]

    @property
    def serial(self):
        return self.a[1:17]

    @property
    def sealed(self):
        return self.a[17:]

    def unseal(self, seal_key):
        """(subject index, flags)"""
        plain = sm4_ctr(seal_key, self.serial, self.sealed)
        return plain[:16], plain[16]


def part_a(seal_key, key_set=1, flags=0, subject=None, serial=None):
    """A's content."""
    serial = serial or secrets.token_bytes(16)
    return bytes([key_set]) + serial + sm4_ctr(seal_key, serial, (subject or secrets.token_bytes(16)) + bytes([flags]))


def part_b(platform, deadline, digest=None, version=1, kind=b"JKM1"):
    """B's content; `deadline` in seconds, or the 14 digits."""
    deadline = deadline if isinstance(deadline, str) else stamp(deadline)
    return version.to_bytes(2, "big") + kind + platform.encode() + deadline.encode() + (digest or secrets.token_bytes(32))


def signed_part(a, b):
    return len(a).to_bytes(2, "big") + a + len(b).to_bytes(2, "big") + b


def sealed_and_signed(key, a, b):
    """The text of a whole code."""
    message = signed_part(a, b)
    return text_of(message + key.sign(message))


def der(signature):
    """SEQUENCE of two INTEGERs: the form that a code's signature does not have."""
    def integer(data):
        data = data.lstrip(b"\0") or b"\0"
        data = b"\0" + data if data[0] & 0x80 else data
        return b"\x02" + bytes([len(data)]) + data
    body = integer(signature[:32]) + integer(signature[32:])
    return b"\x30" + bytes([len(body)]) + body


def consent_record(person, moment_s):
    """name|idNo|idType|country|time, the time in UTC+8 (4.2)."""
    return "|".join([person.name, person.id_no, person.id_type, person.country, stamp(moment_s, 8)])


def consent_digest(record):
    return sm3(record.encode())


class Receipt:
    def __init__(self, data):
        r = Reader(data)
        self.magic, self.version, self.flags = r.take(4), r.number(1), r.number(1)
        self.receipt_id, self.issuer = r.take(16), r.take(6).decode("ascii")
        self.key_serial, self.serial_mac = r.take(16).decode("ascii"), r.take(32)
        self.subject, self.requester, self.app = r.take(16), r.text8(), r.text8()
        self.audience = [r.take(6).decode("ascii") for _ in range(r.number(1))]
        self.scope, self.challenge = r.number(1), r.take(16)
        self.issued_s, self.expires_s = r.number(8), r.number(8)
        self.signed, self.signature = r.data[: r.at], r.take(SIGNATURE_LEN)
        r.end()
