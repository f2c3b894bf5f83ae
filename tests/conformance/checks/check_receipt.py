"""Receipts: the verifying platform's signed word, for the challenge of who asked."""
import base64
import os
import time

from client.caller import new_number
from client.checks import check, refused
from client.code import Receipt
from client.curve import PublicKey

from .check_mint import published

CLAUSE = "receipt (docs/codes.md)"


def receipt_of(world, challenge, **options):
    answer = world.verify(options.pop("code", None) or world.code, operation="verify", challenge=challenge.hex(), **options)
    text = world.done(answer).get("receipt")
    assert text, "no receipt for a challenge"
    return base64.b64decode(text, validate=True)


@check("RCP-01", CLAUSE, "there is a receipt for a challenge, and none without")
def check_challenge_only(world):
    assert "receipt" not in world.done(world.verify(world.code, operation="verify"))
    receipt_of(world, os.urandom(16))


@check("RCP-02", CLAUSE, "a receipt carries the challenge that it answers")
def check_challenge(world):
    for _ in range(2):
        challenge = os.urandom(16)
        assert Receipt(receipt_of(world, challenge)).challenge == challenge, "another challenge"


@check("RCP-03", CLAUSE, "its form, issuer, app, audience and scope are what was asked")
def check_members(world):
    receipt = Receipt(receipt_of(world, os.urandom(16)))
    region = world.settings.region
    assert (receipt.magic, receipt.version, receipt.flags) == (b"PHIR", 1, 1)
    assert (receipt.issuer, receipt.app, receipt.scope) == (region, world.app("scan").app_id, 0)
    assert region in receipt.audience and receipt.requester.startswith(f"{region}."), "audience, requester"


@check("RCP-04", CLAUSE, "it is in force from now for at most 60 seconds")
def check_times(world):
    receipt = Receipt(receipt_of(world, os.urandom(16)))
    assert abs(receipt.issued_s - time.time()) <= 5 and 0 < receipt.expires_s - receipt.issued_s <= 60


@check("RCP-05", f"{CLAUSE}; trust list", "its signature verifies under the published receipt key that it names")
def check_signature(world):
    receipt = Receipt(receipt_of(world, os.urandom(16)))
    keys = [PublicKey(bytes.fromhex(key["public"])) for key in published(world, "receipt", int(time.time()))]
    named = [key for key in keys if key.serial == receipt.key_serial]
    assert named, f"no published receipt key {receipt.key_serial}"
    assert named[0].verify(receipt.signed, receipt.signature), "the signature does not verify"


@check("RCP-06", f"{CLAUSE}; same request, same verdict",
       "the same request again gets a receipt of its own, for its own challenge")
def check_repeat(world):
    number, one, two = new_number(), os.urandom(16), os.urandom(16)
    first = Receipt(receipt_of(world, one, number=number))
    again = Receipt(receipt_of(world, two, number=number))
    assert (first.challenge, again.challenge) == (one, two), "a challenge of another request"
    assert first.receipt_id != again.receipt_id, "the receipt's id repeats"
    assert first.subject == again.subject and first.serial_mac == again.serial_mac


@check("RCP-07", "38963 nationwide query; 3013",
       "a good receipt opens the nation's entries; an altered or cut one nothing")
def check_nation(world):
    door = world.door("POST /v1/directory/query")
    good = receipt_of(world, os.urandom(16))
    ask = lambda data: door.send(fields={"receipt": base64.b64encode(data).decode()})
    assert "strictest" in world.done(ask(good))
    for at in (4, 5, 6, 22, 28, 44, 76, len(good) - 80, len(good) - 70, len(good) - 1):
        changed = bytearray(good)
        changed[at] ^= 1
        answer = ask(bytes(changed))
        assert (answer.status, answer.code) in ((403, "3013"), (400, "1011")), f"byte {at}: {answer}"
        assert "entries" not in answer.data
    for bad in (good[:-1], good + b"\0", good[:20]):
        answer = ask(bad)
        assert (answer.status, answer.code) in ((403, "3013"), (400, "1011")), f"{len(bad)} bytes: {answer}"
    refused(door.send(fields={"receipt": "!!!!"}), 400, "1006", "$.receipt")
