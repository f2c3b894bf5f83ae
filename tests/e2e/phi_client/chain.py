"""The chain of a case, computed anew from what the citizen is shown (docs/corrections.md)."""
import json

from .sm2 import digest as sm3


def digest_of(told, step):
    link = step["link"]
    covered = {name: step[name] for name in ("seq", "at", "step", "state", "outcome", "reason", "unit")}
    covered.update(caseId=told["caseId"], actor=link["actor"], noteDigest=link["noteDigest"])
    if "contentDigest" in link:
        covered["contentDigest"] = link["contentDigest"]
    text = json.dumps(covered, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    return sm3(b"\x02" + bytes.fromhex(link["salt"]) + text)


def head_of(before, digest):
    return sm3(b"\x03" + before + digest)


def heads(told):
    """For each step whether its digest and the head after it are what its own members give."""
    head = bytes(32)
    for step in told["steps"]:
        digest = digest_of(told, step)
        head = head_of(head, digest)
        yield step["link"]["digest"] == digest.hex() and step["link"]["head"] == head.hex()
