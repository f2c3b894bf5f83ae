"""Verification (3000): one verdict for each defect, in the documented order; HTTP 200 with the code's own 2xxx."""
import calendar
import secrets
import time

import pytest

from client.caller import Person, new_number
from client.checks import check, refused
from client.code import ALPHABET, Code, bytes_of, der, part_a, part_b, sealed_and_signed, signed_part, stamp, text_of
from client.curve import SM2, PrivateKey

CLAUSE = "38963 6.7, 3000"
EXPIRED = "健康码已过期"
FLIPS = {"A.length": (0, "2001"), "key set": (2, "2002"), "serial": (3, "2002"), "sealed": (19, "2002"), "flags": (35, "2002"),
         "B.length": (37, "2001"), "version": (39, "2008"), "type": (40, "2008"), "digest": (64, "2002"), "r": (96, "2002"),
         "s": (159, "2002")}


def verdict(answer, code, what=""):
    assert (answer.status, answer.code) == (200, code), f"{what + ': ' if what else ''}wanted the verdict {code}, got {answer}"
    if code != "0000":
        assert "receipt" not in answer.data, f"{what}: a receipt with a refusal"
    return answer


class Forge:
    """Codes of our own making, by the keys that the configuration gives."""

    def __init__(self, world, name="own"):
        self.platform = world.platform(name)

    def parts(self, life_s=120, flags=0, **b):
        platform = self.platform
        a = part_a(platform.seal_key or secrets.token_bytes(16), platform.key_set, flags)
        return a, part_b(b.pop("platform", platform.id), b.pop("deadline", int(time.time()) + life_s), **b)

    def text(self, key=None, **parts):
        return sealed_and_signed(key or self.platform.key, *self.parts(**parts))


@check("VER-01", f"{CLAUSE}", "a fresh code is good, and the answer says what was checked")
def check_good(world):
    minted = world.mint()
    data = world.done(world.verify(minted["code"], operation="verify"))
    assert {"form", "platform", "signature", "deadline", "ledger"} <= set(data["checked"]), data["checked"]
    assert (data["platform"], data["scope"], data["oneTime"], data["paper"]) == (world.settings.region, "pass", False, False)
    assert data["deadline"] == minted["deadline"]


@check("VER-02", f"{CLAUSE}; S over A ‖ B", "no flipped bit passes: each place has its verdict")
def check_flips(world):
    data = bytes_of(world.code)
    for place, (at, code) in FLIPS.items():
        for bit in (0x80, 0x01):
            changed = bytearray(data)
            changed[at] ^= bit
            verdict(world.verify(text_of(bytes(changed))), code, f"{place}, bit {bit:02x}")
    for at in range(44, 64):  # the platform and the deadline: what is no number or no such platform is told apart
        changed = bytearray(data)
        changed[at] ^= 1
        answer = world.verify(text_of(bytes(changed)))
        assert answer.status == 200 and answer.code in ("2001", "2002", "2003", "2006", "2007"), f"byte {at}: {answer}"
        assert at < 50 or answer.code in ("2001", "2002"), f"byte {at}: {answer}: the deadline is judged before the signature"


def none_of(world, text, what):
    """Not the text form: told by the verdict, or, a control character, as a value out of bounds."""
    answer = world.verify(text)
    assert (answer.status, answer.code) in ((200, "2001"), (400, "1006")), f"{what}: {answer}"


@check("VER-03", "text form: RFC 4648 base32, one spelling", "lower case is none")
def check_lower_case(world):
    none_of(world, world.code.lower(), "all lower")
    none_of(world, world.code[:-1] + world.code[-1].lower() if world.code[-1].isalpha() else "a" + world.code[1:], "one letter")


@check("VER-04", "text form: RFC 4648 base32, one spelling", "padding is none")
def check_padding(world):
    for padded in (world.code + "=", world.code + "========", world.code[:-8] + world.code[-8:-1] + "="):
        none_of(world, padded, "padded")


@check("VER-05", "text form: RFC 4648 base32, one spelling", "white space and line ends are none, wherever they stand")
def check_white_space(world):
    code = world.code
    for what, text in (("trailing newline", code + "\n"), ("trailing space", code + " "), ("leading space", " " + code),
                       ("inside", code[:128] + "\n" + code[128:]), ("carriage return", code + "\r\n"), ("tab", code + "\t")):
        none_of(world, text, what)


@check("VER-06", "text form: RFC 4648 base32, one spelling", "spare bits that are not zero are none")
def check_spare_bits(world):
    data = bytes_of(world.code)
    for size in (158, 156, 157, 159):
        text = text_of(data[:size])
        last = ALPHABET.index(text[-1])
        none_of(world, text[:-1] + ALPHABET[last | 1], f"{size} bytes")
    opaque = data_with_a(world, 36)
    text = text_of(opaque)
    last = ALPHABET.index(text[-1])
    verdict(world.verify(text), "2002", "A of 36 bytes, signed by nobody")
    verdict(world.verify(text[:-1] + ALPHABET[last | 1]), "2001", "the same with a spare bit")


def data_with_a(world, size):
    """The form of a code of the platform with an A of another size: opaque, and signed by nobody."""
    b = part_b(world.settings.region, int(time.time()) + 60)
    return signed_part(secrets.token_bytes(size), b) + no_signature()


def no_signature():
    return PrivateKey(4711).sign(b"something else")


@check("VER-07", "text form: letters and lengths", "other letters, and lengths that base32 doesn't have, are none")
def check_letters(world):
    code = world.code
    for what, text in (("digit 0", "0" + code[1:]), ("digit 1", "1" + code[1:]), ("digit 8", "8" + code[1:]),
                       ("one letter more", code + "A"), ("two more", code + "AA"), ("cut", code[:-2]), ("one letter", "A"),
                       ("full width", "Ａ" + code[1:]), ("hex", bytes_of(code).hex()), ("rubbish", "健康码")):
        none_of(world, text, what)


@check("VER-08", "GB/T 38961 4.1: lengths",
       "A, B and S are read by their lengths; too short, too long or over the bound is malformed")
def check_lengths(world):
    data = bytes_of(world.code)
    for size in (0, 1, 2, 35, 37, 38, 95, 96, 159):
        if size:
            verdict(world.verify(text_of(data[:size])), "2001", f"{size} bytes")
    verdict(world.verify(text_of(data + b"\0")), "2001", "a byte more")
    verdict(world.verify(text_of(data + data)), "2001", "twice")
    for length in (0, 33, 35, 36, 4097, 65535):
        verdict(world.verify(text_of(length.to_bytes(2, "big") + data[2:])), "2001", f"A.length {length}")
    for length in (0, 5, 57, 59, 60, 65535):
        changed = data[:36] + length.to_bytes(2, "big") + data[38:]
        verdict(world.verify(text_of(changed)), "2001", f"B.length {length}")
    verdict(world.verify(text_of(data[:96] + der(data[96:]))), "2001", "S in DER")


@check("VER-09", "GB/T 38961 4.1: deadline; code table",
       "a deadline that is no time, a platform that is none, another type or version")
def check_fields(world):
    a, region = part_a(bytes(16)), world.settings.region
    soon = int(time.time()) + 60
    for what, b, code in (("a month 13", part_b(region, "20261301000000"), "2001"), ("30 February", part_b(region, "20270230000000"), "2001"),
                          ("24 hours", part_b(region, "20270101240000"), "2001"), ("a letter", part_b(region, "2027010100000x"), "2001"),
                          ("second 60", part_b(region, "20270101000060"), "2001"), ("a sign", part_b(region, "+2027010100000"), "2001"),
                          ("no province", part_b("990000", soon), "2001"), ("letters", part_b("32000x", soon), "2001"),
                          ("JKM2", part_b(region, soon, kind=b"JKM2"), "2008"), ("jkm1", part_b(region, soon, kind=b"jkm1"), "2008"),
                          ("version 0", part_b(region, soon, version=0), "2008"), ("version 2", part_b(region, soon, version=2), "2008"),
                          ("version 2, longer", part_b(region, soon, version=2) + b"\0", "2008"), ("longer", part_b(region, soon) + b"\0", "2001")):
        verdict(world.verify(text_of(signed_part(a, b) + no_signature())), code, what)


@check("VER-10", "trust list; 2006",
       "a code of a platform that is not in the trust list is of an unknown platform, whoever signed it")
def check_unknown_platform(world):
    _data, platforms = world.trust_list()
    others = [one for one in ("510000", "540000", "650000", "710000") if one not in platforms]
    for platform in others[:2]:
        text = sealed_and_signed(PrivateKey(), part_a(bytes(16)), part_b(platform, int(time.time()) + 60))
        verdict(world.verify(text), "2006", platform)


@check("VER-11", f"{CLAUSE}; S", "a code signed by another key is not of the platform, nor under another key set")
def check_other_keys(world):
    region, soon = world.settings.region, int(time.time()) + 60
    stranger = PrivateKey()
    for key_set in (Code(world.code).key_set, 0, 200):
        text = sealed_and_signed(stranger, part_a(bytes(16), key_set), part_b(region, soon))
        verdict(world.verify(text), "2002", f"key set {key_set}")
    verdict(world.verify(sealed_and_signed(stranger, secrets.token_bytes(100), part_b(region, soon))), "2002", "opaque A")
    one, two = Code(world.code), Code(world.mint()["code"])
    verdict(world.verify(text_of(one.signed + two.signature)), "2002", "another code's signature")
    verdict(world.verify(text_of(signed_part(one.a, two.b) + two.signature)), "2002", "A of one, B and S of another")


@check("VER-12", "GB/T 32918.2: r and s in [1, n-1]", "r or s of 0, n or more is no signature")
def check_range(world):
    code = Code(world.code)
    r, s = code.signature[:32], code.signature[32:]
    n = SM2.n.to_bytes(32, "big")
    s_more = int.from_bytes(s, "big") + SM2.n
    forms = {"r = 0": bytes(32) + s, "s = 0": r + bytes(32), "zeros": bytes(64), "r = n": n + s, "s = n": r + n, "ones": b"\xff" * 64,
             "r + s = n": r + (SM2.n - int.from_bytes(r, "big")).to_bytes(32, "big"), "swapped": s + r}
    if s_more < 1 << 256:
        forms["s + n"] = r + s_more.to_bytes(32, "big")
    for what, signature in forms.items():
        verdict(world.verify(text_of(code.signed + signature)), "2002", what)


def soon_over(world):
    """(a code that is good for some seconds, its deadline): of our own making, else of a scene with a short life."""
    own = world.settings.platforms.get("own")
    if own and own.seal_key:
        deadline = int(time.time()) + 2
        return Forge(world).text(deadline=deadline), deadline
    if "brief" not in world.settings.scenes:
        pytest.skip("the configuration has neither platforms.own with its seal_key nor scenes.brief")
    text = world.mint(scene=world.scene("brief"))["code"]
    return text, Code(text).deadline_s


@check("VER-13", "GB/T 38961 4.1: valid while now ≤ deadline, in whole seconds; 健康码已过期",
       "a code is good in its deadline's second and expired in the next")
def check_deadline(world):
    for _ in range(3):
        text, deadline = soon_over(world)
        seen, end = set(), time.monotonic() + 16
        while "after" not in seen and time.monotonic() < end:
            answer = world.verify(text)
            when = moment_of(answer)
            if when < deadline + 0.7:  # what is decided in the last part of a second may be decided in the next one
                seen.add("in" if when >= deadline else "before")
                verdict(answer, "0000", f"{deadline + 1 - when:.1f} s before the end of the deadline's second")
            elif when >= deadline + 1:
                seen.add("after")
                expired = verdict(answer, "2003", f"{when - deadline:.1f} s after the deadline")
                assert expired.members["resultDesc"] == EXPIRED
            time.sleep(0.03)
        assert "after" in seen, "the code did not expire"
        if "in" in seen:
            return
    pytest.fail("no answer fell into the deadline's second, three times")


def moment_of(answer):
    """The answer's own time: the clock that decides."""
    text = answer.members["timeStamp"]
    whole = calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - 8 * 3600
    return whole + float(text[19 : text.index("+")] or 0)


@check("VER-14", f"{CLAUSE}; 健康码已过期", "an expired code is told in the standard's words, and with nothing more")
def check_expired(world):
    forge = Forge(world)
    for ago in (1, 3600, 8 * 3600 - 60):
        answer = verdict(world.verify(forge.text(life_s=-ago)), "2003", f"{ago} s ago")
        assert answer.members["resultDesc"] == EXPIRED
        assert not {"receipt", "oneTime", "scope", "subject"} & set(answer.data), "tells more"


@check("VER-15", "GB/T 38961 4.1: deadline in UTC", "a deadline is UTC: eight hours make a difference")
def check_utc(world):
    forge = Forge(world)
    answer = world.verify(forge.text(deadline=stamp(int(time.time()) - 60, 8)))  # of our clock, so far ahead in UTC
    assert answer.code != "2003", f"local time was read: {answer}"
    verdict(world.verify(forge.text(deadline=stamp(int(time.time()) - 60))), "2003", "a minute ago in UTC")


@check("VER-16", "GB/T 32918: user id 1234567812345678",
       "a code signed with another user id, none, or without Z does not verify")
def check_user_id(world):
    forge = Forge(world)
    a, b = forge.parts()
    message = signed_part(a, b)
    for user_id in (b"", b"1234567812345679", b"87654321"):
        verdict(world.verify(text_of(message + forge.platform.key.sign(message, user_id))), "2002", repr(user_id))
    for what, signed in (("B only", b), ("without lengths", a + b)):
        verdict(world.verify(text_of(message + forge.platform.key.sign(signed))), "2002", what)


@check("VER-17", f"{CLAUSE}: form, platform, signature, deadline",
       "of several defects the first in the documented order is told")
def check_order(world):
    forge, stranger, past = Forge(world), PrivateKey(), -3600
    good_b = forge.parts(life_s=past)[1]
    expect = {"expired and forged": (forge.text(stranger, life_s=past), "2002"),
              "expired, forged, unknown platform": (forge.text(stranger, life_s=past, platform="540000"), "2006"),
              "expired, of another version": (forge.text(life_s=past, version=2), "2008"),
              "unknown platform, no time": (forge.text(platform="540000", deadline="2026130100000x"), "2001"),
              "another type and version": (forge.text(version=9, kind=b"JKMX"), "2008"),
              "expired, a byte too much": (text_of(bytes_of(forge.text(life_s=past)) + b"\0"), "2001"),
              "expired, S cut": (text_of(signed_part(part_a(bytes(16)), good_b) + bytes(63)), "2001")}
    for what, (text, code) in expect.items():
        verdict(world.verify(text), code, what)


@check("VER-18", "trust list; 2007",
       "a code of a suspended platform is told so, before its signature and deadline are looked at")
def check_suspended(world):
    forge = Forge(world, "suspended")
    verdict(world.verify(forge.text()), "2007")
    verdict(world.verify(forge.text(PrivateKey())), "2007", "forged")
    verdict(world.verify(forge.text(life_s=-60)), "2007", "expired")


@check("VER-19", "38963; 5004",
       "a code of another platform in force is checked as far as it can be, and the answer says how far")
def check_foreign(world):
    forge = Forge(world, "foreign")
    answer = verdict(world.verify(forge.text()), "5004")
    assert {"form", "platform", "signature", "deadline"} <= set(answer.data["checked"])
    assert "subject" in answer.data["unchecked"] and "subject" not in answer.data["checked"]
    verdict(world.verify(forge.text(life_s=-60)), "2003", "expired")
    verdict(world.verify(forge.text(Forge(world).platform.key)), "2002", "signed by us in its name")


@check("VER-20", "GB/T 38961 4.1: A; flags",
       "a code whose sealed flags have reserved bits, or a scope that is none, is malformed")
def check_flags(world):
    forge = Forge(world)
    if not forge.platform.seal_key:
        pytest.skip("the configuration has no platforms.own.seal_key")
    for flags in (0x40, 0x80, 0xC0, 0x38, 0x10):
        verdict(world.verify(forge.text(flags=flags)), "2001", f"flags {flags:08b}")
    data = world.done(world.verify(forge.text(flags=0x06)))
    assert data["paper"] is True and data["oneTime"] is False, "paper, on behalf"


@check("VER-21", "38963; 3012", "an app is told nothing within a scope that it may not ask for")
def check_scope(world):
    refused(world.verify(world.code, scope="medical"), 403, "3012")


@check("VER-22", "38963 6.7; one-time", "a one-time code is good once; who comes second learns only that")
def check_one_time(world):
    text = world.mint(scene=world.scene("once"))["code"]
    number = new_number()
    first = world.verify(text, operation="verify", number=number)
    assert world.done(first)["oneTime"] is True
    for _ in range(2):
        answer = verdict(world.verify(text, operation="verify"), "2004", "the second use")
        assert set(answer.data) <= {"checked", "unchecked", "platform", "deadline"}, "when and where it was used is told"
    verdict(world.verify(text, operation="verify", number=number), "0000", "the first request again")


@check("VER-23", "38963 6.7; check", "a check does not spend a one-time code")
def check_does_not_spend(world):
    text = world.mint(scene=world.scene("once"))["code"]
    verdict(world.verify(text), "0000")
    verdict(world.verify(text), "0000")
    verdict(world.verify(text, operation="verify"), "0000")


@check("VER-24", "38963: same request, same verdict", "another code under a used number is a conflict")
def check_conflict(world):
    number = new_number()
    verdict(world.verify(world.code, operation="verify", number=number), "0000")
    refused(world.verify(world.mint()["code"], operation="verify", number=number), 409, "4002")


@check("VER-25", "GB/T 38961 5.1, 6.1: who used my authorisation",
       "a use is the holder's to see, a check is none, and nobody else sees it")
def check_uses(world):
    holder = Person()
    uses = lambda person: world.done(world.door("GET /v1/codes/uses").send(person=person, target="/v1/codes/uses?limit=50"))["uses"]
    minted = world.mint(holder)
    world.verify(minted["code"])
    assert uses(holder) == [], "a check is recorded"
    verdict(world.verify(minted["code"], operation="verify"), "0000")
    seen = uses(holder)
    assert len(seen) == 1 and (seen[0]["app"], seen[0]["resultCode"]) == (world.app("scan").app_id, "0000"), seen
    assert uses(Person()) == [], "a stranger sees uses"


@check("VER-26", "revocation; unlinkability",
       "what a check tells is the same for two codes of one person but for their own times")
def check_tells_nobody(world):
    answers = [world.done(world.verify(world.mint()["code"])) for _ in range(2)]
    assert set(answers[0]) <= {"checked", "unchecked", "platform", "deadline", "oneTime", "paper", "scope"}, sorted(answers[0])
    other = world.done(world.verify(world.mint(world.scanner)["code"]))
    assert {**other, "deadline": ""} == {**answers[0], "deadline": ""}, "a check tells people apart"
