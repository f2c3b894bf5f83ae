"""Rows of facts as they stand in the directory's table, person by person and fast: for COPY, or to be produced.

    for number, row in rows(world, range(1000), DEVELOPMENT_KEY): …   # row: a line of TSV, or a Retraction
"""
import hashlib
import hmac
import json

from . import forms
from .records import Retraction

DEVELOPMENT_KEY = bytes(range(32))  # public: subjects under it hide nothing
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def subject(person, key):
    """docs/codes.md, subject index: HMAC-SM3 over "idType|idNo|country", 16 bytes."""
    return hmac.digest(key, f"{person.id_type}|{person.id_no}|{person.country}".encode(), "sm3")[:16]


def fact_id(region, source, institution, record_no, revision):
    """docs/codes.md, fact id."""
    data = b"".join(len(field).to_bytes(2, "big") + field
                    for field in (text.encode() for text in (region, source, institution, record_no, str(revision))))
    return hashlib.new("sm3", data).digest()[:16]


def rows(world, numbers, key):
    """By tabs: subject (hex), source, institution, record number, revision, observed (µs since 1970), content (RFC 8785)."""
    for number in numbers:
        person = world.people.person(number)
        hidden = subject(person, key).hex()
        for record in world.of_person(person):
            if isinstance(record, Retraction):
                yield number, record
            elif record.expect == "accepted":
                content = _encode(forms.fact(record, person.county))
                yield number, (f"{hidden}\t{forms.stream(record.kind)}\t{record.institution}\t{record.number}\t"
                               f"{record.revision}\t{record.at}000000\t{content}\n")
