"""Signatures on prime curves with a = -3: SM2 (GB/T 32918) and ECDSA on P-256 for id tokens. For tests, not for secrets."""
import hashlib
import hmac
import secrets

from .sm3 import sm3

USER_ID = b"1234567812345678"
WINDOW = 4


class Curve:
    def __init__(self, p, b, n, gx, gy):
        self.p, self.b, self.n, self.g = p, b, n, (gx, gy)
        self._tables = {}

    def has(self, point):
        x, y = point
        return 0 <= x < self.p and 0 <= y < self.p and (y * y - x * x * x + 3 * x - self.b) % self.p == 0

    def _double(self, point):
        x, y, z = point
        p = self.p
        if not y or not z:
            return 0, 1, 0
        zz = z * z % p
        m = 3 * (x - zz) * (x + zz) % p
        yy = y * y % p
        s = 4 * x * yy % p
        x3 = (m * m - 2 * s) % p
        return x3, (m * (s - x3) - 8 * yy * yy) % p, 2 * y * z % p

    def _add(self, left, right):
        """Jacobian plus affine; None is the point at infinity."""
        if right is None:
            return left
        x1, y1, z1 = left
        x2, y2 = right
        p = self.p
        if not z1:
            return x2, y2, 1
        zz = z1 * z1 % p
        h = (x2 * zz - x1) % p
        r = (y2 * zz * z1 - y1) % p
        if not h:
            return self._double(left) if not r else (0, 1, 0)
        hh = h * h % p
        hhh = h * hh % p
        v = x1 * hh % p
        x3 = (r * r - hhh - 2 * v) % p
        return x3, (r * (v - x3) - y1 * hhh) % p, z1 * h % p

    def _affine(self, point):
        x, y, z = point
        if not z:
            return None
        inverse = pow(z, -1, self.p)
        return x * inverse * inverse % self.p, y * inverse * inverse * inverse % self.p

    def _table(self, base):
        """Every 4-bit digit times every power of 16: one addition for a digit."""
        if base not in self._tables:
            if len(self._tables) > 32:
                self._tables.clear()
            rows, at = [], base
            for _ in range(0, self.n.bit_length(), WINDOW):
                row, point = [None], (0, 1, 0)
                for _ in range(1, 1 << WINDOW):
                    point = self._add(point, at)
                    row.append(self._affine(point))
                rows.append(row)
                at = self._affine(self._add(point, at))
            self._tables[base] = rows
        return self._tables[base]

    def sum_of(self, *terms):
        """The sum of number times point, affine, or None at infinity."""
        total = (0, 1, 0)
        for number, base in terms:
            for row in self._table(base):
                if number & 15:
                    total = self._add(total, row[number & 15])
                number >>= WINDOW
        return self._affine(total)


SM2 = Curve(0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
            0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
            0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
            0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
            0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)
P256 = Curve(0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
             0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
             0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
             0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
             0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5)


def _bytes(*numbers):
    return b"".join(number.to_bytes(32, "big") for number in numbers)


class PublicKey:
    """An SM2 public key: x‖y, 64 bytes."""

    def __init__(self, xy):
        self.xy = bytes(xy)
        self.point = int.from_bytes(self.xy[:32], "big"), int.from_bytes(self.xy[32:], "big")
        if len(self.xy) != 64 or not SM2.has(self.point):
            raise ValueError("not a point of the curve")

    @property
    def serial(self):
        """Key serial: the first 16 hex digits of SM3(x ‖ y)."""
        return sm3(self.xy)[:8].hex()

    def digest(self, message, user_id=USER_ID):
        z = sm3(len(user_id * 8).to_bytes(2, "big") + user_id + _bytes(SM2.p - 3, SM2.b, *SM2.g) + self.xy)
        return int.from_bytes(sm3(z + message), "big")

    def verify(self, message, signature, user_id=USER_ID):
        """`signature` is raw r ‖ s."""
        if len(signature) != 64:
            return False
        r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
        t = (r + s) % SM2.n
        if not (0 < r < SM2.n and 0 < s < SM2.n and t):
            return False
        point = SM2.sum_of((s, SM2.g), (t, self.point))
        return point is not None and (self.digest(message, user_id) + point[0]) % SM2.n == r


class PrivateKey:
    """An SM2 private key."""

    def __init__(self, number=None):
        self.number = number or secrets.randbelow(SM2.n - 2) + 1
        self.public = PublicKey(_bytes(*SM2.sum_of((self.number, SM2.g))))

    def sign(self, message, user_id=USER_ID):
        e = self.public.digest(message, user_id)
        while True:
            k = secrets.randbelow(SM2.n - 1) + 1
            r = (e + SM2.sum_of((k, SM2.g))[0]) % SM2.n
            s = pow(1 + self.number, -1, SM2.n) * (k - r * self.number) % SM2.n
            if r and s and r + k != SM2.n:
                return _bytes(r, s)


def es256(number, message):
    """ECDSA on P-256 with SHA-256 (RFC 7518): raw r ‖ s."""
    digest = hashlib.sha256(message).digest()
    while True:
        k = int.from_bytes(hmac.new(_bytes(number), digest + secrets.token_bytes(32), "sha256").digest(), "big") % P256.n
        if not k:
            continue
        r = P256.sum_of((k, P256.g))[0] % P256.n
        s = pow(k, -1, P256.n) * (int.from_bytes(digest, "big") + r * number) % P256.n
        if r and s:
            return _bytes(r, s)
