"""The decoder that was written from docs/codes.md, over every file of tests/vectors/codes, layer by layer."""
import json
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import consent  # noqa: E402
import jkm1  # noqa: E402
import sm2  # noqa: E402
import symbol  # noqa: E402

FILES = sorted((HERE.parent.parent / "vectors" / "codes").glob("*.json"))
LAYERS = ("text", "form", "platform", "signature", "sealed", "deadline")


def load(file):
    return json.loads(file.read_text(encoding="utf-8"))


@pytest.fixture(params=FILES, ids=lambda file: file.stem)
def case(request):
    return load(request.param)


def verifier_of(case):
    keys = {one["keySet"]: bytes.fromhex(one["sealKey"]) for one in case["issuer"]["keySets"]}
    return jkm1.Verifier(case["trustList"], case["issuer"]["platform"], keys)


def check_found(case, found, verifier):
    """What was read, where the form is good."""
    code, layers = found["code"], case["layers"]
    a, b, s = layers["A"], layers["B"], layers["S"]
    assert code["a"].hex() == a["content"] and code["platform"] == b["platform"] and code["deadline"] == b["deadline"]
    assert code["digest"].hex() == b["consentDigest"] and code["s"].hex() == s["r"] + s["s"]
    assert verifier.is_own_form(code) == (a["form"] == "own")
    assert verifier.serial(code).hex() == a["serial"]
    assert verifier.revocation_id(code).hex() == layers["revocationId"]
    if found["content"]:
        subject, flags = found["content"]
        assert (subject.hex(), flags) == (a.get("subject", subject.hex()), a.get("flags", flags))


def test_verdicts(case):
    layers, expect = case["layers"], case["expect"]
    given = layers["text"]
    if given is None and layers["bytes"] is not None:
        given = bytes.fromhex(layers["bytes"])
    if given is None:
        assert expect["verdict"] is None
        return
    verifier = verifier_of(case)
    found = verifier.judge(given, case["clockS"])
    assert {layer: found["layers"].get(layer) for layer in LAYERS} == {layer: expect[layer] for layer in LAYERS}
    assert (found["verdict"], found["place"]) == (expect["verdict"], expect["place"])
    if found["code"]:
        check_found(case, found, verifier)


def test_consent(case):
    given, expect = case["layers"]["consent"], case["expect"]
    if given is None:
        assert expect["consent"] is None
        return
    record = consent.table_1(given["elements"]) if given["form"] == "table1" else consent.passing(given["person"], given["timeS"])
    assert record == given["record"]
    assert ("field_value" if record is None else "ok") == expect["consent"]
    if record is not None:
        digest = sm2.sm3(record.encode()).hex()
        assert digest == given["digest"]
        if expect["digest"]:
            assert ("ok" if digest == case["layers"]["B"]["consentDigest"] else "differs") == expect["digest"]


def test_symbol(case):
    picture = case["layers"]["picture"]
    if picture is None:
        assert case["expect"]["picture"] is None
        return
    size = picture["size"]
    rows = [format(int(row, 16), f"0{len(row) * 4}b")[:size] for row in picture["modules"]]
    assert symbol.read(rows) == case["layers"]["text"]


def test_any_clock():
    """Cases that say so come out the same today and at the end of 2099."""
    chosen = [case for case in map(load, FILES) if case["anyClock"] and case["expect"]["verdict"] in ("ok", "code_malformed")]
    assert len(chosen) > 20
    for case in chosen:
        text = case["layers"]["text"]
        given = bytes.fromhex(case["layers"]["bytes"]) if text is None else text
        assert verifier_of(case).judge(given, 4102444799)["verdict"] == case["expect"]["verdict"], case["name"]


def test_the_example_of_the_document():
    """docs/codes.md shows good-one-time: its bytes in the dump, its text, its digests."""
    page = (HERE.parent.parent.parent / "docs" / "codes.md").read_text(encoding="utf-8")
    case = load(HERE.parent.parent / "vectors" / "codes" / "good-one-time.json")
    example = page[page.index("### Example") : page.index("## Trust list")]
    dump = "".join(line[10:60].split("   ")[0].replace(" ", "") for line in example.split("\n") if line[4:5] == "0")
    assert dump == case["layers"]["bytes"]
    squeezed = "".join(example.split())
    for wanted in (case["layers"]["text"], case["layers"]["A"]["subject"], case["layers"]["revocationId"],
                   case["issuer"]["keySets"][0]["sealKey"], case["layers"]["consent"]["record"]):
        assert wanted in squeezed, wanted
