"""Certificates of phictl held by others: openssl's command line verifies the chain, cryptography reads the fields, gmssl
verifies the signatures; and phictl verifies what openssl made."""
import datetime
import json
import os
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from phi_client.sm2 import PublicKey

ARC = "2.25.10691266915068500322337890675003171545"
SM2_WITH_SM3 = "1.2.156.10197.1.501"
USER_ID = "distid:1234567812345678"


class Bench:
    """A folder, phictl and openssl in it."""

    def __init__(self, programs, folder):
        self.phictl_path, self.folder = os.path.join(programs, "phictl"), folder
        self.write("password", "a password\n")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def _run(self, program, arguments, good):
        done = subprocess.run([program, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=30)
        assert (done.returncode == 0) is good, f"{program} {arguments}: {done.stdout}{done.stderr}"
        return done.stdout if good else done.stderr + done.stdout

    def phictl(self, *arguments, good=True):
        return self._run(self.phictl_path, arguments, good)

    def openssl(self, *arguments, good=True):
        return self._run("openssl", arguments, good)

    def key(self, name):
        made = self.phictl("key", "new", "--out", name, "--password-file", "password")
        public = next(line[7:] for line in made.splitlines() if line.startswith("public="))
        return PublicKey(bytes.fromhex(public))

    def with_key(self, key):
        return "--key", key, "--password-file", "password"


@pytest.fixture(scope="module")
def bench(programs, tmp_path_factory):
    return Bench(programs, str(tmp_path_factory.mktemp("certificates")))


@pytest.fixture(scope="module")
def chain(bench):
    """Root, platform's CA and a code key's certificate; their keys by name."""
    keys = {name: bench.key(f"{name}.key") for name in ("root", "ca", "code")}
    bench.phictl("cert", "ca", *bench.with_key("root.key"), "--organization", "统一平台", "--name", "root", "--days", "3650",
                 "--path-length", "1", "--out", "root.pem")
    for name, issuer, extra in (("ca", "root", ("--sub-ca", "--path-length", "0")), ("code", "ca", ("--use", "code"))):
        bench.phictl("cert", "request", *bench.with_key(f"{name}.key"), "--organization", "江苏省平台", "--name", name,
                     "--out", f"{name}.req")
        bench.phictl("cert", "issue", "--ca", f"{issuer}.pem", *bench.with_key(f"{issuer}.key"), "--request", f"{name}.req",
                     "--days", "365", *extra, "--out", f"{name}.pem")
    return keys


VERIFY = ("cert", "verify", "--in", "code.pem", "--root", "root.pem", "--through", "ca.pem")


def test_phictl_verifies_its_own(bench, chain):
    assert bench.phictl(*VERIFY, "--use", "code") == f"good=code\nkey={chain['code'].serial}\n"
    assert "for another use" in bench.phictl(*VERIFY, "--use", "receipt", good=False)
    assert "no longer in force" in bench.phictl(*VERIFY, "--use", "code", "--at", "2099-01-01T00:00:00Z", good=False)
    assert "not in force yet" in bench.phictl(*VERIFY, "--use", "code", "--at", "2001-01-01T00:00:00Z", good=False)
    bench.phictl("cert", "verify", "--in", "code.pem", "--root", "root.pem", "--use", "code", good=False)
    bench.phictl("cert", "issue", "--ca", "code.pem", *bench.with_key("code.key"), "--request", "code.req", "--use", "code",
                 "--days", "1", "--out", "no.pem", good=False)
    assert not os.path.exists(bench.path("no.pem"))
    for verb in ("ca", "request", "issue", "show", "verify"):
        assert "--" in bench.phictl("cert", verb, "--help")


def test_openssl_verifies_chain_and_requests(bench, chain):
    """One link after the other: openssl's command line gives the user id to the certificate in question only."""
    for name, issuer in (("ca", "root"), ("code", "ca")):
        link = ("verify", "-partial_chain", "-CAfile", f"{issuer}.pem")
        bench.openssl(*link, "-vfyopt", USER_ID, f"{name}.pem")
        # with another user id it doesn't: the check is one
        bench.openssl(*link, "-vfyopt", "distid:8765432187654321", f"{name}.pem", good=False)
    for name in ("ca", "code"):
        bench.openssl("req", "-in", f"{name}.req", "-verify", "-vfyopt", USER_ID, "-noout")


@pytest.mark.parametrize("name, issuer", (("root", "root"), ("ca", "root"), ("code", "ca")))
def test_the_signature_by_another_sm2(bench, chain, name, issuer):
    certificate = x509.load_pem_x509_certificate(bench.read(f"{name}.pem"))
    assert certificate.signature_algorithm_oid.dotted_string == SM2_WITH_SM3
    r, s = decode_dss_signature(certificate.signature)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert chain[issuer].verify(certificate.tbs_certificate_bytes, raw)
    assert not chain[issuer].verify(certificate.tbs_certificate_bytes + b"\0", raw)


def test_the_fields_by_another_reader(bench, chain):
    root, ca, code = (x509.load_pem_x509_certificate(bench.read(f"{name}.pem")) for name in ("root", "ca", "code"))
    assert code.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value == "江苏省平台"
    assert code.issuer == ca.subject and ca.issuer == root.subject == root.issuer
    days = code.not_valid_after_utc - code.not_valid_before_utc
    assert datetime.timedelta(days=365) <= days <= datetime.timedelta(days=365, minutes=10)

    def extension(certificate, kind):
        found = certificate.extensions.get_extension_for_class(kind)
        return found.critical, found.value

    assert extension(root, x509.BasicConstraints) == (True, x509.BasicConstraints(True, 1))
    assert extension(ca, x509.BasicConstraints) == (True, x509.BasicConstraints(True, 0))
    assert extension(code, x509.BasicConstraints) == (True, x509.BasicConstraints(False, None))
    assert extension(code, x509.ExtendedKeyUsage) == (True, x509.ExtendedKeyUsage([x509.ObjectIdentifier(f"{ARC}.1")]))
    critical, usage = extension(code, x509.KeyUsage)
    assert critical and usage.digital_signature and not usage.key_cert_sign and not usage.key_encipherment
    critical, usage = extension(ca, x509.KeyUsage)
    assert critical and usage.key_cert_sign and not usage.digital_signature
    assert extension(code, x509.SubjectKeyIdentifier)[1].digest.hex() == chain["code"].serial
    assert extension(code, x509.AuthorityKeyIdentifier)[1].key_identifier.hex() == chain["ca"].serial
    assert len({certificate.serial_number for certificate in (root, ca, code)}) == 3


def test_phictl_takes_what_openssl_made(bench, chain):
    """A key, a request and a whole chain of openssl's."""
    bench.openssl("genpkey", "-algorithm", "SM2", "-out", "theirs.key")
    bench.openssl("req", "-new", "-key", "theirs.key", "-sm3", "-sigopt", USER_ID, "-subj", "/C=CN/O=x/CN=theirs", "-out",
                  "theirs.req")
    bench.phictl("cert", "issue", "--ca", "ca.pem", *bench.with_key("ca.key"), "--request", "theirs.req", "--use", "app",
                 "--days", "30", "--out", "theirs.pem")
    assert "subject=CN=theirs,O=x,C=CN" in bench.phictl("cert", "show", "--in", "theirs.pem")
    bench.openssl("req", "-new", "-key", "theirs.key", "-sm3", "-sigopt", "distid:another id", "-subj", "/CN=theirs", "-out",
                  "other-id.req")
    bench.phictl("cert", "issue", "--ca", "ca.pem", *bench.with_key("ca.key"), "--request", "other-id.req", "--use", "app",
                 "--days", "30", "--out", "other-id.pem", good=False)
    bench.openssl("req", "-new", "-x509", "-key", "theirs.key", "-sm3", "-sigopt", USER_ID, "-subj", "/CN=their root",
                  "-days", "30", "-out", "their-root.pem")
    bench.write("ext", f"basicConstraints=critical,CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage={ARC}.2\n")
    for name, user_id in (("their-leaf", USER_ID), ("odd-leaf", "distid:another id")):
        bench.openssl("x509", "-req", "-in", "theirs.req", "-vfyopt", USER_ID, "-CA", "their-root.pem", "-CAkey", "theirs.key",
                      "-sm3", "-sigopt", user_id, "-days", "20", "-extfile", "ext", "-set_serial", "17", "-out", f"{name}.pem")
    bench.write("unknown", f"basicConstraints=critical,CA:FALSE\nextendedKeyUsage={ARC}.2\n1.2.3.4=critical,ASN1:NULL\n")
    bench.openssl("x509", "-req", "-in", "theirs.req", "-vfyopt", USER_ID, "-CA", "their-root.pem", "-CAkey", "theirs.key",
                  "-sm3", "-sigopt", USER_ID, "-days", "20", "-extfile", "unknown", "-set_serial", "18", "-out", "unknown.pem")
    ask = ("cert", "verify", "--root", "their-root.pem", "--use", "receipt", "--in")
    bench.phictl(*ask, "their-leaf.pem")
    bench.phictl(*ask, "odd-leaf.pem", good=False)
    assert "critical extension" in bench.phictl(*ask, "unknown.pem", good=False)


def test_the_trust_list_revokes(suite, tmp_path):
    """The province's code key is in the list; another key that the same CA certified is not."""
    bench = Bench(suite.programs, str(tmp_path))
    folder = os.path.join(suite.run, "keys", "svc-codegen")
    bench.key("ca.key")
    bench.key("other.key")
    bench.phictl("cert", "ca", *bench.with_key("ca.key"), "--organization", "x", "--name", "ca", "--days", "9", "--out", "ca.pem")
    for name, key in (("listed", ("--key", f"{folder}/code.key", "--password-file", f"{folder}/password")),
                      ("other", bench.with_key("other.key"))):
        bench.phictl("cert", "request", *key, "--organization", "x", "--name", name, "--out", f"{name}.req")
        bench.phictl("cert", "issue", "--ca", "ca.pem", *bench.with_key("ca.key"), "--request", f"{name}.req", "--use", "code",
                     "--days", "8", "--out", f"{name}.pem")
    answer = suite.apps["citizen-app"].get(suite.url("svc-platform"), "/v1/trust-list", sign=False)
    bench.write("list.json", answer.body.decode())
    ask = ("cert", "verify", "--root", "ca.pem", "--use", "code", "--trust-list", "list.json", "--trust-key",
           suite.public_file("svc-platform", "trust"), "--in")
    bench.phictl(*ask, "listed.pem")
    assert "not in the trust list" in bench.phictl(*ask, "other.pem", good=False)
    changed = json.loads(answer.body)
    changed["data"]["value"] = changed["data"]["value"].replace('"320000"', '"320001"')
    bench.write("changed.json", json.dumps(changed))
    bench.phictl(*(part.replace("list.json", "changed.json") for part in ask), "listed.pem", good=False)
