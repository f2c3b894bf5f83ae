"""A caller of the HTTP interface: signs requests, reads answers, makes id tokens."""
import base64
import http.client
import itertools
import json
import secrets
import string
import time
import urllib.parse

from .curve import es256

LETTERS = string.ascii_letters + string.digits
TIMEOUT_S = 20
_count = itertools.count(1)


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def moment(seconds_ago=0):
    """RFC 3339 at +08:00."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() - seconds_ago + 8 * 3600))


def new_number():
    return f"conformance-{int(time.time() * 1000):x}-{next(_count)}-{secrets.token_hex(3)}"


def new_nonce(length=24):
    return "".join(secrets.choice(LETTERS) for _ in range(length))


class Answer:
    def __init__(self, status, headers, body, nonce):
        self.status, self.headers, self.body, self.nonce = status, headers, body, nonce
        try:
            self.json = json.loads(body)
        except ValueError:
            self.json = None

    @property
    def members(self):
        return self.json if isinstance(self.json, dict) else {}

    @property
    def code(self):
        return self.members.get("resultCode")

    @property
    def data(self):
        data = self.members.get("data")
        return data if isinstance(data, dict) else {}

    @property
    def is_signed(self):
        return "Phi-Signature" in self.headers

    def signed_bytes(self):
        parts = (str(self.status), self.headers.get("Phi-Timestamp", ""), self.nonce or "")
        return "".join(part + "\n" for part in parts).encode() + self.body + b"\n"

    def __repr__(self):
        """For failures: what was answered, without codes and names."""
        told = {name: value for name, value in self.members.items() if name in ("resultCode", "resultDescEn")}
        if self.code != "0000" and self.data:
            told["data"] = {name: value for name, value in self.data.items() if name in ("field", "reason", "checked")}
        return f"<{self.status} {json.dumps(told, ensure_ascii=False) if told else self.body[:200]}>"


class Address:
    """One base address and one connection to it that is kept."""

    def __init__(self, base):
        self.base = base.rstrip("/")
        parts = urllib.parse.urlsplit(self.base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"not an http or https address: {base}")
        self.prefix = parts.path
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connect = lambda: kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._kept = None

    def send(self, method, target, headers, body=b"", nonce=None):
        """`headers` are pairs, sent as they stand."""
        for attempt in (1, 2):
            is_fresh = self._kept is None
            self._kept = self._kept or self._connect()
            try:
                self._kept.putrequest(method, self.prefix + target, skip_accept_encoding=True)
                for name, value in headers:
                    self._kept.putheader(name, value)
                if body or method in ("POST", "PUT", "PATCH"):
                    self._kept.putheader("Content-Length", str(len(body)))
                self._kept.endheaders(body or None)
                got = self._kept.getresponse()
                return Answer(got.status, got.headers, got.read(), nonce)
            except (http.client.RemoteDisconnected, ConnectionError, http.client.CannotSendRequest):
                self._kept.close()
                self._kept = None
                if is_fresh or attempt == 2:
                    raise
        raise AssertionError("not reached")


class App:
    """A registered caller."""

    def __init__(self, app_id, client_id, key, kinds=(), settings=None):
        self.app_id, self.client_id, self.key, self.kinds, self.settings = app_id, client_id, key, kinds, settings

    def authorization(self, method, target, body=b"", **other):
        """(nonce, header); `other` replaces what is said, or what is signed: app_id, key_serial, timestamp, nonce, key,
        signed (the message), signature (base64), user_id."""
        stamp = str(other.get("timestamp", int(time.time())))
        nonce, key = other.get("nonce") or new_nonce(), other.get("key", self.key)
        message = other.get("signed") or f"{method}\n{target}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
        extra = {"user_id": other["user_id"]} if "user_id" in other else {}
        signature = other.get("signature") or base64.b64encode(key.sign(message, **extra)).decode()
        values = {"app_id": other.get("app_id", self.app_id), "key_serial": other.get("key_serial", self.key.public.serial),
                  "timestamp": stamp, "nonce": nonce, "signature": signature}
        return nonce, "PHI-SM2-SM3 " + ",".join(f'{name}="{value}"' for name, value in values.items())

    def call(self, address, method, target, body=b"", token=None, headers=(), content_type="application/json",
             sign=True, authorization=None, **other):
        nonce, sent = None, list(headers)
        if authorization:
            nonce, header = authorization
            sent.append(("Authorization", header))
        elif sign:
            nonce, header = self.authorization(method, target, body, **other)
            sent.append(("Authorization", header))
        if body and content_type:
            sent.append(("Content-Type", content_type))
        if token:
            sent.append(("Phi-Identity", token))
        return address.send(method, target, sent, body, nonce)


def envelope(fields=None, number=None, customer="c-1", stamp=None):
    return {"customNumber": customer, "appName": "conformance", "timeStamp": stamp or moment(),
            "bizSerialNum": number or new_number(), **(fields or {})}


def encoded(value):
    return json.dumps(value, ensure_ascii=False).encode()


def token(provider, claims, audience, omit=(), header=None, number=None, signature=None):
    """An id token (OpenID Connect, ES256); `claims` win over the usual ones."""
    now = int(time.time())
    whole = {"iss": provider.issuer, "aud": audience, "iat": now, "exp": now + 300, **claims}
    whole = {name: value for name, value in whole.items() if name not in omit}
    head = {"alg": "ES256", "typ": "JWT", "kid": provider.kid, **(header or {})}
    text = ".".join(base64url(json.dumps(part, ensure_ascii=False).encode()) for part in (head, whole))
    made = es256(number or provider.number, text.encode()) if signature is None else signature
    return f"{text}.{base64url(made)}"


WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_people = itertools.count(secrets.randbelow(10**8))


class Person:
    """Invented: born in 1890, so nobody living; the check digit is right (GB 11643)."""

    def __init__(self, name=None):
        number = next(_people)
        day, sequence = divmod(number % 336_000, 1000)
        month, day = divmod(day, 28)
        body = f"3201021890{month % 12 + 1:02d}{day + 1:02d}{sequence:03d}"
        check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS)) % 11]
        self.name = name or "试" + "甲乙丙丁戊己庚辛壬癸"[number % 10] + "子丑寅卯辰巳午未申酉戌亥"[number % 12]
        self.id_type, self.id_no, self.country, self.sub = "111", body + check, "CHN", f"conformance-{number}"

    def claims(self):
        return {"sub": self.sub, "name": self.name, "phi_id_type": self.id_type, "phi_id_no": self.id_no,
                "phi_country": self.country, "acr": "real-name", "amr": ["face"]}

    @property
    def masked(self):
        """(name, number) as they may be shown: the middle covered."""
        return f"{self.name[0]}*{self.name[-1]}", f"{self.id_no[:4]}{'*' * (len(self.id_no) - 8)}{self.id_no[-4:]}"
