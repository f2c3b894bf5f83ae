"""The cases of codes/, one file each: a code in all its layers and what a verifier says of each layer. The members are
told in codes/README.md and held by codes.schema.json. make.py calls write_all(); the bytes come from reference.py, the
symbols from qr.py, the expectations are written out here by hand, case by case."""

import base64
import json
import pathlib
import re

import qr
import reference as r

FOLDER = pathlib.Path(__file__).parent / "codes"
CLOCK_S = 1795219200  # 2026-11-21 00:00:00 UTC
NEVER = "20991231235959"  # the deadline where the deadline is not the matter: good for any clock until then
CODES = {"ok": "0000", "field_value": "1006", "code_malformed": "2001", "code_signature": "2002", "code_expired": "2003",
         "code_platform": "2006", "code_suspended": "2007", "code_version": "2008", "issuer": "5004"}
# The judging layers in the order in which a verifier comes to them.
LAYERS = ("text", "form", "platform", "signature", "sealed", "deadline")


def key(n):
    return int.from_bytes(r.sm3(b"key %d" % n), "big") % (r.N - 2) + 1


def seal(n):
    return r.sm3(b"seal key %d" % n)[:16]


SIGN = {1: key(100), 2: key(102), 3: key(103), 4: key(104), 255: key(155)}
SEAL = {n: seal(n) for n in SIGN}
RECEIPT, FOREIGN, NATION, SUSPENDED, STRANGER = key(110), key(120), key(121), key(122), key(123)


def trust_key(private, key_set=None, **force):
    xy = r.public(private)
    one = {"use": "receipt" if key_set is None else "code"}
    if key_set is not None:
        one["keySetId"] = key_set
    return {**one, "serial": r.sm3(xy).hex()[:16], "public": xy.hex(), "from": "2020-01-01T08:00:00+08:00", **force}


def platform(code, name, keys, status="active"):
    return {"id": code, "name": name, "status": status, "keys": keys, "endpoints": {}}


TRUST = {
    "version": 1,
    "issuedAt": "2026-11-20T08:00:00+08:00",
    "platforms": [
        platform("000000", "unified platform", [trust_key(NATION, 1)]),
        platform("310000", "neighbour", [trust_key(FOREIGN, 1)]),
        platform("320000", "issuer", [
            trust_key(SIGN[1], 1), trust_key(SIGN[2], 2), trust_key(SIGN[3], 3, to="2026-11-01T08:00:00+08:00"),
            trust_key(SIGN[4], 4, **{"from": "2100-01-01T08:00:00+08:00"}), trust_key(SIGN[255], 255),
            trust_key(RECEIPT),
        ]),
        platform("440000", "suspended", [trust_key(SUSPENDED, 1)], "suspended"),
    ],
}
ISSUER = {
    "platform": "320000",
    "keySets": [{"keySet": n, "signPrivate": "%064x" % SIGN[n], "sealKey": SEAL[n].hex()} for n in SIGN],
}


def person(name="张三", id_type="111", id_no="11010519491231002X", country="CHN"):
    return {"name": name, "idType": id_type, "idNo": id_no, "country": country}


def consent(who=None, text=None, time="20261121080000"):
    """The record for passing; `text` where canonical form and given form differ."""
    who = who or person()
    record = text or "|".join((who["name"], who["idNo"], who["idType"], who["country"], time))
    return {"form": "passing", "person": who, "timeS": CLOCK_S, "record": record, "digest": r.sm3(record.encode()).hex()}


def full_consent():
    """Table 1; RFC 8785 for members that are ASCII and values that are texts: sorted, no white space."""
    elements = {
        "SQZT": "张三|11010519491231002X|111|CHN", "YXQX": "20261121080000/20261221080000", "BSQZT": "江苏省人民医院",
        "XXKZZ": "320000", "XXLB": "健康信息", "XXSY": "就诊", "CZQX": "查询",
    }
    record = json.dumps(elements, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return {"form": "table1", "elements": elements, "record": record, "digest": r.sm3(record.encode()).hex()}


PASSING = consent()


def own_a(n=1, key_set=1, flags=0, seal_key=None, serial=None):
    serial = serial or r.sm3(b"serial %d" % n)[:16]
    return r.jkm1_part_a(key_set, serial, seal_key or SEAL.get(key_set, SEAL[1]), subject(n), flags)


def subject(n=1):
    return r.sm3(b"subject %d" % n)[:16]


def part_b(platform_id="320000", deadline=NEVER, record=PASSING, **other):
    return r.jkm1_part_b(platform_id, deadline, bytes.fromhex(record["digest"]), **other)


def whole(a=None, b=None, private=None, **how):
    ab = (a or own_a()) + (b or part_b())
    return ab + r.sign(private or SIGN[1], ab, **how)


def swap(data, at, by):
    return data[:at] + by + data[at + len(by) :]


def flip(data, at, bit=0):
    return swap(data, at, bytes([data[at] ^ 1 << bit]))


def length(n, content):
    return r.u16(n) + content


def der(sig):
    def integer(b):
        b = b.lstrip(b"\0") or b"\0"
        b = b"\0" + b if b[0] & 0x80 else b
        return b"\x02" + bytes([len(b)]) + b

    body = integer(sig[:32]) + integer(sig[32:])
    return b"\x30" + bytes([len(body)]) + body


def parts_of(data):
    """A, B and S by the lengths, where the form is right; the expectations come from the cases, not from here."""
    a_len = int.from_bytes(data[:2], "big")
    a, b, sig = data[2 : 2 + a_len], data[4 + a_len : 62 + a_len], data[62 + a_len :]
    platform_id = b[6:12].decode()
    known = next((p for p in TRUST["platforms"] if p["id"] == platform_id), {"keys": []})
    is_own = len(a) == 34 and a[0] in [k.get("keySetId") for k in known["keys"]]
    out = {"content": a.hex(), "form": "own" if is_own else "opaque"}
    serial = a[1:17] if is_own else r.sm3(data[:-64])[:16]
    if is_own:
        out.update(keySet=a[0], sealed=a[17:].hex())
    out["serial"] = serial.hex()
    return (
        out,
        {"version": 1, "type": "JKM1", "platform": platform_id, "deadline": b[12:26].decode(), "consentDigest": b[26:].hex()},
        {"r": sig[:32].hex(), "s": sig[32:].hex()},
        r.sm3(b[6:12] + serial)[:16].hex(),
    )


def picture(text):
    """Where one segment is the shortest, so that every encoder draws the same modules under the same mask."""
    if not text or len(text) > 1024 or not all(" " <= c <= "~" for c in text):
        return None
    longer_run = "[0-9]{8}" if all(c in qr.ALPHANUMERIC for c in text) else "[0-9A-Z $%*+./:-]{6}"
    if re.search(longer_run, text):
        return None
    mask, rows = qr.symbol(text)
    return {"symbology": "qr", "level": "H", "mask": mask, "size": len(rows), "modules": qr.packed(rows)}


def verdict_of(expect):
    failed = [expect[layer] for layer in LAYERS if expect[layer] not in (None, "ok", "issuer")]
    return failed[0] if failed else "issuer" if expect["sealed"] == "issuer" else "ok"


cases = {}


def case(name, about, data=None, given=None, place=None, record=PASSING, plain=None, clock_s=CLOCK_S, clause="4.1",
         content="ok", digest="ok", **fails):
    """`fails` names the layer that refuses and its verdict (sealed="issuer" does not refuse); layers behind the first
    refusal are not reached. `given` is a text that is not the base32 of `data`."""
    assert name not in cases and set(fails) <= set(LAYERS), name
    expect = dict.fromkeys(LAYERS)
    text = r.base32(data) if data and len(data) <= 4222 else given
    has_code = data is not None or text is not None
    for layer in LAYERS if has_code else ():
        if layer == "text" and text is None:
            continue  # no text has no bytes: such a case begins with its bytes
        expect[layer] = fails.get(layer, "ok")
        if expect[layer] not in ("ok", "issuer"):
            break
    is_formed = expect["form"] == "ok"
    a, b, s, revocation_id = parts_of(data) if is_formed else (None,) * 4
    if plain and is_formed:
        a = {**a, **plain}
    drawn = picture(text)
    expect = {
        "consent": content if record else None,
        "digest": digest if record and is_formed else None,
        "picture": "ok" if drawn else None,
        **expect, "place": place,
        "verdict": verdict_of(expect) if has_code else None,
    }
    expect["resultCode"] = CODES[expect["verdict"]] if has_code else None
    cases[name] = {
        "name": name, "about": about, "clause": "GB/T 38961 " + clause, "clockS": clock_s,
        "anyClock": b is None or b["deadline"] == NEVER, "trustList": TRUST, "issuer": ISSUER,
        "layers": {
            "consent": record, "A": a, "B": b, "S": s, "revocationId": revocation_id,
            "bytes": data.hex() if data is not None else None, "text": text, "picture": drawn,
        },
        "expect": expect,
    }


def own(name, about, n=1, flags=0, key_set=1, b=None, record=PASSING, deadline=NEVER, serial=None, has_plain=True, **more):
    """A code of our form by the issuer, with what its seal holds."""
    data = whole(own_a(n, key_set, flags, serial=serial), b or part_b(deadline=deadline, record=record), SIGN[key_set])
    plain = {"subject": subject(n).hex(), "flags": flags} if has_plain else None
    case(name, about, data, record=record, plain=plain, **more)


def good_cases():
    own("good-pass", "many times, scope pass")
    own("good-one-time", "flag bit 0: counts once", 2, 0x01)
    own("good-paper", "flag bit 1: a paper certificate", 3, 0x02)
    own("good-on-behalf", "flag bit 2: shown on behalf of the holder", 4, 0x04)
    own("good-medical", "scope 1 in bits 3 to 5, with the consent record of table 1", 5, 0x08, record=full_consent(),
        clause="4.2")
    own("good-all-flags", "one-time, paper, on behalf, medical", 6, 0x0F)
    own("good-key-set-2", "another key set in force", 7, key_set=2)
    own("good-key-set-255", "the highest key set id", 8, key_set=255)
    own("good-serial-ones", "a serial of ones: the counter wraps over 128 bits", 9, serial=b"\xff" * 16)
    own("good-serial-zeros", "a serial of zeros", 10, serial=bytes(16))
    own("good-last-day", "a deadline at the end of the year 9999", 11, deadline="99991231235959")
    own("good-leap-day", "a deadline on 29 February", 12, deadline="20280229120000")
    foreign = "sealed for its own issuer: genuine, subject and flags not known here"
    case("good-foreign", "another platform of the trust list; " + foreign,
         whole(own_a(13), part_b("310000"), FOREIGN), sealed="issuer")
    case("good-unified-platform", "platform 000000; " + foreign, whole(own_a(14), part_b("000000"), NATION), sealed="issuer")
    for name, about, data in (
        ("1", "one byte", b"\x07"), ("33", "33 bytes", bytes(range(33))), ("35", "35 bytes", bytes(range(35))),
        ("4096", "4,096 bytes, the longest: too much for a symbol", bytes(i % 251 for i in range(4096))),
    ):
        case(f"good-opaque-{name}", f"a cyber trusted identity in A: {about}", whole(length(len(data), data)), sealed="issuer")
    case("good-opaque-second-key", "an opaque A signed with the second of the platform's keys",
         whole(length(7, b"opaque!"), private=SIGN[2]), sealed="issuer")
    case("good-opaque-34", "34 bytes whose first names no key set of the platform: opaque, tried with every key",
         whole(length(34, b"\x63" + bytes(33))), sealed="issuer")
    for n in range(10000):  # signatures whose r or s begins with a zero byte: fixed width is kept
        ab = own_a(15 + n) + part_b()
        sig = r.sign(SIGN[1], ab)
        found = "r" if sig[0] == 0 else "s" if sig[32] == 0 else None
        if found and f"good-{found}-leading-zero" not in cases:
            case(f"good-{found}-leading-zero", f"{found} of 31 bytes keeps its leading zero", ab + sig,
                 plain={"subject": subject(15 + n).hex(), "flags": 0})
        if {"good-r-leading-zero", "good-s-leading-zero"} <= set(cases):
            break


def consent_cases():
    with_check = "93184019850315002"
    weight = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    card = with_check + "10X98765432"[sum(int(c) * w for c, w in zip(with_check, weight)) % 11]
    nfd = person("Ame\u0301lie Le Gall", "400", "12AB34567", "FRA")
    for number, (name, about, record) in enumerate((
        ("nfd", "a name in NFD goes as NFC", consent(nfd, "Am\u00e9lie Le Gall|12AB34567|400|FRA|20261121080000")),
        ("middle-dot", "a name with a middle dot", consent(person("阿不都·热合曼"))),
        ("plane-2", "a name outside the basic plane", consent(person("\U00020bb7野三"))),
        ("lower-x", "the check letter in lower case goes as upper case",
         consent(person(id_no="11010519491231002x"), PASSING["record"])),
        ("15-digits", "an old number of 15 digits stays as it is", consent(person(id_no="110105491231002"))),
        ("516-permit", "516 as the travel permit of Hong Kong", consent(person("陳大文", "516", "H12345678", "HKG"))),
        ("516-macao", "516 as the travel permit of Macao", consent(person("何小明", "516", "M1234567801", "MAC"))),
        ("516-card", "516 as the residence card, 15 characters", consent(person("SMITH JOHN", "516", "USA110099120510", "USA"))),
        ("516-card-18", "516 as the residence card, 18 digits", consent(person("SMITH JOHN", "516", card, "USA"))),
        ("553-card", "a residence card under 553 goes as 516", consent(
            person("SMITH JOHN", "553", "USA110099120510", "USA"), "SMITH JOHN|USA110099120510|516|USA|20261121080000")),
    )):
        own(f"consent-{name}", about, 40 + number, record=record, clause="4.2, annex A")
    own("consent-of-another", "the digest in B is not that of the record: the code is good, the record isn't its own", 60,
        b=part_b(), record=consent(person("李四")), digest="differs", clause="4.2")
    for name, about, who in (
        ("bar", "a bar in the name", person("张|三")),
        ("newline", "a line feed in the name", person("张\n三")),
        ("c1-control", "a C1 control in the name", person("张\u0085三")),
        ("bidi-control", "a bidi control in the name", person("张\u202e三")),
        ("line-separator", "a line separator in the name", person("张\u2028三")),
        ("empty-name", "no name", person("")),
        ("long-name", "a name of 101 characters", person("三" * 101)),
        ("check-digit", "a wrong check digit", person(id_no="110105194912310021")),
        ("type", "a type that is not in annex A", person(id_type="112")),
        ("country", "a country in two letters", person(country="CN")),
        ("516-form", "516 with a number of neither form", person("X", "516", "X12345678", "HKG")),
    ):
        refused = {"form": "passing", "person": who, "timeS": CLOCK_S, "record": None, "digest": None}
        case(f"consent-refused-{name}", about + ": no record, so no code", record=refused, content="field_value",
             clause="4.2, annex A")


def text_cases():
    data = whole(own_a(1))
    text = r.base32(data)
    spare = whole(length(35, bytes(range(35))))  # 161 bytes: 258 letters, 2 spare bits
    spare_text = r.base32(spare)
    assert len(spare) % 5 == 1 and len(text) == 256
    wrong = spare_text[:-1] + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"["ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".index(spare_text[-1]) ^ 1]
    alphabet = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHIJKLMNOPQRSTUV")
    letter = next(i for i, c in enumerate(text) if c.isalpha())
    for name, about, bad in (
        ("empty", "no letters", ""),
        ("lower-case", "lower case throughout", text.lower()),
        ("one-lower-letter", "one lower letter", text[:letter] + text[letter].lower() + text[letter + 1 :]),
        ("newline-behind", "a line feed behind", text + "\n"),
        ("crlf-behind", "carriage return and line feed behind", text + "\r\n"),
        ("space-before", "a space before", " " + text),
        ("space-inside", "a space inside", text[:128] + " " + text[128:]),
        ("newline-inside", "a line feed inside", text[:64] + "\n" + text[64:]),
        ("tab-behind", "a tab behind", text + "\t"),
        ("groups", "groups with hyphens", "-".join(text[i : i + 8] for i in range(0, 256, 8))),
        ("padding-1", "one sign of padding", text + "="),
        ("padding-6", "padded as RFC 4648 says where 2 letters are left", spare_text + "======"),
        ("spare-bits", "spare bits that are not zero", wrong),
        ("one-letter-more", "257 letters: no base32 has so many", text + "A"),
        ("one-letter-less", "255 letters: three spare bits are left, not zero", text[:-1]),
        ("base32hex", "the other alphabet of RFC 4648", text.translate(alphabet)),
        ("base64", "base64", base64.b64encode(data).decode()),
        ("hex", "hexadecimal digits", data.hex().upper()),
        ("digit-0", "a 0, not of the alphabet", "0" + text[1:]),
        ("digit-1", "a 1, not of the alphabet", text[:-1] + "1"),
        ("digit-8", "an 8, not of the alphabet", text[:100] + "8" + text[101:]),
        ("full-width", "a letter of full width", chr(ord(text[letter]) + 0xFEE0).join((text[:letter], text[letter + 1 :]))),
        ("byte-order-mark", "a byte order mark before", "\ufeff" + text),
        ("url", "an address in front", "HTTPS://EXAMPLE.CN/" + text),
        ("too-long", "6,760 letters, more than any code has", "A" * 6760),
    ):
        case(f"text-{name}", about, given=bad, text="code_malformed", clause="5")


def form_cases():
    data = whole(own_a(1))
    a, b, s = data[:36], data[36:96], data[96:]
    bad = "code_malformed"
    for name, about, broken, place in (
        ("empty", "no bytes", b"", "A.length"),
        ("one-byte", "one byte", data[:1], "A.length"),
        ("a-length-0", "A of length 0", length(0, b + s), "A.length"),
        ("a-length-4097", "A of 4,097 bytes", length(4097, bytes(4097)) + b + s, "A.length"),
        ("a-length-cut", "A longer than the code", length(4096, data[2:]), "A"),
        ("a-length-less", "A's length one too small: B's length is read from A's last byte", length(33, data[2:]), "B"),
        ("a-length-more", "A's length one too large: B's length is read from its own second byte", length(35, data[2:]), "B"),
        ("a-length-swapped", "A's length little-endian", data[1::-1] + data[2:], "A.length"),
        ("a-length-counts-itself", "A's length counts its own two bytes", length(36, data[2:]), "B.length"),
        ("a-only", "nothing behind A", a, "B.length"),
        ("b-length-cut", "one byte behind A", a + b[:1], "B.length"),
        ("b-cut", "B cut off", a + b[:40], "B"),
        ("b-longer", "B longer than the code", a + length(400, b[2:] + s), "B"),
        ("b-length-0", "B of length 0", a + length(0, b[2:] + s), "B.length"),
        ("b-length-5", "B without room for version and type", a + length(5, b[2:] + s), "B.length"),
        ("b-length-6", "B of version and type only", a + length(6, b[2:] + s), "B.length"),
        ("b-length-57", "B one byte short", a + length(57, b[2:-1]) + s, "B.length"),
        ("b-length-59", "B one byte long", a + length(59, b[2:] + b"\0") + s, "B.length"),
        ("b-length-counts-itself", "B's length counts its own two bytes", a + length(60, b[2:] + s), "B.length"),
        ("b-length-swapped", "B's length little-endian", a + b[1::-1] + b[2:] + s, "B"),
        ("platform-letter", "a letter in the platform id", swap(data, 44, b"32000A"), "B.platform"),
        ("platform-province", "a platform id of no province", swap(data, 44, b"990000"), "B.platform"),
        ("platform-district", "a platform id of a district without a city", swap(data, 44, b"320001"), "B.platform"),
        ("platform-spaces", "a platform id of two digits and spaces", swap(data, 44, b"32    "), "B.platform"),
        ("deadline-letter", "a letter O in the deadline", swap(data, 50, b"2099123123595O"), "B.deadline"),
        ("deadline-month-13", "month 13", swap(data, 50, b"20991331235959"), "B.deadline"),
        ("deadline-31-february", "31 February", swap(data, 50, b"20990231235959"), "B.deadline"),
        ("deadline-29-february", "29 February of a year without one", swap(data, 50, b"20990229235959"), "B.deadline"),
        ("deadline-24-hours", "24 o'clock", swap(data, 50, b"20991231240000"), "B.deadline"),
        ("deadline-leap-second", "a leap second", swap(data, 50, b"20991231235960"), "B.deadline"),
        ("deadline-1969", "before 1970", swap(data, 50, b"19691231235959"), "B.deadline"),
        ("deadline-sign", "a sign in front", swap(data, 50, b"+2099123123595"), "B.deadline"),
        ("s-missing", "no S", a + b, "S"),
        ("s-63", "S of 63 bytes", data[:-1], "S"),
        ("s-65", "S of 65 bytes", data + b"\0", "S"),
        ("s-der", "S in DER instead of r and s raw", a + b + der(s), "S"),
        ("s-with-04", "S with a byte 04 in front, as points have", a + b + b"\x04" + s, "S"),
        ("s-twice", "S twice", data + s, "S"),
        ("newline-behind", "a line feed behind the bytes", data + b"\n", "S"),
        ("twice", "two codes in one", data + data, "S"),
        ("text-in-bytes", "the text form where bytes are due", r.base32(data).encode(), "A.length"),
    ):
        case(f"form-{name}", about, broken, place=place, form=bad)
    for name, about, broken, place in (
        ("version-0", "version 0", swap(data, 38, r.u16(0)), "B.version"),
        ("version-2", "version 2", swap(data, 38, r.u16(2)), "B.version"),
        ("version-swapped", "version 1 little-endian", swap(data, 38, b"\x01\x00"), "B.version"),
        ("version-2-longer", "version 2 with a longer B: the version is told before the length",
         a + length(60, r.u16(2) + b[4:] + b"xy") + s, "B.version"),
        ("type-jkm2", "type JKM2", swap(data, 40, b"JKM2"), "B.type"),
        ("type-lower-case", "type in lower case", swap(data, 40, b"jkm1"), "B.type"),
        ("type-before-version", "type and version wrong: the type is told", swap(data, 38, r.u16(2) + b"JKM9"), "B.type"),
        ("flip-version", "a bit of the version flipped", flip(data, 39, 1), "B.version"),
        ("flip-type", "a bit of the type flipped", flip(data, 43, 1), "B.type"),
    ):
        case(f"form-{name}", about, broken, place=place, form="code_version")


def signature_cases():
    data = whole(own_a(1))
    ab, s = data[:96], data[96:]
    bad = "code_signature"
    order = r.N.to_bytes(32, "big")
    r_int = int.from_bytes(s[:32], "big")
    without_z = r.sm3(ab)
    for name, about, broken in (
        ("flip-key-set", "a bit of the key set id flipped, no key set of the platform", flip(data, 2, 6)),
        ("other-key-set", "another key set of the platform put in: its key doesn't verify", swap(data, 2, b"\x02")),
        ("flip-serial", "a bit of the serial flipped", flip(data, 3, 7)),
        ("flip-subject", "a bit of the sealed subject flipped", flip(data, 19)),
        ("flip-flag", "the sealed bit of one-time flipped", flip(data, 35)),
        ("platform", "the platform exchanged for another of the list", swap(data, 44, b"310000")),
        ("flip-deadline", "a digit of the deadline changed", flip(data, 63)),
        ("flip-digest", "a bit of the consent digest flipped", flip(data, 64, 7)),
        ("flip-digest-last", "the last bit of the consent digest flipped", flip(data, 95)),
        ("flip-r", "a bit of r flipped", flip(data, 127)),
        ("flip-s", "a bit of s flipped", flip(data, 159)),
        ("r-0", "r = 0", ab + bytes(32) + s[32:]),
        ("s-0", "s = 0", ab + s[:32] + bytes(32)),
        ("r-n", "r = n", ab + order + s[32:]),
        ("s-n", "s = n", ab + s[:32] + order),
        ("r-ones", "r = 2^256 - 1, above n", ab + b"\xff" * 32 + s[32:]),
        ("s-ones", "s = 2^256 - 1, above n", ab + s[:32] + b"\xff" * 32),
        ("r-plus-s-n", "r + s = n", ab + s[:32] + (r.N - r_int).to_bytes(32, "big")),
        ("zeros", "S of zeros", ab + bytes(64)),
        ("swapped", "s before r", ab + s[32:] + s[:32]),
        ("little-endian", "r and s little-endian", ab + s[31::-1] + s[:31:-1]),
        ("of-another", "the signature of another code", ab + whole(own_a(2))[96:]),
        ("no-user-id", "signed with an empty user id", whole(own_a(1), user=b"")),
        ("user-id", "signed with the user id ALICE123@YAHOO.COM", whole(own_a(1), user=b"ALICE123@YAHOO.COM")),
        ("no-z", "signed over SM3(A‖B), without Z", ab + r.sign(SIGN[1], ab, digest_of=without_z)),
        ("b-only", "signed over B only", ab + r.sign(SIGN[1], ab[36:])),
        ("without-lengths", "signed without the two lengths", ab + r.sign(SIGN[1], ab[2:36] + ab[38:])),
        ("receipt-key", "signed with the platform's key for receipts", ab + r.sign(RECEIPT, ab)),
        ("foreign-key", "signed with another platform's key", ab + r.sign(FOREIGN, ab)),
        ("unknown-key", "signed with a key that nobody has", ab + r.sign(STRANGER, ab)),
        ("retired", "a key set that is no longer in force", whole(own_a(1, 3), private=SIGN[3])),
        ("not-yet", "a key set that is not in force yet", whole(own_a(1, 4), private=SIGN[4])),
        ("opaque-unknown-key", "an opaque A, signed with none of the platform's keys",
         whole(length(7, b"opaque!"), private=STRANGER)),
        ("opaque-retired", "an opaque A, signed with a key no longer in force", whole(length(7, b"opaque!"), private=SIGN[3])),
        ("opaque-receipt-key", "an opaque A, signed with the key for receipts", whole(length(7, b"opaque!"), private=RECEIPT)),
    ):
        differs = name.startswith("flip-digest")
        case(f"signature-{name}", about, broken, signature=bad, digest="differs" if differs else "ok",
             clause="4.1, GB/T 32918.2")


def trust_cases():
    case("platform-unknown", "a platform that is not on the list", whole(own_a(), part_b("510000"), STRANGER),
         platform="code_platform")
    case("platform-city", "a city's platform is not its province's", whole(own_a(), part_b("320500"), SIGN[1]),
         platform="code_platform")
    case("platform-suspended", "a platform that was suspended", whole(own_a(), part_b("440000"), SUSPENDED),
         platform="code_suspended")


def sealed_cases():
    for name, about, flags in (
        ("bit-6", "reserved bit 6 set", 0x40), ("bit-7", "reserved bit 7 set", 0x80), ("scope-2", "a scope that no code has", 0x10),
        ("scope-7", "the highest scope", 0x38), ("all-bits", "every bit set", 0xFF),
    ):
        case(
            f"sealed-{name}", about + ", genuinely signed", whole(own_a(70, 1, flags)),
            plain={"subject": subject(70).hex(), "flags": flags}, sealed="code_malformed")


def deadline_cases():
    data = {"deadline": "20261121000500"}
    at = CLOCK_S + 300
    expired = {"deadline": "code_expired"}
    for name, about, clock_s, fails in (
        ("fresh", "5 minutes left", at - 300, {}), ("one-before", "one second before the deadline", at - 1, {}),
        ("now", "in the second of the deadline", at, {}), ("one-after", "one second after the deadline", at + 1, expired),
        ("a-day-after", "a day after", at + 86400, expired),
    ):
        own_deadline(f"deadline-{name}", about, data["deadline"], clock_s, fails)
    own_deadline("deadline-1970", "the first second there is", "19700101000000", CLOCK_S, expired)
    own_deadline("deadline-eight-hours", "a deadline in China's time would be 8 hours late: it is UTC", "20261121080000",
                 CLOCK_S + 8 * 3600 + 1, expired)
    foreign = whole(own_a(80), part_b("310000", "20261120235959"), FOREIGN)
    case("deadline-foreign", "another platform's code, expired", foreign, sealed="issuer", deadline="code_expired")


def own_deadline(name, about, deadline, clock_s, fails):
    n = 81
    case(name, about, whole(own_a(n), part_b(deadline=deadline)), clock_s=clock_s,
         plain={"subject": subject(n).hex(), "flags": 0}, **fails)


def order_cases():
    old = "20200101000000"
    case("order-platform-signature", "unknown platform and a wrong signature: the platform is told",
         flip(whole(own_a(), part_b("510000"), STRANGER), 159), platform="code_platform")
    case("order-suspended-signature", "suspended platform and a wrong signature: the suspension is told",
         flip(whole(own_a(), part_b("440000"), SUSPENDED), 159), platform="code_suspended")
    case("order-suspended-expired", "suspended platform and expired: the suspension is told",
         whole(own_a(), part_b("440000", old), SUSPENDED), platform="code_suspended")
    case("order-signature-expired", "a wrong signature and expired: the signature is told",
         flip(whole(own_a(), part_b(deadline=old)), 159), signature="code_signature")
    case("order-sealed-expired", "reserved flags and expired: the flags are told", whole(own_a(1, 1, 0x40), part_b(deadline=old)),
         plain={"subject": subject(1).hex(), "flags": 0x40}, sealed="code_malformed")
    case("order-version-length", "version 3 and no S: the version is told", whole(own_a())[:38] + r.u16(3) + whole(own_a())[40:96],
         place="B.version", form="code_version")


def make_all():
    cases.clear()
    for make in (good_cases, consent_cases, text_cases, form_cases, trust_cases, signature_cases, sealed_cases, deadline_cases,
                 order_cases):
        make()
    return cases


def write_all():
    FOLDER.mkdir(exist_ok=True)
    for name, value in make_all().items():
        text = json.dumps(value, ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")
