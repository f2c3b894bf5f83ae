"""Key files (docs/codes.md): PKCS#8 under a password, PBKDF2 with HMAC-SHA256 and SM4-CBC; read here, not by phictl."""
import base64
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


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
