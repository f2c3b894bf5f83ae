"""The one place where the world's words become the suite's: a record of the world → the line that an institution sends,
the body that a citizen declares, the content of the fact that stands in the directory afterwards.

    line(record, person)  → {"recordNo", "revision", "person", "observedAt", "content"}
    fact(record)          → the content as svc-directory keeps it: nothing personal, an event's number as its digest
"""
import time
from functools import lru_cache
from hashlib import new

APP = "citizen-app"
LETTERS = {"cases": "a", "contacts": "b", "tests": "c", "fever-clinics": "d", "roaming": "e", "travel": "f", "border": "g",
           "customs": "h", "venues": "i", "health-records": "j", "surveys": "k", "checkpoints": "l", "other": "n"}
EVENT_NUMBERS = ("caseNo", "investigationNo", "specimenNo", "visitNo", "ticketNo", "passageNo", "declarationNo",
                 "documentNo", "surveyNo", "referenceNo")
PERSONAL = ("number", "seat", "companions", "purpose", "note", "address")
KINDS = tuple(LETTERS)  # of POST /v1/sources/{kind}
STREAMS = (*(f"source.{kind}" for kind in KINDS), "declare.health", "declare.trip")


@lru_cache(maxsize=1 << 16)
def moment(second):
    """RFC 3339 at +08:00."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(second + 8 * 3600))


def degrees(tenths):
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


def stays(rows):
    return [{"region": region, "from": moment(begin), "to": moment(end)} for region, begin, end in rows]


def _of(*members):
    """A form of members: (name, the world's word) or (name, the world's word, how it is written); left out when None."""
    rows = tuple((row[0], row[1], row[2] if len(row) > 2 else None) for row in members)

    def read(what):
        content = {}
        for name, word, write in rows:
            value = what.get(word)
            if value is not None:
                content[name] = write(value) if write else value
        return content
    return read


FORMS = {
    "cases": _of(("class", "class"), ("diagnosedAt", "found", moment), ("onsetAt", "onset", moment), ("region", "region"),
                 ("severity", "severity"), ("caseNo", "event")),
    "contacts": _of(("distance", "distance"), ("contactAt", "met", moment)),
    "tests": _of(("method", "method"), ("result", "result"), ("sampledAt", "sampled", moment), ("specimenNo", "event")),
    "fever-clinics": _of(("diagnosis", "diagnosis"), ("visitedAt", "came", moment), ("region", "region"),
                         ("temperature", "tenths", degrees), ("symptoms", "symptoms"), ("visitNo", "event")),
    "roaming": _of(("region", "region"), ("from", "from", moment), ("to", "to", moment), ("riskLevel", "risk")),
    "travel": _of(("mode", "mode"), ("fromRegion", "home"), ("toRegion", "away"), ("departedAt", "from", moment),
                  ("arrivedAt", "to", moment), ("number", "train"), ("seat", "seat"), ("ticketNo", "event")),
    "border": _of(("direction", "direction"), ("crossedAt", "crossed", moment), ("portRegion", "region"),
                  ("country", "country"), ("mode", "mode"), ("passageNo", "event")),
    "customs": _of(("disposition", "disposition"), ("inspectedAt", "crossed", moment), ("portRegion", "region"),
                   ("temperature", "tenths", degrees), ("symptoms", "symptoms"), ("isSampled", "is_sampled"),
                   ("declarationNo", "event")),
    "venues": _of(("placeKind", "place_kind"), ("placeId", "place"), ("region", "region"), ("role", "role"),
                  ("from", "from", moment), ("to", "to", moment)),
    "health-records": _of(("recordType", "record_type"), ("eventAt", "given", moment), ("dose", "dose"),
                          ("vaccine", "vaccine"), ("documentNo", "event")),
    "surveys": _of(("isolation", "isolation"), ("surveyedAt", "asked", moment), ("residenceRegion", "region"),
                   ("household", "household"), ("householdSize", "size"), ("surveyNo", "event")),
    "checkpoints": _of(("direction", "direction"), ("passedAt", "passed", moment), ("placeId", "place"),
                       ("region", "region"), ("temperature", "tenths", degrees)),
    "other": _of(("measure", "measure"), ("from", "from", moment), ("region", "region"), ("referenceNo", "event")),
    "declare.health": _of(("temperature", "tenths", degrees), ("symptoms", "symptoms"), ("contact", "contact"),
                          ("isolation", "isolation"), ("riskStays", "stays", stays), ("vaccinationDoses", "doses")),
    "declare.trip": _of(("mode", "mode"), ("number", "train"), ("seat", "seat"), ("fromRegion", "home"),
                        ("toRegion", "away"), ("departedAt", "from", moment), ("arrivedAt", "to", moment)),
}


def stream(kind):
    return kind if kind in FORMS and kind.startswith("declare.") else f"source.{kind}"


def line(record, person):
    return {"recordNo": record.number, "revision": record.revision, "person": person.document(),
            "observedAt": moment(record.at), "content": FORMS[record.kind](record.what)}


def basic(person):
    return {"sex": "1" if person.is_man else "2", "nationality": "CHN", "region": person.county,
            "address": f"测试路{person.household}号", "phone": f"100{person.number:08d}"}


def declaration(record):
    """The interface's own members of a declaration's body."""
    content = FORMS[record.kind](record.what)
    if record.kind == "declare.trip":
        return {"trips": [content]}
    return {"health": {"observedAt": moment(record.at), **content}}


def event_key(number):
    return new("sm3", number.encode()).hexdigest()[:32]


def fact(record, region=None):
    content = FORMS[record.kind](record.what)
    for name in PERSONAL:
        content.pop(name, None)
    for name in EVENT_NUMBERS:
        if name in content:
            content["eventKey"] = event_key(content.pop(name))
    if record.kind == "declare.health":
        content["basicRegion"] = region
    if record.kind == "surveys":
        content.setdefault("stays", [])
    return content
