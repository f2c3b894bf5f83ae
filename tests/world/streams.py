"""The world as it reaches the suite: (stream, value) in the order of arrival, each value one line of NDJSON.

    people          a person: number, document, sex, age, household, basic information
    declare.*       {"arrivesAt", "person", …members of the body of POST /v1/declarations/…}
    source.*        {"arrivesAt", "institution", "expect", "line": what POST /v1/sources/{kind} takes}
    reference.places  the areas at risk and the affected venues of a day, whole
    retractions     {"arrivesAt", "person", "fact": {region, source, institution, recordNo}, "reason", "batch"}
"""
from . import forms
from .records import HOUR, Retraction

REGION = "320000"


def _person(person, is_silent):
    return {"number": person.number, **person.document(), "age": person.age, "household": person.household,
            "silent": is_silent, **forms.basic(person)}


def value(world, person, record, day):
    """(stream, value) of a record; an arrival is told as the hour after the day's last event."""
    arrives = {"arrivesAt": forms.moment(world.begin(day + 1) - HOUR // 2)}
    if isinstance(record, Retraction):
        fact = {"region": REGION, "source": record.source, "institution": record.institution, "recordNo": record.number}
        return "retractions", {**arrives, "person": person.number, "fact": fact, "reason": record.reason,
                               "batch": record.batch}
    if record.kind.startswith("declare."):
        return record.kind, {**arrives, "person": person.number, "customNumber": f"c-{person.number}",
                             "bizSerialNum": record.number, **forms.declaration(record)}
    return forms.stream(record.kind), {**arrives, "institution": record.institution, "expect": record.expect,
                                       "line": forms.line(record, person)}


def lines(world, progress=lambda text: None):
    for person in world.people.all():
        yield "people", _person(person, world.is_silent(person.number))
    for day in range(world.days):
        yield "reference.places", world.places(day)
        for person, record in world.arriving(day):
            progress(f"day {day + 1} of {world.days}, {person.number + 1:,} of {world.people.size:,} people")
            yield value(world, person, record, day)
