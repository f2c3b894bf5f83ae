"""The same request again: the stored answer; another one under its number: a conflict."""
from client.caller import encoded, envelope, moment, new_number
from client.checks import check, refused
from client.world import Person, trip

CLAUSE = "38963 idempotency: (app, route, customNumber, bizSerialNum), 24 h"


def twice(world, name, fields, other, person=None):
    door, number = world.door(name), new_number()
    first = door.send(fields=fields, person=person, number=number, stamp=moment(5))
    world.done(first)
    again = door.send(fields=fields, person=person, number=number, stamp=moment(0))
    assert (again.status, again.body) == (200, first.body), f"the same again got another answer: {again}"
    refused(door.send(fields=other, person=person, number=number), 409, "4002", "$.bizSerialNum", what="another body")
    assert door.send(fields=fields, person=person, number=number).body == first.body, "after the conflict"
    return first


@check("AGN-01", CLAUSE, "1000 again, with another timeStamp, gets the same bytes; with another body a conflict")
def check_applications(world):
    scene = world.scene("plain")
    twice(world, "POST /v1/code-applications", {"scene": scene}, {"scene": scene, "termSeconds": 60})


@check("AGN-02", CLAUSE, "2000 again gets the same code; with another body a conflict")
def check_codes(world):
    fields = world.application_fields()
    twice(world, "POST /v1/codes", fields, {**fields, "picture": {"format": "svg"}})


@check("AGN-03", CLAUSE, "a consent, and a declared trip, again are one")
def check_declarations(world):
    fields = {"noticeVersion": "2026-11", "purpose": "health-code"}
    twice(world, "POST /v1/consents", fields, {**fields, "noticeVersion": "2026-12"}, Person())
    fields = {"trips": [trip()]}
    twice(world, "POST /v1/declarations/trips", fields, {"trips": [trip(), trip()]}, world.consented)


@check("AGN-04", CLAUSE, "the same number for another person is a conflict, and tells nothing of the first")
def check_another_person(world):
    door, number, other = world.door("POST /v1/code-applications"), new_number(), Person()
    fields = {"scene": world.scene("plain")}
    first = world.done(door.send(fields=fields, number=number))
    answer = refused(door.send(fields=fields, person=other, number=number), 409, "4002", "$.bizSerialNum")
    assert first["applicationId"].encode() not in answer.body


@check("AGN-05", CLAUSE, "the number counts for its customer: another customNumber is another request")
def check_another_customer(world):
    door, number = world.door("POST /v1/code-applications"), new_number()
    fields = {"scene": world.scene("plain")}
    one = world.done(door.send(fields=fields, number=number, customer="c-1"))
    two = world.done(door.send(fields=fields, number=number, customer="c-2"))
    assert one["applicationId"] != two["applicationId"]


@check("AGN-06", CLAUSE, "a refused request leaves its number free")
def check_refused_first(world):
    door, number = world.door("POST /v1/code-applications"), new_number()
    refused(door.send(body=encoded(envelope({"scene": world.scene("plain"), "zzUnknown": 1}, number))), 400, "1007")
    world.done(door.send(fields={"scene": world.scene("plain")}, number=number))
