"""SM2 signatures (GB/T 32918.2) by docs/codes.md: verification of raw r ‖ s with the user id 1234567812345678."""
from cryptography.hazmat.primitives import hashes

p = int("FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF FFFFFFFF 00000000 FFFFFFFF FFFFFFFF".replace(" ", ""), 16)
a = p - 3
b = int("28E9FA9E 9D9F5E34 4D5A9E4B CF6509A7 F39789F5 15AB8F92 DDBCBD41 4D940E93".replace(" ", ""), 16)
n = int("FFFFFFFE FFFFFFFF FFFFFFFF FFFFFFFF 7203DF6B 21C6052B 53BBF409 39D54123".replace(" ", ""), 16)
x_G = int("32C4AE2C 1F198119 5F990446 6A39C994 8FE30BBF F2660BE1 715A4589 334C74C7".replace(" ", ""), 16)
y_G = int("BC3736A2 F4F6779C 59BDCEE3 6B692153 D0A9877C C62A4740 02DF32E5 2139F0A0".replace(" ", ""), 16)
USER_ID = b"1234567812345678"


def sm3(data):
    digest = hashes.Hash(hashes.SM3())
    digest.update(data)
    return digest.finalize()


# Points are (X, Y, Z) with x = X / Z², y = Y / Z³; Z = 0 is the point at infinity.
def double(point):
    X, Y, Z = point
    S = 4 * X * Y * Y % p
    M = (3 * X * X + a * pow(Z, 4, p)) % p
    X2 = (M * M - 2 * S) % p
    return X2, (M * (S - X2) - 8 * pow(Y, 4, p)) % p, 2 * Y * Z % p


def add(one, two):
    if one[2] == 0:
        return two
    if two[2] == 0:
        return one
    z1, z2 = one[2] * one[2] % p, two[2] * two[2] % p
    u1, u2 = one[0] * z2 % p, two[0] * z1 % p
    s1, s2 = one[1] * z2 * two[2] % p, two[1] * z1 * one[2] % p
    h, r = (u2 - u1) % p, (s2 - s1) % p
    if h == 0:
        return double(one) if r == 0 else (1, 1, 0)
    v = u1 * h * h % p
    X = (r * r - h * h * h - 2 * v) % p
    return X, (r * (v - X) - s1 * h * h * h) % p, h * one[2] * two[2] % p


def two_products(k, point, m, other):
    """k·point + m·other, both scalars bit by bit together."""
    both, out = add(point, other), (1, 1, 0)
    for bit in range(max(k.bit_length(), m.bit_length()) - 1, -1, -1):
        out = double(out)
        choice = (k >> bit & 1) + 2 * (m >> bit & 1)
        if choice:
            out = add(out, (point, other, both)[choice - 1])
    return out


def verifies(public, message, signature):
    """public: x ‖ y, 64 bytes; signature: r ‖ s, 64 bytes."""
    x, y = int.from_bytes(public[:32], "big"), int.from_bytes(public[32:], "big")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % n
    if not (1 <= r < n and 1 <= s < n) or t == 0:
        return False
    curve = b"".join(v.to_bytes(32, "big") for v in (a, b, x_G, y_G))
    z = sm3(b"\x00\x80" + USER_ID + curve + public)
    e = int.from_bytes(sm3(z + message), "big")
    X, _, Z = two_products(s, (x_G, y_G, 1), t, (x, y, 1))
    return Z != 0 and (e + X * pow(Z, -2, p) % p) % n == r
