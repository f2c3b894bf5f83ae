"""The chain of a case, computed anew from what the citizen is shown (docs/corrections.md)."""
import json

from .sm2 import digest as sm3


def heads(told):
    """For each step whether its digest and the head after it are what its own members give."""
    head = bytes(32)
    for step in told["steps"]:
        link = step["link"]
        covered = {name: step[name] for name in ("seq", "at", "step", "state", "outcome", "reason", "unit")}
        covered.update(caseId=told["caseId"], actor=link["actor"], noteDigest=link["noteDigest"])
        covered.update({name: link[name] for name in ("contentDigest",) if name in link})
        text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = sm3(b"\x02" + bytes.fromhex(link["salt"]) + text)
        head = sm3(b"\x03" + head + digest)
        yield link["digest"] == digest.hex() and link["head"] == head.hex()
