"""Key files (docs/codes.md): PKCS#8 under a password, PBKDF2 with HMAC-SHA256 and SM4-CBC; read and written here, not by
phictl."""
import base64
import hashlib
import os

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .sm2 import PKCS8

ROUNDS = 100_000
PBES2, PBKDF2, SM4_CBC = (bytes.fromhex(oid) for oid in (
    "06092a864886f70d01050d", "06092a864886f70d01050c", "06082a811ccf55016802"))
SECRET_UUID = 55131956973586271904048566995862828277
HMAC_SHA256 = bytes.fromhex("300c06082a864886f70d02090500")


def _parts(der):
    """The values of one level of DER, in order, with their tags."""
    at = 0
    while at < len(der):
        tag, length = der[at], der[at + 1]
        at += 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(der[at : at + count], "big")
            at += count
        yield tag, der[at : at + length]
        at += length


def _values(der):
    return [value for _tag, value in _parts(der)]


def _open(path, password):
    with open(path, encoding="ascii") as file:
        lines = [line for line in file.read().split("\n") if line and not line.startswith("-----")]
    (whole,) = _values(base64.b64decode("".join(lines)))
    algorithm, sealed = _values(whole)
    _pbes2, parameters = _values(algorithm)
    derivation, cipher = _values(parameters)
    salt, rounds = _values(_values(derivation)[1])[:2]
    _sm4_cbc, start = _values(cipher)
    key = hashlib.pbkdf2_hmac("sha256", password, salt, int.from_bytes(rounds, "big"), 16)
    decryptor = Cipher(algorithms.SM4(key), modes.CBC(start)).decryptor()
    plain = decryptor.update(sealed) + decryptor.finalize()
    return plain[: -plain[-1]]


def _private_key(path, password_path):
    with open(password_path, "rb") as file:
        plain = _open(path, file.read().strip())
    (info,) = _values(plain)
    return _values(info)[2]


def secret(path, password_path):
    """The bytes of a symmetric key."""
    return _private_key(path, password_path)


def sm2_number(path, password_path):
    """The number of an SM2 private key."""
    (key,) = _values(_private_key(path, password_path))
    return int.from_bytes(_values(key)[1], "big")


def _value(tag, content):
    length = len(content)
    size = bytes([length]) if length < 0x80 else bytes([0x81, length]) if length < 0x100 else (
        b"\x82" + length.to_bytes(2, "big"))
    return bytes([tag]) + size + content


def _seal(path, password_path, plain):
    """A key file, mode 0600, under the password of another file."""
    with open(password_path, "rb") as file:
        password = file.read().strip()
    salt, start = os.urandom(16), os.urandom(16)
    fill = 16 - len(plain) % 16
    secret_key = hashlib.pbkdf2_hmac("sha256", password, salt, ROUNDS, 16)
    encryptor = Cipher(algorithms.SM4(secret_key), modes.CBC(start)).encryptor()
    sealed = encryptor.update(plain + bytes([fill]) * fill) + encryptor.finalize()
    derivation = PBKDF2 + _value(0x30, _value(0x04, salt) + _value(0x02, ROUNDS.to_bytes(3, "big")) + HMAC_SHA256)
    parameters = _value(0x30, _value(0x30, derivation) + _value(0x30, SM4_CBC + _value(0x04, start)))
    body = base64.encodebytes(_value(0x30, _value(0x30, PBES2 + parameters) + _value(0x04, sealed))).decode()
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(f"-----BEGIN ENCRYPTED PRIVATE KEY-----\n{body}-----END ENCRYPTED PRIVATE KEY-----\n")


def write_sm2(path, password_path, key):
    """A phi_client.sm2.PrivateKey as a key file."""
    _seal(path, password_path, PKCS8[0] + key.number.to_bytes(32, "big") + PKCS8[1] + key.public.xy)


def _object_id(last):
    """2.25.last: the OBJECT IDENTIFIER made of a UUID."""
    digits = [last & 0x7F]
    while last := last >> 7:
        digits.append(last & 0x7F | 0x80)
    return _value(0x06, bytes([2 * 40 + 25, *reversed(digits)]))


def write_secret(path, password_path, key):
    """The bytes of a symmetric key as a key file."""
    algorithm = _value(0x30, _object_id(SECRET_UUID))
    _seal(path, password_path, _value(0x30, b"\x02\x01\x00" + algorithm + _value(0x04, key)))
