"""Requests signed with PHI-SM2-SM3: who is let in, and what is told to whom is not."""
import base64
import time

from client.caller import encoded, envelope, new_nonce
from client.checks import accepted, check, is_json_post, refused, routes
from client.code import der
from client.curve import SM2, PrivateKey

CLAUSE = "38963 requests; PHI-SM2-SM3"


def base64_of(data):
    return base64.b64encode(data).decode()


def parts_of(door):
    """What one good request is made of."""
    target, fields = door.good
    return door.route.method, target or door.route.path, door.encode(fields)


def send(door, **signing):
    method, target, body = parts_of(door)
    return door.send(body=body, target=target, authorization=door.app.authorization(method, target, body, **signing))


@check("SIG-01", CLAUSE, "a request signed as documented is answered")
@routes(lambda route: route.path not in ("/v1/health/picture", "/v1/declarations/health", "/v1/declarations/trips"))
def check_signed(door):
    accepted(door.send())


@check("SIG-02", f"{CLAUSE}; 3001", "an unsigned request, or one of another scheme, is refused")
@routes()
def check_unsigned(door):
    refused(door.send(sign=False), 401, "3001")
    _nonce, header = door.app.authorization(*parts_of(door))
    other = header.replace("PHI-SM2-SM3", "WECHATPAY2-SM2-WITH-SM3", 1)
    refused(door.send(authorization=(None, other)), 401, "3001", what="another scheme")


@check("SIG-03", f"{CLAUSE}; 1008",
       "a header of the scheme that is not in its form is refused with the parameter's name")
@routes()
def check_header_form(door):
    _nonce, good = door.app.authorization(*parts_of(door))
    for what, header in (("no parameters", "PHI-SM2-SM3 "), ("unknown parameter", good + ',more="1"'),
                         ("parameter twice", good + "," + good.split(" ", 1)[1].split(",")[0]), ("no closing quote", good[:-1])):
        refused(door.send(authorization=(None, header)), 400, "1008", what=what)
    for name, bad in (("nonce", "short"), ("nonce", "n" * 33), ("nonce", "n" * 20 + "!"), ("timestamp", "soon"),
                      ("key_serial", "AB" * 8), ("app_id", "a b"), ("signature", "rubbish")):
        refused(send(door, **{name: bad}), 400, "1008", name, what=f"{name} {bad}")


@check("SIG-04", f"{CLAUSE}; 3002", "a body altered after signing is refused")
@routes(lambda route: route.method == "POST")
def check_altered_body(door):
    method, target, body = parts_of(door)
    signed = door.app.authorization(method, target, body)
    changed = body.replace(b"conformance", b"conformancf", 1) if not door.route.lines else body + b"\n"
    assert changed != body
    refused(door.send(body=changed, target=target, authorization=signed), 401, "3002")


@check("SIG-05", f"{CLAUSE}; 3002", "another target, method, time or nonce than what was signed is refused")
@routes()
def check_altered_rest(door):
    method, target, body = parts_of(door)
    stamp, nonce = str(int(time.time())), new_nonce()
    lines = {"target": (method, target + "?x=1", stamp, nonce), "method": ("PUT", target, stamp, nonce),
             "time": (method, target, str(int(stamp) - 1), nonce), "nonce": (method, target, stamp, new_nonce())}
    for what, parts in lines.items():
        signed = "".join(part + "\n" for part in parts).encode() + body + b"\n"
        header = door.app.authorization(method, target, body, timestamp=stamp, nonce=nonce, signed=signed)
        refused(door.send(body=body, target=target, authorization=header), 401, "3002", what=what)


@check("SIG-06", f"{CLAUSE}; 3003", "an app, or a key, that is not registered is refused")
@routes()
def check_strangers(door):
    refused(send(door, app_id="zz-nobody"), 401, "3003", "app_id")
    stranger = PrivateKey()
    refused(send(door, key=stranger, key_serial=stranger.public.serial), 401, "3003", "key_serial")
    refused(send(door, key=stranger), 401, "3002", what="another key under the app's serial")


@check("SIG-07", f"{CLAUSE}; 3005", "a timestamp more than 60 seconds off is refused, one within is taken")
@routes(lambda route: route.path not in ("/v1/health/picture", "/v1/declarations/health", "/v1/declarations/trips"))
def check_timestamp(door):
    for off in (-86400, -75, 75, 86400):
        refused(send(door, timestamp=int(time.time()) + off), 401, "3005", "timestamp", what=f"{off} s")
    for off in (-45, 45):
        accepted(send(door, timestamp=int(time.time()) + off), f"{off} s")


@check("SIG-08", f"{CLAUSE}; 3006", "the same signed request again is refused: a nonce is good once")
@routes(lambda route: route.path not in ("/v1/health/picture", "/v1/declarations/health", "/v1/declarations/trips"))
def check_replay(door):
    method, target, body = parts_of(door)
    signed = door.app.authorization(method, target, body)
    accepted(door.send(body=body, target=target, authorization=signed))
    for _ in range(2):
        refused(door.send(body=body, target=target, authorization=signed), 401, "3006", "nonce")


@check("SIG-09", f"{CLAUSE}: the nonce is checked after the signature", "a stranger can't use up a caller's nonce")
def check_nonce_of_a_forgery(world):
    door = world.door("POST /v1/code-applications")
    method, target, body = parts_of(door)
    nonce = new_nonce()
    forged = door.app.authorization(method, target, body, nonce=nonce, key=PrivateKey())
    refused(door.send(body=body, authorization=forged), 401, "3002")
    good = door.app.authorization(method, target, body, nonce=nonce)
    accepted(door.send(body=body, authorization=good))


@check("SIG-10", "GB/T 32918.2; raw r ‖ s", "a signature in DER, of zeros, or with r or s beyond the order is refused")
def check_signature_form(world):
    door = world.door("POST /v1/code-applications")
    method, target, body = parts_of(door)
    nonce, stamp = new_nonce(), str(int(time.time()))
    good = door.app.key.sign(f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n")
    r, s = int.from_bytes(good[:32], "big"), int.from_bytes(good[32:], "big")
    forms = {"r = 0": bytes(32) + good[32:], "s = 0": good[:32] + bytes(32), "zeros": bytes(64),
             "s = n": good[:32] + SM2.n.to_bytes(32, "big"), "r = n": SM2.n.to_bytes(32, "big") + good[32:],
             "negated s": r.to_bytes(32, "big") + (SM2.n - s).to_bytes(32, "big")}
    for what, signature in forms.items():
        refused(send(door, nonce=nonce, timestamp=stamp, signature=base64_of(signature)), 401, "3002", what=what)
    refused(send(door, nonce=nonce, timestamp=stamp, signature=base64_of(der(good))), 400, "1008", "signature", what="DER")


@check("SIG-11", "GB/T 32918.2: user id 1234567812345678", "a signature with another user id, or none, is refused")
def check_user_id(world):
    door = world.door("POST /v1/code-applications")
    for user_id in (b"", b"1234567812345679"):
        refused(send(door, user_id=user_id), 401, "3002", what=repr(user_id))


@check("SIG-12", f"{CLAUSE}; 3004", "a suspended app is told so")
def check_suspended(world):
    door = world.door("POST /v1/code-applications")
    refused(door.send(app=world.app("suspended")), 403, "3004", "app_id")


@check("SIG-13", f"{CLAUSE}; 3012", "an app may do only what it is registered for")
@routes()
def check_roles(door, world):
    idle = world.app("idle")
    method, target, body = parts_of(door)
    token = door.token(app=idle) if door.route.who else None
    refused(door.send(body=body, target=target, app=idle, token=token), 403, "3012", "app_id")


@check("SIG-14", "38963: order of checks",
       "an unknown caller is told nothing about the body; a known one about the body only after the token")
@routes(is_json_post)
def check_order(door):
    bad = encoded({**envelope(), "zzUnknown": 1})
    refused(door.send(body=bad, sign=False), 401, "3001")
    if door.route.who:
        refused(door.send(body=bad, token=None), 401, "3007", "Phi-Identity")
    refused(door.send(body=bad), 400, "1007", "$.zzUnknown")
