"""Letters on intake.<app>: sealed as docs/codes.md and docs/schemas/intake.letter.json say, in plain Python over gmssl."""
import base64
import json
import secrets
import time
import uuid

from gmssl import sm2, sm4

from .life import ndjson
from .sm2 import digest
from .topics import write_topic


def hmac_sm3(key, data):
    block = digest(key) if len(key) > 64 else key
    block += bytes(64 - len(block))
    inner = digest(bytes(b ^ 0x36 for b in block) + data)
    return digest(bytes(b ^ 0x5C for b in block) + inner)


def sm4_ctr(key, counter, data):
    crypt = sm4.CryptSM4(padding_mode=None)
    crypt.set_key(key, sm4.SM4_ENCRYPT)
    out, number = bytearray(), int.from_bytes(counter, "big")
    for at in range(0, len(data), 16):
        stream = bytes(crypt.one_round(crypt.sk, list((number % 2**128).to_bytes(16, "big"))))
        out += bytes(a ^ b for a, b in zip(data[at:at + 16], stream))
        number += 1
    return bytes(out)


def sealed(data_key, context, subject, plain, key_id=0):
    """Sealed bytes of docs/codes.md."""
    nonce = secrets.token_bytes(16)
    head = key_id.to_bytes(4, "big") + nonce
    cipher = sm4_ctr(hmac_sm3(data_key, b"phi seal encrypt")[:16], nonce, plain)
    mac = hmac_sm3(hmac_sm3(data_key, b"phi seal mac"), context.encode() + b"\0" + subject + head + cipher)
    return head + cipher + mac


def _der(tag, body):
    length = bytes([len(body)]) if len(body) < 128 else bytes([0x81, len(body)])
    return bytes([tag]) + length + body


def _integer(data):
    data = data.lstrip(b"\0") or b"\0"
    return _der(2, (b"\0" if data[0] >= 0x80 else b"") + data)


def envelope(public, plain):
    """GB/T 32918.4, the ciphertext as the DER of GM/T 0009."""
    crypt = sm2.CryptSM2(private_key="", public_key="", mode=1)
    crypt.public_key = public.xy.hex()
    raw = crypt.encrypt(plain)
    x, y, check, cipher = raw[:32], raw[32:64], raw[64:96], raw[96:]
    return _der(0x30, _integer(x) + _integer(y) + _der(4, check) + _der(4, cipher))


def letter(topic, kind, lines, recipient, data_key=None):
    """The value: lines are objects, or bytes as they are."""
    data_key = data_key or secrets.token_bytes(32)
    plain = lines if isinstance(lines, bytes) else ndjson(lines)
    body = sealed(data_key, "intake.lines", digest(topic.encode())[:16], plain)
    return {"kind": kind, "key": base64.b64encode(envelope(recipient, data_key)).decode(),
            "lines": base64.b64encode(body).decode()}


def post(bus, topic, value, app, **spoilt):
    """Writes the letter, signed by the app; `spoilt` replaces headers or drops them (None)."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    version = str(time.time_ns() // 1000)
    signature = app.key.sign(b"\n".join([topic.encode(), b"", version.encode(), data]))
    headers = {"ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_type": "cn.phi.intake.letter",
               "ce_source": f"/phi/320000/{app.app_id}", "ce_time": "2026-11-01T00:00:00Z", "content-type": "application/json",
               "phi-key": app.key.public.serial, "phi-version": version,
               "phi-signature": base64.b64encode(signature).decode(), **spoilt}
    write_topic(bus, topic, data, headers=[(name, text.encode()) for name, text in headers.items() if text is not None])
