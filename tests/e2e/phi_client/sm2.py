"""SM2 with SM3 by gmssl: keys, signatures as raw r‖s, key files and serials."""
import base64
import secrets

from gmssl import func, sm2, sm3

ORDER = int(sm2.default_ecc_table["n"], 16)
# SubjectPublicKeyInfo of an SM2 key up to its 64 bytes x‖y: SEQUENCE, id-ecPublicKey, 1.2.156.10197.1.301, BIT STRING.
SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")


def digest(data):
    return bytes.fromhex(sm3.sm3_hash(func.bytes_to_list(data)))


def _crypt(private, xy):
    """gmssl takes the digits 0 and 4 off the front of a public key that begins with 04: so it gets it afterwards."""
    crypt = sm2.CryptSM2(private_key=private, public_key="")
    crypt.public_key = xy.hex()
    return crypt


class PublicKey:
    """x‖y, 64 bytes."""

    def __init__(self, xy):
        self.xy = bytes(xy)
        self._crypt = _crypt("", self.xy)

    @classmethod
    def from_pem(cls, text):
        lines = [line for line in text.strip().split("\n") if not line.startswith("-----")]
        der = base64.b64decode("".join(lines))
        if der[: len(SPKI)] != SPKI or len(der) != len(SPKI) + 64:
            raise ValueError("not an SM2 public key")
        return cls(der[len(SPKI) :])

    @classmethod
    def from_file(cls, path):
        with open(path, encoding="ascii") as file:
            return cls.from_pem(file.read())

    @property
    def serial(self):
        return digest(self.xy)[:8].hex()

    def pem(self):
        body = base64.encodebytes(SPKI + self.xy).decode().replace("\n", "")
        lines = [body[i : i + 64] for i in range(0, len(body), 64)]
        return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])

    def verify(self, message, signature):
        return len(signature) == 64 and bool(self._crypt.verify_with_sm3(signature.hex(), message))


class PrivateKey:
    """A fresh key, for test callers."""

    def __init__(self, number=None):
        self.number = number or secrets.randbelow(ORDER - 2) + 1
        text = f"{self.number:064x}"
        crypt = sm2.CryptSM2(private_key=text, public_key="")
        self.public = PublicKey(bytes.fromhex(crypt._kg(self.number, crypt.ecc_table["g"])))
        self._crypt = _crypt(text, self.public.xy)

    def sign(self, message):
        return bytes.fromhex(self._crypt.sign_with_sm3(message, f"{secrets.randbelow(ORDER - 2) + 1:064x}"))
