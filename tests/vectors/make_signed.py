"""Vectors of what services sign for each other: receipts, the filter of revoked codes, buckets of the directory. Imported by make.py."""
import json

import reference as r
from common import OURS, sign_key, subject, swap, t, write

# --- receipts
key_id = r.sm3(r.public(sign_key)).hex()[:16]
fields = {
    "receiptId": r.sm3(b"receipt")[:16].hex(),
    "issuer": "320000",
    "keyId": key_id,
    "serialHmac": r.sm3(b"serial mac").hex(),
    "subject": subject.hex(),
    "requester": "320000.svc-directory",
    "app": "app-1",
    "audience": ["320000", "310000"],
    "scope": 1,
    "challenge": r.sm3(b"challenge")[:16].hex(),
    "issuedS": t,
    "expiresS": t + 60,
}


def signed(name, **change):
    f = dict(fields, **change)
    data = r.receipt(f)
    return {"name": name, "fields": f, "bytes": (data + r.sign(sign_key, data)).hex()}


data = bytes.fromhex(signed("")["bytes"])
at_audience = 6 + 16 + 6 + 16 + 32 + 16 + 1 + 20 + 1 + 5


def bad_receipt(name, bytes_):
    return {"name": name, "bytes": bytes_.hex()}


write(
    "receipt/receipt.json",
    OURS,
    signPublic=r.public(sign_key).hex(),
    good=[
        signed("medical, two audiences"),
        signed("no subject", subject="", scope=0),
        signed("eight audiences, longest names", audience=["%d0000" % p for p in (11, 12, 13, 14, 15, 21, 22, 23)],
               requester="r" * 64, app="a" * 64, expiresS=t),
    ],
    bad=[
        bad_receipt("empty", b""),
        bad_receipt("other magic", b"PHIS" + data[4:]),
        bad_receipt("version 2", swap(data, 4, b"\x02")),
        bad_receipt("unknown flag", swap(data, 5, b"\x03")),
        bad_receipt("issuer of no province", swap(data, 22, b"990000")),
        bad_receipt("key id in upper case", swap(data, 28, b"ABCDEF0123456789")),
        bad_receipt("requester with a zero", swap(data, 93, b"\x00")),
        bad_receipt("requester longer than its bound", swap(data, 92, b"\xff")),
        bad_receipt("no audience", swap(data, at_audience, b"\x00")),
        bad_receipt("nine audiences", swap(data, at_audience, b"\x09")),
        bad_receipt("scope 3", swap(data, at_audience + 13, b"\x03")),
        bad_receipt("longer life than 60 s", swap(data, len(data) - 72, (t + 61).to_bytes(8, "big"))),
        bad_receipt("expires before issued", swap(data, len(data) - 72, (t - 1).to_bytes(8, "big"))),
        bad_receipt("time past 2^63", swap(data, len(data) - 80, b"\xff" * 16)),
        bad_receipt("cut in the signature", data[:-1]),
        bad_receipt("a byte left over", data + b"\x00"),
        bad_receipt("too long", data + bytes(700)),
    ]
    + [bad_receipt(f"cut after {n} bytes", data[:n]) for n in (1, 5, 21, 60, 92, 110, 120, 140, len(data) - 64)],
)

# --- revocation filter
REVOKER = int.from_bytes(r.sm3(b"revocation key"), "big") % (r.N - 1) + 1
revoker_xy = r.public(REVOKER)
revoker_serial = r.sm3(revoker_xy)[:8].hex()


def revoked(count):
    return [r.sm3(b"320000" + r.sm3(b"serial %d" % i)[:16])[:16] for i in range(count)]


def filter_case(name, ids, ranges=()):
    part = r.filter_part("320000", 1795219200000000, 1795219200, 1795305600, revoker_serial, ranges, ids)
    strangers = [r.sm3(b"stranger %d" % i)[:16] for i in range(20)]
    bits = r.filter_bits(ids)
    held = part[len(part) - bits // 8 :] if bits else b""

    def has(one):
        return bool(bits) and all(held[p // 8] >> p % 8 & 1 for p in r.filter_places(one, 16, bits))

    return {
        "name": name,
        "platform": "320000",
        "sequence": 1795219200000000,
        "issuedS": 1795219200,
        "notAfterS": 1795305600,
        "keySerial": revoker_serial,
        "keySets": [{"platform": p, "keySet": k, "fromS": f, "untilS": u} for p, k, f, u in ranges],
        "revoked": [one.hex() for one in ids],
        "notRevoked": [one.hex() for one in strangers if not has(one)],
        "bytes": (part + r.sign(REVOKER, part)).hex(),
    }


two_sets = (("320000", 3, 0, 2**62), ("330000", 255, 1795219200, 1795219300))
filter_cases = [
    filter_case("nothing revoked", []),
    filter_case("key sets only", [], two_sets),
    filter_case("one code", revoked(1)),
    filter_case("three codes and key sets", revoked(3), two_sets),
]
good = bytes.fromhex(filter_cases[1]["bytes"])
full = bytes.fromhex(filter_cases[2]["bytes"])


def bad_filter(name, bytes_):
    return {"name": name, "bytes": bytes_.hex()}


write(
    "revocation/filter.json",
    OURS,
    publicKey=revoker_xy.hex(),
    cases=filter_cases,
    malformed=[
        bad_filter("empty", b""),
        bad_filter("other type", b"JKF2" + good[4:]),
        bad_filter("platform of no province", good[:4] + b"990000" + good[10:]),
        bad_filter("key serial in upper case", good[:34] + good[34:50].upper()[:-1] + b"G" + good[50:]),
        bad_filter("257 key sets", good[:50] + r.u16(257) + good[52:]),
        bad_filter("a key set more than there are", good[:50] + r.u16(3) + good[52:]),
        bad_filter("cut off", good[:-1]),
        bad_filter("a byte left over", good + b"\0"),
        bad_filter("no probes", full[:56] + b"\0" + full[57:]),
        bad_filter("33 probes", full[:56] + b"\x21" + full[57:]),
        bad_filter("bits that fill no byte", full[:57] + (65537).to_bytes(4, "big") + full[61:]),
        bad_filter("fewer bits than 65,536", full[:57] + (65528).to_bytes(4, "big") + full[61:-65] + full[-64:]),
        bad_filter("ids without bits", full[:57] + bytes(4) + full[-64:]),
    ],
)

# --- buckets of the directory
def entry(n, **changed):
    value = {
        "from": "2026-11-21T08:00:00+08:00", "grade": ("green", "yellow", "red", "grey")[n % 4],
        "reasons": [] if n % 3 else ["contact", "fever"], "region": "320000", "sources": n,
        "subject": (b"\x0a\x3f" + r.sm3(b"entry %d" % n)[:14]).hex(), "updated": "2026-11-21T08:00:01.000007+08:00",
        "version": str(1795219200000000 + n), "withdrawn": False, **changed,
    }
    return {key: value[key] for key in sorted(value)}


def entry_digest(value):
    text = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return r.sm3(bytes.fromhex(value["subject"]) + int(value["version"]).to_bytes(8, "big") + text)[:16]


def bucket(name, entries):
    total = sum(int.from_bytes(entry_digest(e), "big") for e in entries) % 2**128
    mark = {"bucket": 0x0A3, "count": len(entries), "digest": f"{total:032x}", "kind": "digest", "region": "320000",
            "version": "1795219200000001"}
    return {
        "name": name, "bucket": 0x0A3, "entries": entries, "digests": [entry_digest(e).hex() for e in entries],
        "digest": mark["digest"], "mark": json.dumps(mark, sort_keys=True, separators=(",", ":")),
        "markKey": (b"\x0a\x30" + b"phi.dir.digest").hex(), "beginKey": (b"\x0a\x30" + b"phi.dir..begin").hex(),
    }


write(
    "bucket/bucket.json",
    OURS,
    cases=[
        bucket("empty", []),
        bucket("one entry", [entry(1)]),
        bucket("an end, and what comes then", [entry(2, until="2026-12-05T08:00:00+08:00", then="yellow")]),
        bucket("withdrawn entries count", [entry(1, withdrawn=True)]),
        bucket("forty entries: the sum wraps", [entry(n) for n in range(40)]),
    ],
)
