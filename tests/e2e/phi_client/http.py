"""A caller of the HTTP interface: signs requests and checks the signatures of answers (interfaces document, HTTP)."""
import base64
import http.client
import itertools
import json
import secrets
import string
import time

import requests

from .sm2 import PrivateKey

ALPHABET = string.ascii_letters + string.digits
_serial = itertools.count(1)


class Answer:
    def __init__(self, response, signed):
        self.status, self.headers, self.body, self.signed = (
            response.status_code, response.headers, response.content, signed)

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json["resultCode"]

    @property
    def data(self):
        return self.json["data"]

    def __repr__(self):
        return f"<{self.status} {self.body[:600].decode(errors='replace')}>"


class App:
    """A registered caller: its id, its key, and the addresses and answer keys of the services it calls."""

    def __init__(self, app_id, client_id=None, key=None):
        self.app_id, self.client_id, self.key = app_id, client_id or app_id, key or PrivateKey()
        self.session = requests.Session()
        self.answer_keys = {}  # base address -> PublicKey

    def authorization(self, method, target, body, timestamp=None, nonce=None):
        timestamp = str(int(time.time()) if timestamp is None else timestamp)
        nonce = nonce or "".join(secrets.choice(ALPHABET) for _ in range(24))
        message = b"\n".join([method.encode(), target.encode(), timestamp.encode(), nonce.encode(), body, b""])
        signature = base64.b64encode(self.key.sign(message)).decode()
        return nonce, (f'PHI-SM2-SM3 app_id="{self.app_id}",key_serial="{self.key.public.serial}",'
                       f'timestamp="{timestamp}",nonce="{nonce}",signature="{signature}"')

    def call(self, method, base, target, body=b"", token=None, headers=None, sign=True, check=True, timeout=15,
             **signing):
        """One request; `body` as bytes or as a value that becomes JSON. With `check` a signed answer must verify."""
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
        sent = {"Content-Type": "application/json"} if body else {}
        if token:
            sent["Phi-Identity"] = token
        nonce = None
        if sign:
            nonce, sent["Authorization"] = self.authorization(method, target, body, **signing)
        sent.update(headers or {})
        response = self.session.request(method, base + target, data=body or None, headers=sent, timeout=timeout)
        signed = "Phi-Signature" in response.headers
        if check and signed and base in self.answer_keys:
            self.check_answer(response, nonce, self.answer_keys[base])
        return Answer(response, signed)

    def twin(self):
        """The same caller with a connection of its own."""
        twin = App(self.app_id, self.client_id, self.key)
        twin.answer_keys = self.answer_keys
        return twin

    def prepare(self, method, base, target, fields, token=None):
        """A signed business request that waits for `send`: for requests that should leave at one moment."""
        body = json.dumps(envelope(fields), ensure_ascii=False).encode()
        _nonce, authorization = self.authorization(method, target, body)
        headers = {"Content-Type": "application/json", "Authorization": authorization}
        if token:
            headers["Phi-Identity"] = token
        return requests.Request(method, base + target, headers=headers, data=body).prepare()

    def send(self, prepared, timeout=15):
        response = self.session.send(prepared, timeout=timeout)
        return Answer(response, "Phi-Signature" in response.headers)

    @staticmethod
    def check_answer(response, nonce, key):
        stamp = response.headers["Phi-Timestamp"]
        assert response.headers["Phi-Nonce"] == nonce, "the answer carries another nonce"
        assert abs(time.time() - int(stamp)) <= 60, "the answer's time is off"
        message = b"\n".join([str(response.status_code).encode(), stamp.encode(), nonce.encode(), response.content, b""])
        signature = base64.b64decode(response.headers["Phi-Signature"], validate=True)
        assert key.verify(message, signature), "the answer's signature does not verify"

    def post(self, base, target, fields=None, token=None, customer="c-1", serial=None, **options):
        """A business request with its envelope; `fields` are the interface's own members."""
        return self.call("POST", base, target, envelope(fields, customer, serial), token, **options)

    def get(self, base, target, token=None, **options):
        return self.call("GET", base, target, b"", token, **options)


class Sent:
    """A response of http.client, in the form of requests'."""

    def __init__(self, response):
        self.status_code, self.headers, self.content = response.status, response.headers, response.read()


def send_raw(base, method, target, headers, body=b"", timeout=15):
    """Target and headers (pairs) exactly as given, which requests would tidy up; then asks again on the connection."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=timeout)
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in [*headers, ("Content-Length", str(len(body)))]:
        connection.putheader(name, value)
    connection.endheaders(body or None)
    sent = Sent(connection.getresponse())
    socket = connection.sock
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200 and connection.sock is socket, "the connection is not usable"
    connection.close()
    return Answer(sent, "Phi-Signature" in sent.headers)


def envelope(fields=None, customer="c-1", serial=None):
    value = {"customNumber": customer, "appName": "e2e", "bizSerialNum": serial or new_serial(),
             "timeStamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
    value.update(fields or {})
    return value


def new_serial():
    return f"e2e-{int(time.time() * 1000):x}-{next(_serial)}-{secrets.token_hex(4)}"
