"""A caller that does not give up: the same business request, signed anew, until it is acknowledged or time is over."""
import base64
import http.client
import json
import secrets
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from phi_client.http import ALPHABET
from phi_client.sm2 import PublicKey
from phi_client.suite import SERVICES

from .sm2 import Signer, Verifier

AGAIN = (429, 503)


class Unacknowledged(AssertionError):
    """No acknowledgement within the deadline."""


class Tokens:
    """Id tokens signed with the development provider's own keys: thousands a second."""

    def __init__(self, suite, kind="citizens"):
        self.issuer = f"{suite.url('idp')}/{kind}"
        with open(f"{suite.run}/keys/dev-idp/{kind}.pem", "rb") as file:
            self.key = serialization.load_pem_private_key(file.read(), None)
        self.amr = ["face"] if kind == "citizens" else ["hwk", "pin"]
        self.acr = "real-name" if kind == "citizens" else "staff"
        self.kid = suite.token(kind, sub="kid", aud="kid")  # only its header is looked at
        self.kid = json.loads(base64.urlsafe_b64decode(self.kid.split(".")[0] + "=="))["kid"]

    def make(self, person, audience, ttl=900, **claims):
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": audience, "iat": now, "exp": now + ttl, "acr": self.acr, "amr": self.amr,
                  **person.claims(), **claims}
        head = {"alg": "ES256", "typ": "JWT", "kid": self.kid}
        signed = ".".join(_base64url(json.dumps(part, ensure_ascii=False).encode()) for part in (head, claims))
        r, s = decode_dss_signature(self.key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_base64url(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Ack:
    """An acknowledged request: the answer's code and data, and how often it was sent."""

    def __init__(self, value, tries, seconds):
        self.code, self.data, self.tries, self.seconds, self.at = (
            value["resultCode"], value["data"], tries, seconds, time.monotonic())


class Client:
    """Of one app; any thread, each with its own connections."""

    def __init__(self, suite, app, deadline_s=90.0):
        self.app_id, self.audience, self.deadline_s = app.app_id, app.client_id, deadline_s
        self.signer = Signer(app.key)
        self.ports = {name: suite.port(name) for name in SERVICES}
        self.answer_keys = {name: Verifier(PublicKey.from_file(suite.public_file(name, "answer"))) for name in SERVICES}
        self.again = 0  # how often a request was sent once more; a figure, so no lock
        self.local = threading.local()

    def post(self, service, path, fields, token, serial, customer="load", expect=("0000",)):
        """An Ack; AssertionError for an answer that is neither expected nor worth another try."""
        begin, tries = time.monotonic(), 0
        while True:
            tries += 1
            answer = self._try(service, path, fields, token, serial, customer)
            if answer is not None:
                status, value = answer
                assert status == 200 and value["resultCode"] in expect, f"{service}{path}: {status} {value}"
                return Ack(value, tries, time.monotonic() - begin)
            if time.monotonic() - begin > self.deadline_s:
                raise Unacknowledged(f"{service}{path}: {tries} tries in {self.deadline_s} s")
            self.again += 1
            time.sleep(min(0.02 * tries, 0.5))

    def _try(self, service, path, fields, token, serial, customer):
        """(status, value) of an answer whose signature verifies; None when the outcome is not known or to be tried
        again."""
        body = json.dumps({"customNumber": customer, "appName": "load", "bizSerialNum": serial,
                           "timeStamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **fields},
                          ensure_ascii=False).encode()
        nonce = "".join(secrets.choice(ALPHABET) for _ in range(24))
        headers = {"Content-Type": "application/json", "Phi-Identity": token,
                   "Authorization": self._authorization(path, body, nonce)}
        connections = self.local.__dict__.setdefault("connections", {})
        if service not in connections:
            connections[service] = http.client.HTTPConnection("127.0.0.1", self.ports[service], timeout=15)
        connection = connections[service]
        try:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return None
        if response.status in AGAIN:
            return None
        if "Phi-Signature" in response.headers:
            self._check(service, response, nonce, content)
        else:
            assert response.status != 200, f"{service}{path}: an acknowledgement that nobody signed"
        return response.status, json.loads(content)

    def _authorization(self, path, body, nonce):
        stamp = str(int(time.time()))
        message = b"\n".join([b"POST", path.encode(), stamp.encode(), nonce.encode(), body, b""])
        return (f'PHI-SM2-SM3 app_id="{self.app_id}",key_serial="{self.signer.serial}",timestamp="{stamp}",'
                f'nonce="{nonce}",signature="{base64.b64encode(self.signer.sign(message)).decode()}"')

    def _check(self, service, response, nonce, content):
        assert response.headers["Phi-Nonce"] == nonce, "an answer to another request"
        message = b"\n".join([str(response.status).encode(), response.headers["Phi-Timestamp"].encode(), nonce.encode(),
                              content, b""])
        signature = base64.b64decode(response.headers["Phi-Signature"], validate=True)
        assert self.answer_keys[service].verify(message, signature), "the answer's signature does not verify"
