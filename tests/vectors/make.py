#!/usr/bin/env python3
"""Writes the vectors beside this file again: `tests/vectors/make.py`. The expected values come from reference.py,
those of the standards' own examples are spelt out here and checked against it."""

import make_codes
import make_signed  # noqa: F401
import make_subjects  # noqa: F401
import reference as r
from common import OURS, pair, sign_key, swap, t, write

# --- SM3
abc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
abcd16 = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
assert r.sm3(b"abc").hex() == abc and r.sm3(b"abcd" * 16).hex() == abcd16
write(
    "sm3/gbt32905.json",
    "GB/T 32905-2016 annex A.1 and A.2; lengths around the block: " + OURS,
    cases=[
        {"name": "A.1 abc", "message": b"abc".hex(), "digest": abc},
        {"name": "A.2 64 bytes", "message": (b"abcd" * 16).hex(), "digest": abcd16},
    ]
    + [
        {"name": f"{n} bytes of a", "message": (b"a" * n).hex(), "digest": r.sm3(b"a" * n).hex()}
        for n in (0, 1, 55, 56, 63, 64, 65, 119, 120, 200)
    ],
)
write(
    "sm3/hmac.json",
    "HMAC (GB/T 15852.2) over SM3: " + OURS,
    cases=[
        {
            "name": f"key of {n} bytes",
            "key": bytes(i % 256 for i in range(1, n + 1)).hex(),
            "message": b"who holds the key can check".hex(),
            "mac": r.hmac_sm3(bytes(i % 256 for i in range(1, n + 1)), b"who holds the key can check").hex(),
        }
        for n in (1, 16, 32, 63, 64, 65, 128)
    ],
)

# --- SM4
key = bytes.fromhex("0123456789abcdeffedcba9876543210")
assert r.sm4_encrypt(key, key).hex() == "681edf34d206965e86b3e94f536e4246"
draft = bytes.fromhex("aa" * 8 + "bb" * 8 + "cc" * 8 + "dd" * 8 + "ee" * 8 + "ff" * 8 + "aa" * 8 + "bb" * 8)
draft_out = (
    "ac3236cb970cc20791364c395a1342d1a3cbc1878c6f30cd074cce385cdd70c7"
    "f234bc0e24c11980fd1286310ce37b926e02fcd0faa0baf38b2933851d824514"
)
assert r.sm4_ctr(key, bytes(range(16)), draft).hex() == draft_out


def ctr(name, iv, plain, k=key):
    return {"name": name, "key": k.hex(), "iv": iv.hex(), "in": plain.hex(), "out": r.sm4_ctr(k, iv, plain).hex()}


write(
    "sm4/gbt32907.json",
    "GB/T 32907-2016 annex A.1 (the block as first counter over zeros); draft-ribose-cfrg-sm4 A.2.5; the rest " + OURS,
    cases=[
        ctr("A.1 one block", key, bytes(16)),
        ctr("draft A.2.5", bytes(range(16)), draft),
        ctr("17 bytes, as in a code", bytes(range(16, 32)), bytes(range(17))),
        ctr("the counter is 128 bits and wraps", b"\xff" * 16, bytes(40)),
        ctr("carry past 32 bits", bytes(11) + b"\x01" + b"\xff" * 4, bytes(33)),
    ],
)

# --- SM2
d = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
k = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
xy = r.public(d)
std_sig = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
assert xy.hex().startswith("09f9df311e5421a1") and r.sign(d, b"message digest", k).hex() == std_sig


def sm2_case(name, private, message):
    sig = r.sign(private, message)
    assert r.verify(r.public(private), message, sig)
    return {
        "name": name,
        "private": "%064x" % private,
        "public": r.public(private).hex(),
        "message": message.hex(),
        "sig": sig.hex(),
    }


good = [
    {
        "name": "GB/T 32918.5 annex A.2",
        "private": "%064x" % d,
        "public": xy.hex(),
        "message": b"message digest".hex(),
        "sig": std_sig,
    }
] + [sm2_case(f"key {n}, {n * 37} bytes", pair(n), bytes(n * 37)) for n in range(4)]
bad = []


def bad_sig(name, message, sig, public=xy):
    bad.append({"name": name, "public": public.hex(), "message": message.hex(), "sig": sig.hex()})


m, s = b"message digest", bytes.fromhex(std_sig)
order = r.N.to_bytes(32, "big")
bad_sig("another message", b"message digesu", s)
bad_sig("another key", m, s, r.public(pair(9)))
bad_sig("r and s exchanged", m, s[32:] + s[:32])
bad_sig("r zero", m, bytes(32) + s[32:])
bad_sig("s zero", m, s[:32] + bytes(32))
bad_sig("r = n", m, order + s[32:])
bad_sig("s = n", m, s[:32] + order)
bad_sig("r = 2^256 - 1", m, b"\xff" * 32 + s[32:])
small = sm2_case("", pair(0), b"")
r_int = int.from_bytes(s[:32], "big")
bad_sig("r + s = n", m, s[:32] + (r.N - r_int).to_bytes(32, "big"))
bad_sig("all zero", m, bytes(64))
bad_sig("digest not bound to the key (no Z)", m, bytes.fromhex(small["sig"]))
off = [
    {"name": "zero point", "public": bytes(64).hex()},
    {"name": "y altered", "public": (xy[:63] + bytes([xy[63] ^ 1])).hex()},
    {"name": "x past the field", "public": (b"\xff" * 32 + xy[32:]).hex()},
]
scalars = [
    {"name": "zero", "private": "00" * 32},
    {"name": "n", "private": order.hex()},
    {"name": "n - 1", "private": (r.N - 1).to_bytes(32, "big").hex()},
    {"name": "all ones", "private": "ff" * 32},
]
write(
    "sm2/gbt32918_5.json",
    "GB/T 32918.5-2017 annex A (recommended curve, id 1234567812345678); the rest " + OURS,
    z=r.z_of(xy).hex(),
    digest=r.digest(xy, m).hex(),
    good=good,
    bad=bad,
    badPublic=off,
    badPrivate=scalars,
)

# --- SM2, signatures that are broken, and true ones that look so (after Wycheproof's ECDSA files)
broken = []


def sig_case(name, valid, private, message, sig, public=None):
    public = public or r.public(private)
    assert r.verify(public, message, sig) is valid, name
    broken.append(
        {"name": name, "valid": valid, "public": public.hex(), "message": message.hex(), "sig": sig.hex()}
    )


def ints(sig):
    return int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")


def raw(a, b):
    return a.to_bytes(32, "big") + b.to_bytes(32, "big")


text = b"JKM1 broken signatures"
for label, one in (("1", 1), ("2", 2), ("3", 3), ("n - 2", r.N - 2), ("n - 3", r.N - 3), ("any", pair(3))):
    true = r.sign(one, text)
    a, b = ints(true)
    e = int.from_bytes(r.digest(r.public(one), text), "big")
    sig_case(f"d = {label}: true", True, one, text, true)
    for n in (1, 2, r.N - 1, r.N - 2):
        sig_case(f"d = {label}: true, k = {n if n < 9 else f'n - {r.N - n}'}", True, one, text, r.sign(one, text, n))
    sig_case(f"d = {label}: -P for P", False, one, text, true, r.negative(r.public(one)))
    sig_case(f"d = {label}: infinity, r = e", False, one, text, raw(e % r.N, r.at_infinity(one, e)))
    sig_case(f"d = {label}: infinity, r = 1", False, one, text, raw(1, r.at_infinity(one, 1)))
    sig_case(f"d = {label}: n - r", False, one, text, raw(r.N - a, b))
    sig_case(f"d = {label}: n - s", False, one, text, raw(a, r.N - b))
    sig_case(f"d = {label}: r + s = n", False, one, text, raw(a, r.N - a))
short = r.sign_until(pair(3), text, lambda a, b: a < 2**248)
sig_case("r of 31 bytes", True, pair(3), text, short)
sig_case("s of 31 bytes", True, pair(3), text, r.sign_until(pair(3), text, lambda a, b: b < 2**248))
sig_case("r + s past n", True, pair(3), text, r.sign_until(pair(3), text, lambda a, b: a + b > r.N))
sig_case("r + s below n", True, pair(3), text, r.sign_until(pair(3), text, lambda a, b: a + b < r.N))
sig_case("r of 31 bytes, moved to the left", False, pair(3), text, short[1:32] + bytes(1) + short[32:])
true = r.sign(pair(3), text)
a, b = ints(true)
edges = {"0": 0, "1": 1, "n - 1": r.N - 1, "n": r.N, "n + 1": r.N + 1, "2^256 - 1": 2**256 - 1, "p": r.P}
for label, value in edges.items():
    sig_case(f"r = {label}", False, pair(3), text, raw(value, b))
    sig_case(f"s = {label}", False, pair(3), text, raw(a, value))
for first, one in edges.items():
    for second, two in edges.items():
        sig_case(f"r = {first}, s = {second}", False, pair(3), text, raw(one, two))
for at in range(0, 64, 3):
    flipped = bytes(v ^ (1 << at % 8 if i == at else 0) for i, v in enumerate(true))
    sig_case(f"byte {at}, bit {at % 8}", False, pair(3), text, flipped)
der = b"\x30\x44\x02\x20" + true[:32] + b"\x02\x20" + true[32:]
sig_case("DER, cut to 64 bytes", False, pair(3), text, der[:64])
sig_case("least significant byte first", False, pair(3), text, true[31::-1] + true[:31:-1])
sig_case("r = s", False, pair(3), text, true[:32] * 2)
sig_case("s, r", False, pair(3), text, true[32:] + true[:32])
sig_case("r + 1, s - 1", False, pair(3), text, raw(a + 1, b - 1))
e = int.from_bytes(r.digest(r.public(pair(3)), text), "big")
sig_case("r of e alone", False, pair(3), text, raw(e % r.N, b))
sig_case("another user id", False, pair(3), text, r.sign(pair(3), text, user=b"ALICE123@YAHOO.COM"))
sig_case("SM3 without Z", False, pair(3), text, r.sign(pair(3), text, digest_of=r.sm3(text)))
sig_case("another key's", False, pair(3), text, r.sign(pair(4), text))
others = {"a newline more": text + b"\n", "a zero more": text + bytes(1), "a byte less": text[:-1], "no bytes": b""}
for label, other in others.items():
    sig_case(f"message with {label}", False, pair(3), other, true)
write(
    "sm2/broken.json",
    "after the cases of Wycheproof's ECDSA files, for GB/T 32918.2; " + OURS,
    cases=broken,
)

# --- codes: whole cases, and tables of the parser alone
make_codes.write_all()
seal_key = r.sm3(b"seal key")[:16]
record = "张三|11010519491231002X|111|CHN|20261121080000"
consent = r.sm3(record.encode())


def code(name, key_set=1, flags=0x01, deadline="20261121000500", platform="320000", n=1):
    serial = r.sm3(b"serial %d" % n)[:16]
    subject = r.sm3(b"subject %d" % n)[:16]
    ab = r.jkm1_part_a(key_set, serial, seal_key, subject, flags) + r.jkm1_part_b(platform, deadline, consent)
    data = ab + r.sign(sign_key, ab)
    return {
        "name": name,
        "keySet": key_set,
        "serial": serial.hex(),
        "subject": subject.hex(),
        "flags": flags,
        "platform": platform,
        "deadline": deadline,
        "consentDigest": consent.hex(),
        "bytes": data.hex(),
        "text": r.base32(data),
        "revocationId": r.sm3(platform.encode() + serial)[:16].hex(),
    }


def opaque(name, content):
    ab = r.u16(len(content)) + content + r.jkm1_part_b("320000", "20261121000500", consent)
    data = ab + r.sign(sign_key, ab)
    return {"name": name, "a": content.hex(), "bytes": data.hex(), "text": r.base32(data), "serial": r.sm3(ab)[:16].hex()}


codes = [
    code("one-time, pass"),
    code("many times, medical", flags=0x08, n=2),
    code("paper, on behalf", flags=0x06, deadline="20261221000000", n=3),
    code("a city's platform, key set 255", key_set=255, platform="320500", n=4),
]
opaques = [
    opaque("cyber trusted identity of one byte", b"\x07"),
    opaque("33 bytes", bytes(range(33))),
    opaque("35 bytes", bytes(range(35))),
    opaque("the longest, 4,096 bytes", bytes(i % 251 for i in range(4096))),
]
raw = bytes.fromhex(codes[0]["bytes"])
a, b, sig = raw[:36], raw[36:96], raw[96:]
broken = []


def bad_code(name, data, place, error="code_malformed"):
    broken.append({"name": name, "bytes": data.hex(), "place": place, "error": error})


bad_code("empty", b"", "A.length")
bad_code("one byte", b"\x00", "A.length")
bad_code("A of length 0", r.u16(0) + b + sig, "A.length")
bad_code("A of 4,097 bytes", r.u16(4097) + bytes(4097) + b + sig, "A.length")
bad_code("A longer than the code", r.u16(4096) + raw[2:], "A")
bad_code("nothing after A", a, "B.length")
bad_code("one byte after A", a + b"\x00", "B.length")
bad_code("B longer than the code", a + r.u16(400) + b[2:] + sig, "B")
bad_code("B of length 0", a + r.u16(0) + b[2:] + sig, "B.length")
bad_code("B of 5 bytes", a + r.u16(5) + b[2:] + sig, "B.length")
bad_code("B of 57 bytes", a + r.u16(57) + b[2:-1] + sig, "B.length")
bad_code("B of 59 bytes", a + r.u16(59) + b[2:] + b"\x00" + sig, "B.length")
bad_code("version 0", swap(raw, 38, b"\x00\x00"), "B.version", "code_version")
bad_code("version 2", swap(raw, 38, b"\x00\x02"), "B.version", "code_version")
bad_code("type JKM2", swap(raw, 40, b"JKM2"), "B.type", "code_version")
bad_code("type jkm1", swap(raw, 40, b"jkm1"), "B.type", "code_version")
bad_code("platform with a letter", swap(raw, 44, b"32000A"), "B.platform")
bad_code("platform of no province", swap(raw, 44, b"990000"), "B.platform")
bad_code("deadline with a letter", swap(raw, 50, b"2026112100050O"), "B.deadline")
bad_code("deadline on 31 February", swap(raw, 50, b"20260231000500"), "B.deadline")
bad_code("deadline at 24 o'clock", swap(raw, 50, b"20261121240000"), "B.deadline")
bad_code("deadline with a leap second", swap(raw, 50, b"20261231235960"), "B.deadline")
bad_code("deadline before 1970", swap(raw, 50, b"19691231235959"), "B.deadline")
bad_code("no S", a + b, "S")
bad_code("S of 63 bytes", raw[:-1], "S")
bad_code("S of 65 bytes", raw + b"\x00", "S")
bad_code("two codes in one", raw + raw, "S")
text = codes[0]["text"]
tail = r.base32(bytes(range(7)))
bad_text = [
    {"name": "empty", "text": ""},
    {"name": "lower case", "text": text.lower()},
    {"name": "one lower letter", "text": text[:-1] + text[-1].lower() if text[-1].isalpha() else "a" + text[1:]},
    {"name": "padding", "text": text + "="},
    {"name": "padding of seven bytes", "text": tail + "="},
    {"name": "leading space", "text": " " + text[:-1]},
    {"name": "new line", "text": text[:128] + "\n" + text[128:]},
    {"name": "digit 0", "text": "0" + text[1:]},
    {"name": "digit 1", "text": "1" + text[1:]},
    {"name": "digit 8", "text": "8" + text[1:]},
    {"name": "length 1 mod 8", "text": text + "A"},
    {"name": "length 3 mod 8", "text": text + "AAA"},
    {"name": "length 6 mod 8", "text": text + "AAAAAA"},
    {"name": "spare bits in 2 letters", "text": "AB"},
    {"name": "spare bits in 4 letters", "text": "AAAB"},
    {"name": "spare bits in 5 letters", "text": "AAAAB"},
    {"name": "spare bits in 7 letters", "text": "AAAAAAB"},
    {"name": "not ASCII", "text": "健" + text[3:]},
]
write(
    "jkm1/jkm1.json",
    "GB/T 38961 §4.1 (A, B, S); the inside of A, time, text form: " + OURS,
    signPrivate="%064x" % sign_key,
    signPublic=r.public(sign_key).hex(),
    sealKey=seal_key.hex(),
    consentRecord=record,
    good=codes,
    opaque=opaques,
    bad=broken,
)
write("jkm1/base32.json", "RFC 4648 §6, §10 without padding, upper case only; " + OURS, good=[
    {"name": f"{n} bytes", "bytes": b"foobar!"[:n].hex(), "text": r.base32(b"foobar!"[:n])} for n in range(1, 8)
], bad=bad_text)

# --- consent
def rec(name, person, time_s, text):
    return {"name": name, "person": person, "timeS": time_s, "record": text, "digest": r.sm3(text.encode()).hex()}


def who(name, id_type, id_no, country):
    return {"name": name, "idType": id_type, "idNo": id_no, "country": country}


zhang = who("张三", "111", "11010519491231002X", "CHN")
write(
    "consent/record.json",
    "GB/T 38961 §4.2 (form) and annex A; clock in UTC+8, NFC, case: " + OURS,
    good=[
        rec("resident id card", zhang, t, record),
        rec("check letter in lower case", who("张三", "111", "11010519491231002x", "CHN"), t, record),
        rec("the last second of a day in China", zhang, t + 16 * 3600 - 1, record[:-14] + "20261121235959"),
        rec("name in NFD becomes NFC", who("Ame\u0301lie Le Gall", "400", "12AB34567", "FRA"), t,
            "Am\u00e9lie Le Gall|12AB34567|400|FRA|20261121080000"),
        rec("residence card under 553 goes as 516", who("SMITH JOHN", "553", "USA110099120510", "USA"), t,
            "SMITH JOHN|USA110099120510|516|USA|20261121080000"),
        rec("travel permit of Hong Kong", who("陳大文", "516", "H12345678", "HKG"), t,
            "陳大文|H12345678|516|HKG|20261121080000"),
        rec("name with a middle dot", who("阿不都·热合曼", "111", "11010519491231002X", "CHN"), t,
            "阿不都·热合曼|11010519491231002X|111|CHN|20261121080000"),
    ],
    bad=[
        {"name": "bar in the name", "person": dict(zhang, name="张|三")},
        {"name": "new line in the name", "person": dict(zhang, name="张\n三")},
        {"name": "C1 control in the name", "person": dict(zhang, name="张\u0085三")},
        {"name": "bidi control in the name", "person": dict(zhang, name="张\u202e三")},
        {"name": "empty name", "person": dict(zhang, name="")},
        {"name": "name too long", "person": dict(zhang, name="三" * 101)},
        {"name": "wrong check digit", "person": dict(zhang, idNo="110105194912310021")},
        {"name": "unknown type", "person": dict(zhang, idType="112")},
        {"name": "country in two letters", "person": dict(zhang, country="CN")},
        {"name": "bar in the number", "person": dict(zhang, idType="999", idNo="A|B")},
    ],
    badRecord=[
        {"name": "empty", "record": ""},
        {"name": "four fields", "record": "张三|11010519491231002X|111|CHN"},
        {"name": "six fields", "record": record + "|"},
        {"name": "no name", "record": record[2:]},
        {"name": "short time", "record": record[:-1]},
        {"name": "no such day", "record": record[:-14] + "20260230080000"},
    ],
)
