"""What the writers of vectors share: where files go, and the keys, the time and the person that they are about."""
import json
import pathlib

import reference as r

HERE = pathlib.Path(__file__).parent
OURS = "ours (docs/codes.md); made by reference.py"


def write(path, source, **parts):
    file = HERE / path
    file.parent.mkdir(exist_ok=True)
    text = json.dumps({"source": source, **parts}, ensure_ascii=False, indent=1)
    file.write_text(text + "\n", encoding="utf-8")


def swap(data, at, by):
    return data[:at] + by + data[at + len(by) :]


def pair(n):
    return int.from_bytes(r.sm3(b"key %d" % n), "big") % (r.N - 2) + 1


sign_key = pair(100)
t = 1795219200  # 2026-11-21 00:00:00 UTC
subject = bytes.fromhex("00112233445566778899aabbccddeeff")
