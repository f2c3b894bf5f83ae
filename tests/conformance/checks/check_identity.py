"""Id tokens: a citizen is who the registered provider says, in real name, by a biometric factor, now, to this app."""
import base64
import json
import time

from client.caller import base64url, token
from client.checks import accepted, check, refused, routes
from client.curve import P256

CLAUSE = "OpenID Connect id token"
citizens = routes(lambda route: route.who)
steady = routes(lambda route: route.who and route.path not in (
    "/v1/health/picture", "/v1/declarations/health", "/v1/declarations/trips"))


def send(door, **claims):
    return door.send(token=door.token(**claims))


def made(door, **how):
    """A token of the person of this route, made as `how` says."""
    person, provider = door.world.who(door.route), door.world.provider()
    audience = how.pop("audience", door.app.client_id)
    return door.send(token=token(provider, {**person.claims(), **how.pop("claims", {})}, audience, **how))


@check("ID-01", f"{CLAUSE}; 3007", "where a citizen is needed, a request without a token is refused")
@citizens
def check_missing(door):
    refused(door.send(token=None), 401, "3007", "Phi-Identity")


@check("ID-02", f"{CLAUSE}; RFC 7515", "a token with another signature, key or content is refused")
@citizens
def check_forged(door):
    refused(made(door, number=12345), 401, "3008", what="another key")
    refused(made(door, signature=bytes(64)), 401, "3008", what="a signature of zeros")
    refused(made(door, signature=b""), 401, "3008", what="no signature")
    refused(made(door, header={"kid": "zz-unknown"}), 401, "3008", what="an unknown kid")
    good = door.token()
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    other = base64url(json.dumps({**claims, "sub": "another"}).encode())
    refused(door.send(token=f"{head}.{other}.{signature}"), 401, "3008", what="another subject under the signature")
    for bad in ("rubbish", "a.b.c", f"{head}.{body}", f"{good}.{signature}"):
        refused(door.send(token=bad), 401, "3008", what="not three parts of base64url")


@check("ID-03", f"{CLAUSE}; RFC 8725", "another algorithm than ES256, none among them, is refused")
@citizens
def check_algorithm(door):
    for algorithm in ("none", "HS256", "ES384", "RS256", "es256"):
        refused(made(door, header={"alg": algorithm}), 401, "3008", "alg", what=algorithm)
    refused(made(door, header={"alg": "none"}, signature=b""), 401, "3008", what="none, unsigned")
    refused(made(door, header={"crit": ["b64"], "b64": False}), 401, "3008", "crit", what="crit")


@check("ID-04", f"{CLAUSE}; aud, azp", "a token made for another app is refused")
@citizens
def check_audience(door):
    refused(made(door, audience="zz-other-app"), 401, "3008", "aud")
    refused(made(door, audience=["zz-other-app", "zz-more"]), 401, "3008", "aud", what="a list")
    refused(made(door, omit=["aud"]), 401, "3008", "aud", what="without")
    refused(made(door, claims={"azp": "zz-other-app"}), 401, "3008", "azp")


@check("ID-05", f"{CLAUSE}; exp; 3009", "an expired token is refused, one that is not yet over is taken")
@steady
def check_expiry(door):
    now = int(time.time())
    for gone in (1, 30, 86400):
        refused(send(door, iat=now - 600, exp=now - gone), 401, "3009", "exp", what=f"{gone} s ago")
    refused(made(door, omit=["exp"]), 401, "3008", "exp", what="without")
    accepted(send(door, exp=int(time.time()) + 15))


@check("ID-06", f"{CLAUSE}; iat", "a token of the future, or a very old one, is refused")
@citizens
def check_issued(door):
    now = int(time.time())
    refused(send(door, iat=now + 600, exp=now + 900), 401, "3008", "iat")
    refused(made(door, omit=["iat"]), 401, "3008", "iat", what="without")
    refused(send(door, iat=now - 30 * 86400, exp=now + 300), 401, "3009", "iat", what="a month old")


@check("ID-07", "RFC 8176 amr; 3010", "without a face, fingerprint or iris in amr there is no access")
@citizens
def check_factor(door):
    for bad in (["pwd"], ["otp", "sms"], [], ["FACE"], ["faces"]):
        refused(send(door, amr=bad), 403, "3010", "amr", what=str(bad))
    refused(made(door, omit=["amr"]), 403, "3010", "amr", what="without")


@check("ID-08", "RFC 8176 amr", "each of the three factors is enough, also beside others")
def check_factors_taken(world):
    door = world.door("POST /v1/code-applications")
    for good in (["face"], ["fpt"], ["iris"], ["pwd", "face"]):
        accepted(send(door, amr=good), str(good))


@check("ID-09", "acr: real name; 3011", "without the real-name level there is no access")
@citizens
def check_level(door):
    for bad in ("registered", "real-name-not", ""):
        answer = send(door, acr=bad)
        assert answer.code in ("3011", "3008") and answer.status in (401, 403), f"{bad}: {answer}"
    refused(made(door, omit=["acr"]), 403, "3011", "acr", what="without")


@check("ID-10", f"{CLAUSE}; iss", "a token of an issuer that is not registered, or of another kind, is refused")
@citizens
def check_issuer(door, world):
    refused(send(door, iss="https://zz.example/citizens"), 401, "3008", "iss")
    if world.settings.staff and door.route.who == "citizen":
        other = token(world.settings.staff, {"sub": world.settings.staff.sub or "x"}, door.app.client_id)
        refused(door.send(token=other), 401, "3008", "iss", what="a staff token")


@check("ID-11", "GB/T 38961 annex A; GB 11643",
       "a token whose document can't be (check digit, type, country) is refused, and one without a document")
@citizens
def check_document(door, world):
    number = world.who(door.route).id_no
    wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
    for name, bad in (("phi_id_no", wrong), ("phi_id_no", number[:-1]), ("phi_id_type", "112"), ("phi_country", "USA")):
        refused(send(door, **{name: bad}), 401, "3008", name, what=f"{name} {'' if name == 'phi_id_no' else bad}")
    refused(made(door, omit=["phi_id_no"]), 401, "3008", "phi_id_no", what="without")


@check("ID-12", "ES256, RFC 7518", "a token signature beyond the curve's order, too long, or in DER is refused")
def check_signature_form(world):
    door = world.door("POST /v1/code-applications")
    for what, signature in (("r = n", P256.n.to_bytes(32, "big") + b"\1" * 32), ("s = n", b"\1" * 32 + P256.n.to_bytes(32, "big")),
                            ("65 bytes", b"\1" * 65), ("DER", b"\x30\x44" + b"\1" * 68)):
        refused(made(door, signature=signature), 401, "3008", what=what)


@check("ID-13", "38963 6.5, 6.6: the person of 1000 is the person of 2000",
       "an application is of one person: another's token mints nothing by it")
def check_person_of_an_application(world):
    application = world.apply(world.holder)
    fields = {"applicationId": application["applicationId"], "challenge": application["challenge"]}
    refused(world.post("/v1/codes", fields, world.scanner), 422, "4006", "$.applicationId")
    accepted(world.post("/v1/codes", fields))
