"""The cases of codes/ hold together: their form, their layers among themselves by the reference, and that they are what
make.py writes today. tests/run vectors"""
import json
import pathlib
import sys

import jsonschema
import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import make_codes  # noqa: E402
import reference as r  # noqa: E402

SCHEMA = jsonschema.Draft202012Validator(json.loads((HERE / "codes.schema.json").read_text(encoding="utf-8")))
FILES = sorted((HERE / "codes").glob("*.json"), key=lambda file: file.stem)
ORDER = ("text", "form", "platform", "signature", "sealed", "deadline")


@pytest.fixture(scope="module", params=FILES, ids=lambda file: file.stem)
def case(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def test_enough_cases():
    assert len(FILES) >= 80
    assert {file.stem.split("-")[0] for file in FILES} == {
        "good", "consent", "text", "form", "platform", "signature", "sealed", "deadline", "order"}


def test_cases_are_what_the_generator_writes():
    made = make_codes.make_all()
    assert sorted(made) == [file.stem for file in FILES]
    for file in FILES:
        assert json.loads(file.read_text(encoding="utf-8")) == made[file.stem], file.stem


def test_form(case):
    SCHEMA.validate(case)


def test_consent(case):
    consent = case["layers"]["consent"]
    assert (consent is None) == (case["expect"]["consent"] is None)
    if consent and consent["record"] is not None:
        assert r.sm3(consent["record"].encode()).hex() == consent["digest"]
        assert "\n" not in consent["record"] and case["expect"]["consent"] == "ok"


def test_text_and_bytes(case):
    layers, expect = case["layers"], case["expect"]
    if expect["text"] == "ok":
        assert layers["text"] == r.base32(bytes.fromhex(layers["bytes"]))
    if expect["text"] == "code_malformed":
        assert layers["bytes"] is None


def test_parts(case):
    layers = case["layers"]
    if case["expect"]["form"] != "ok":
        assert layers["A"] is layers["B"] is layers["S"] is layers["revocationId"] is None
        return
    a, b, s = layers["A"], layers["B"], layers["S"]
    content = bytes.fromhex(a["content"])
    part_b = r.jkm1_part_b(b["platform"], b["deadline"], bytes.fromhex(b["consentDigest"]))
    whole = r.u16(len(content)) + content + part_b + bytes.fromhex(s["r"] + s["s"])
    assert whole.hex() == layers["bytes"]
    serial = bytes.fromhex(a["serial"])
    assert r.sm3(b["platform"].encode() + serial)[:16].hex() == layers["revocationId"]
    if a["form"] == "own":
        assert content == bytes([a["keySet"]]) + serial + bytes.fromhex(a["sealed"])
    else:
        assert serial == r.sm3(whole[:-64])[:16]


def test_sealed(case):
    a = case["layers"]["A"]
    if not a or "subject" not in a:
        return
    key = next(k["sealKey"] for k in case["issuer"]["keySets"] if k["keySet"] == a["keySet"])
    plain = r.sm4_ctr(bytes.fromhex(key), bytes.fromhex(a["serial"]), bytes.fromhex(a["sealed"]))
    assert plain == bytes.fromhex(a["subject"]) + bytes([a["flags"]])


def test_signature(case):
    """By the reference: with a key of the trust list that is in force, exactly where it is expected."""
    expect, layers = case["expect"], case["layers"]
    if expect["signature"] is None:
        return
    data = bytes.fromhex(layers["bytes"])
    platform = next(p for p in case["trustList"]["platforms"] if p["id"] == layers["B"]["platform"])
    keys = [k for k in platform["keys"] if k["use"] == "code" and k["keySetId"] not in (3, 4)]
    if layers["A"]["form"] == "own":
        keys = [k for k in keys if k["keySetId"] == layers["A"]["keySet"]]
    verifies = any(r.verify(bytes.fromhex(k["public"]), data[:-64], data[-64:]) for k in keys)
    assert verifies == (expect["signature"] == "ok")


def test_layers_end_at_the_first_refusal(case):
    expect = case["expect"]
    reached = [expect[layer] for layer in ORDER if expect[layer] is not None]
    refusals = [v for v in reached if v not in ("ok", "issuer")]
    assert len(refusals) <= 1 and (not refusals or reached[-1] == refusals[0])
    wanted = refusals[0] if refusals else "issuer" if expect["sealed"] == "issuer" else "ok"
    assert expect["verdict"] == (wanted if reached else None)
    assert (expect["place"] is not None) == (expect["form"] not in ("ok", None))
