"""Vectors of persons: kinds of documents, the subject index, ids of facts. Imported by make.py."""
import reference as r
from common import OURS, subject, write


def with_check(digits17):
    weight = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    return digits17 + "10X98765432"[sum(int(c) * w for c, w in zip(digits17, weight)) % 11]


assert with_check("11010519491231002") == "11010519491231002X"
hk, mo, tw = with_check("81000019900101001"), with_check("82000019900101001"), with_check("83000019900101001")
card23 = with_check("93184019850315002")
index_key = r.sm3(b"index key")
good_ids = [
    ("GB 11643 example 1", "111", "11010519491231002X", "CHN"),
    ("GB 11643 example 2", "111", "440524188001010014", "CHN"),
    ("15 digits", "111", "110105491231002", "CHN"),
    ("29 February 2000", "111", with_check("32010220000229001"), "CHN"),
    ("Hong Kong resident", "551", hk, "HKG"),
    ("Macao resident", "551", mo, "MAC"),
    ("Taiwan resident", "552", tw, "TWN"),
    ("Chinese passport", "400", "E12345678", "CHN"),
    ("foreign passport", "400", "12AB34567", "FRA"),
    ("permit of Hong Kong, 8 digits", "516", "H12345678", "HKG"),
    ("permit of Macao, 10 digits", "516", "M1234567801", "MAC"),
    ("permit of Taiwan, 8 digits", "511", "12345678", "TWN"),
    ("permit of Taiwan, 10 digits", "511", "1234567801", "TWN"),
    ("residence card of 15 under 553", "553", "USA110099120510", "USA"),
    ("residence card of 15 under 516", "516", "USA110099120510", "USA"),
    ("residence card of 18 under 553", "553", card23, "USA"),
    ("residence card of 18 under 516", "516", card23, "USA"),
    ("other", "999", "JG-2026.001", "CHN"),
]
bad_ids = [
    ("unknown type", "112", "11010519491231002X", "CHN", "idType"),
    ("empty type", "", "11010519491231002X", "CHN", "idType"),
    ("wrong check digit", "111", "110105194912310021", "CHN", "idNo"),
    ("lower x", "111", "11010519491231002x", "CHN", "idNo"),
    ("17 digits", "111", "11010519491231002", "CHN", "idNo"),
    ("19 digits", "111", "11010519491231002X1", "CHN", "idNo"),
    ("30 February", "111", with_check("11010519490230002"), "CHN", "idNo"),
    ("29 February 2001", "111", with_check("11010520010229002"), "CHN", "idNo"),
    ("month 13", "111", with_check("11010519491331002"), "CHN", "idNo"),
    ("no such province", "111", with_check("99010519491231002"), "CHN", "idNo"),
    ("15 digits, no such day", "111", "110105490231002", "CHN", "idNo"),
    ("empty number", "111", "", "CHN", "idNo"),
    ("33 characters", "999", "A" * 33, "CHN", "idNo"),
    ("resident id card of another country", "111", "11010519491231002X", "USA", "country"),
    ("no such country", "400", "E12345678", "XXX", "country"),
    ("country in lower case", "400", "E12345678", "chn", "country"),
    ("two letters", "400", "E12345678", "CN", "country"),
    ("Hong Kong number, Macao country", "551", hk, "MAC", "idNo"),
    ("resident number under 551", "551", "11010519491231002X", "HKG", "idNo"),
    ("Hong Kong number under 552", "552", hk, "TWN", "idNo"),
    ("passport of 4", "400", "E123", "CHN", "idNo"),
    ("passport of 16", "400", "E123456789012345", "CHN", "idNo"),
    ("passport without a digit", "400", "PASSPORT", "CHN", "idNo"),
    ("passport with a space", "400", "E1234 5678", "CHN", "idNo"),
    ("permit H with country MAC", "516", "H12345678", "MAC", "idNo"),
    ("permit of 9 digits", "516", "H123456789", "HKG", "idNo"),
    ("permit with other letter", "516", "X12345678", "HKG", "idNo"),
    ("permit of Taiwan, 9 digits", "511", "123456789", "TWN", "idNo"),
    ("permit of Taiwan with a letter", "511", "1234567A", "TWN", "idNo"),
    ("residence card of another nation", "553", "USA110099120510", "FRA", "idNo"),
    ("residence card of 14", "553", "USA11009912051", "USA", "idNo"),
    ("residence card of 18, wrong check", "553", card23[:-1] + ("0" if card23[-1] != "0" else "1"), "USA", "idNo"),
    ("permit number under 553", "553", "H12345678", "HKG", "idNo"),
    ("other with a slash", "999", "A/B", "CHN", "idNo"),
]
write(
    "subject/idtype.json",
    "GB/T 38961 annex A, GB 11643-1999 (its two example numbers); forms of the other documents: ours",
    good=[{"name": n, "idType": a, "idNo": b, "country": c} for n, a, b, c in good_ids],
    bad=[{"name": n, "idType": a, "idNo": b, "country": c, "place": p} for n, a, b, c, p in bad_ids],
)


def index(name, id_type, id_no, country, canonical):
    h = r.hmac_sm3(index_key, canonical.encode())[:16]
    return {
        "name": name,
        "idType": id_type,
        "idNo": id_no,
        "country": country,
        "canonical": canonical,
        "subject": h.hex(),
        "bucket": int(h.hex()[:3], 16),
    }


c111 = "111|11010519491231002X|CHN"
write(
    "subject/index.json",
    OURS,
    key=index_key.hex(),
    partitions=12,
    cases=[
        index("as printed", "111", "11010519491231002X", "CHN", c111),
        index("lower case", "111", "11010519491231002x", "chn", c111),
        index("with spaces", "111", " 110105 19491231 002X ", "CHN", c111),
        index("full width", "111", "１１０１０５１９４９１２３１００２Ｘ", "CHN", c111),
        index("15 digits of the same card", "111", "110105491231002", "CHN", c111),
        index("residence card under 516", "516", "USA110099120510", "USA", "553|USA110099120510|USA"),
        index("the same under 553", "553", "USA110099120510", "USA", "553|USA110099120510|USA"),
        index("travel permit stays 516", "516", "H12345678", "HKG", "516|H12345678|HKG"),
        index("passport", "400", "e12345678", "CHN", "400|E12345678|CHN"),
    ],
)
record_no = r.sm3(b"".join(
    r.u16(len(f)) + f for f in (b"POST /v1/declarations/health", b"C-1", "流水-1".encode(), subject.hex().encode())
))[:16].hex().encode()
write(
    "subject/fact_id.json",
    OURS,
    cases=[
        {
            "name": "a laboratory's record",
            "region": "320000", "source": "source.a", "institution": "lab-7", "recordNo": b"2026-0001".hex(), "revision": 1,
            "id": r.fact_id(b"320000", b"source.a", b"lab-7", b"2026-0001", b"1").hex(),
        },
        {
            "name": "its amendment",
            "region": "320000", "source": "source.a", "institution": "lab-7", "recordNo": b"2026-0001".hex(), "revision": 2,
            "id": r.fact_id(b"320000", b"source.a", b"lab-7", b"2026-0001", b"2").hex(),
        },
        {
            "name": "bytes moved between fields make another fact",
            "region": "320000", "source": "source.al", "institution": "ab-7", "recordNo": b"2026-0001".hex(), "revision": 1,
            "id": r.fact_id(b"320000", b"source.al", b"ab-7", b"2026-0001", b"1").hex(),
        },
        {
            "name": "a self-declaration",
            "region": "320000", "source": "declare.health", "institution": "app-1", "recordNo": record_no.hex(), "revision": 1,
            "id": r.fact_id(b"320000", b"declare.health", b"app-1", record_no, b"1").hex(),
        },
    ],
    declaration={
        "route": "POST /v1/declarations/health", "customNumber": "C-1", "bizSerialNum": "流水-1",
        "subject": subject.hex(), "recordNo": record_no.decode(),
    },
)
