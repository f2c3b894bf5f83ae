"""The code vectors (tests/vectors/codes): every case's verdict, as far as the keys under test allow."""
import glob
import json
import os

import pytest

from client.checks import check
from client.code import text_of
from client.world import HERE

FOLDER = os.path.join(HERE, "..", "..", "vectors", "codes")


def cases():
    found = []
    for path in sorted(glob.glob(os.path.join(FOLDER, "*.json"))):
        with open(path, encoding="utf-8") as file:
            value = json.load(file)
        if "expect" in value and "layers" in value:
            found.append(pytest.param(value, id=value["name"]))
    return found


def public_keys(platforms):
    """{(platform, key set): public key} of code keys."""
    return {(one["id"], key["keySetId"]): (key["public"], one["status"], key.get("from"), key.get("to"))
            for one in platforms for key in one["keys"] if key["use"] == "code"}


def reason_to_skip(world, case):
    """Why the verdict of the case can't be asked of these addresses; None when it can."""
    expect, layers = case["expect"], case["layers"]
    if not layers.get("text") and not layers.get("bytes"):
        return "no code in this case"
    is_formal = expect["text"] not in ("ok", None) or expect["form"] not in ("ok", None)
    if is_formal:
        return None
    if not case["anyClock"] and expect["resultCode"] != "2003":
        return "its verdict holds at its own clock only"
    _data, platforms = world.trust_list()
    platform = layers["B"]["platform"] if layers.get("B") else None
    theirs, ours = public_keys(case["trustList"]["platforms"]), public_keys(platforms.values())
    mine = {key: value for key, value in theirs.items() if key[0] == platform}
    if {key: value for key, value in ours.items() if key[0] == platform} != mine:
        return f"the trust list under test has other keys of {platform} than the vector's"
    if expect["platform"] != "ok" or expect["signature"] not in ("ok", None):
        return None
    return None if platform != case["issuer"]["platform"] else reason_of_seal(world, case)


def reason_of_seal(world, case):
    """The sealed part tells its verdict only where the same seal key opens it."""
    own, a = world.settings.platforms.get("own"), case["layers"].get("A") or {}
    if a.get("form") != "own":
        return None
    sets = {one["keySet"]: one for one in case["issuer"]["keySets"]}
    sealed_by = sets.get(a["keySet"], {}).get("sealKey")
    if not own or not own.seal_key or own.key_set != a["keySet"] or own.seal_key.hex() != sealed_by:
        return f"the configuration doesn't say that key set {a['keySet']} is under test, with the vector's seal key"
    return None


@check("VEC-01", "GB/T 38961 4.1, 4.2; tests/vectors/codes", "the verdict of every vector")
@pytest.mark.parametrize("case", cases() or [pytest.param(None, id="none")])
def check_vector(world, case):
    if case is None:
        pytest.skip("there are no vectors beside the checker")
    reason = reason_to_skip(world, case)
    if reason:
        pytest.skip(reason)
    text = case["layers"].get("text") or text_of(bytes.fromhex(case["layers"]["bytes"]))
    answer = world.verify(text)
    wanted = case["expect"]["resultCode"]
    if answer.status == 400 and wanted == "2001":  # a control character, or a text over its bound: refused as a value
        assert answer.code == "1006" and answer.data["field"] == "$.code", f"{case['about']}: {answer}"
        return
    assert (answer.status, answer.code) == (200, wanted), f"{case['about']}: wanted {wanted}, got {answer}"
