"""Identity tokens that don't do: none of the provider's, and those of the provider that are not enough."""
import base64
import hashlib
import hmac
import json
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from phi_client.spoil import MARK


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def parts_of(token):
    return [json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2]]


def made(header, claims, sign):
    text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{text}.{base64url(sign(text.encode()))}"


def es256(key):
    def sign(text):
        r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return sign


def forged_tokens(token, jwks):
    """(what, the token, the place): none of them is the provider's word."""
    header, claims = parts_of(token)
    start, payload, signature = token.split(".")
    foreign = es256(ec.generate_private_key(ec.SECP256R1()))
    secret = json.dumps(jwks["keys"][0]).encode()
    yield "rubbish", MARK, "Phi-Identity"
    yield "two parts", f"{start}.{payload}", "Phi-Identity"
    yield "no signature", f"{start}.{payload}.", "Phi-Identity"
    yield "a part more", f"{token}.{signature}", "Phi-Identity"
    yield "padding", token + "=", "Phi-Identity"
    yield "too long", token + "A" * 2560, "Phi-Identity"
    yield "alg none, unsigned", made({**header, "alg": "none"}, claims, lambda _text: b""), "Phi-Identity"
    yield "alg none", made({**header, "alg": "none"}, claims, lambda _text: bytes(64)), "alg"
    yield "alg HS256", made({**header, "alg": "HS256"}, claims,
                            lambda text: hmac.new(secret, text, hashlib.sha256).digest() * 2), "alg"
    yield "alg ES384", made({**header, "alg": "ES384"}, claims, foreign), "alg"
    yield "a key in the header", made({**header, "jwk": jwks["keys"][0]}, claims, foreign), "jwk"
    yield "an unknown critical member", made({**header, "crit": ["exp"]}, claims, foreign), "crit"
    yield "an unknown kid", made({**header, "kid": MARK}, claims, foreign), "kid"
    yield "another's signature", made(header, claims, foreign), "Phi-Identity"
    yield "changed claims", f"{start}.{base64url(json.dumps({**claims, 'name': MARK}).encode())}.{signature}", (
        "Phi-Identity")
    yield "an unknown issuer", made(header, {**claims, "iss": f"http://127.0.0.1:1/{MARK}"}, foreign), "iss"


def citizen_tokens(suite, person, aud):
    """(what, the token, status, the return code, the place): the provider's word, and not enough."""
    make = lambda **wish: suite.token("citizens", **{**person.claims(), "aud": aud, **wish})
    yield "expired", make(ttl=-30), 401, "3009", "exp"
    yield "issued long ago", make(claims={"iat": int(time.time()) - 7200}), 401, "3009", "iat"
    yield "issued in the future", make(claims={"iat": int(time.time()) + 600}), 401, "3008", "iat"
    yield "for another app", make(aud="other-app"), 401, "3008", "aud"
    yield "without an audience", make(omit=["aud"]), 401, "3008", "aud"
    yield "without an end", make(omit=["exp"]), 401, "3008", "exp"
    yield "without a subject", make(omit=["sub"]), 401, "3008", "sub"
    yield "without a biometric factor", make(amr=["pwd", "otp"]), 403, "3010", "amr"
    yield "without factors", make(omit=["amr"]), 403, "3010", "amr"
    yield "factors of a wrong type", make(amr=MARK), 401, "3008", "amr"
    yield "without a real name", make(acr="registered"), 403, "3011", "acr"
    yield "without a level", make(omit=["acr"]), 403, "3011", "acr"
    yield "without a document", make(omit=["phi_id_no"]), 401, "3008", "phi_id_no"
    wrong = person.id_no[:-1] + ("1" if person.id_no[-1] != "1" else "2")
    yield "a wrong check digit", make(phi_id_no=wrong), 401, "3008", "phi_id_no"
    yield "an unknown document", make(phi_id_type="112"), 401, "3008", "phi_id_type"
    yield "another country's document", make(phi_country="USA"), 401, "3008", "phi_country"
    yield "a name that breaks the record", make(name=f"{MARK}|x"), 401, "3008", "name"


def staff_tokens(suite, aud):
    make = lambda **wish: suite.token("staff", **{"sub": "officer-1", "aud": aud, **wish})
    yield "expired", make(ttl=-30), 401, "3009", "exp"
    yield "for another app", make(aud="other-app"), 401, "3008", "aud"
    yield "of nobody registered", make(sub=f"{MARK}-officer"), 403, "3012", "sub"
