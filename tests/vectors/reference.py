"""SM2, SM3, SM4 and the codes of docs/codes.md in plain Python, written from the documents alone and sharing
nothing with the C sources: it makes the vectors that the C tests read. Slow and not constant time; for tests only."""

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
ID = b"1234567812345678"


# --- SM3, GB/T 32905
def _rol(x, n):
    n %= 32
    return ((x << n) | (x >> (32 - n))) & 0xFFFFFFFF


def sm3(data):
    v = [0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E]
    padded = data + b"\x80" + b"\0" * ((55 - len(data)) % 64) + (8 * len(data)).to_bytes(8, "big")
    for at in range(0, len(padded), 64):
        w = [int.from_bytes(padded[at + 4 * i : at + 4 * i + 4], "big") for i in range(16)]
        for j in range(16, 68):
            x = w[j - 16] ^ w[j - 9] ^ _rol(w[j - 3], 15)
            w.append(x ^ _rol(x, 15) ^ _rol(x, 23) ^ _rol(w[j - 13], 7) ^ w[j - 6])
        a, b, c, d, e, f, g, h = v
        for j in range(64):
            t = 0x79CC4519 if j < 16 else 0x7A879D8A
            ss1 = _rol((_rol(a, 12) + e + _rol(t, j)) & 0xFFFFFFFF, 7)
            ss2 = ss1 ^ _rol(a, 12)
            ff = a ^ b ^ c if j < 16 else (a & b) | (a & c) | (b & c)
            gg = e ^ f ^ g if j < 16 else (e & f) | (~e & g)
            tt1 = (ff + d + ss2 + (w[j] ^ w[j + 4])) & 0xFFFFFFFF
            tt2 = (gg + h + ss1 + w[j]) & 0xFFFFFFFF
            d, c, b, a = c, _rol(b, 9), a, tt1
            h, g, f, e = g, _rol(f, 19), e, tt2 ^ _rol(tt2, 9) ^ _rol(tt2, 17)
        v = [x ^ y for x, y in zip(v, (a, b, c, d, e, f, g, h))]
    return b"".join(x.to_bytes(4, "big") for x in v)


def hmac_sm3(key, data):
    key = (sm3(key) if len(key) > 64 else key).ljust(64, b"\0")
    inner = sm3(bytes(x ^ 0x36 for x in key) + data)
    return sm3(bytes(x ^ 0x5C for x in key) + inner)


# --- SM4, GB/T 32907
SBOX = bytes.fromhex(
    "d690e9fecce13db716b614c228fb2c052b679a762abe04c3aa441326498606999c4250f491ef987a33540b43edcfac62"
    "e4b31ca9c908e89580df94fa758f3fa64707a7fcf37317ba83593c19e6854fa8686b81b27164da8bf8eb0f4b70569d35"
    "1e240e5e6358d1a225227c3b01217887d40046579fd327524c3602e7a0c4c89eeabf8ad240c738b5a3f7f2cef96115a1"
    "e0ae5da49b341a55ad933230f58cb1e31df6e22e8266ca60c02923ab0d534e6fd5db3745defd8e2f03ff6a726d6c5b51"
    "8d1baf92bbddbc7f11d95c411f105ad80ac13188a5cd7bbd2d74d012b8e5b4b08969974a0c96777e65b9f109c56ec684"
    "18f07dec3adc4d2079ee5f3ed7cb3948"
)
FK = (0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC)


def _tau(x):
    return int.from_bytes(bytes(SBOX[b] for b in x.to_bytes(4, "big")), "big")


def sm4_encrypt(key, block):
    k = [int.from_bytes(key[4 * i : 4 * i + 4], "big") ^ FK[i] for i in range(4)]
    x = [int.from_bytes(block[4 * i : 4 * i + 4], "big") for i in range(4)]
    for i in range(32):
        ck = int.from_bytes(bytes((4 * i + j) * 7 % 256 for j in range(4)), "big")
        t = _tau(k[1] ^ k[2] ^ k[3] ^ ck)
        rk = k[0] ^ t ^ _rol(t, 13) ^ _rol(t, 23)
        k = k[1:] + [rk]
        t = _tau(x[1] ^ x[2] ^ x[3] ^ rk)
        x = x[1:] + [x[0] ^ t ^ _rol(t, 2) ^ _rol(t, 10) ^ _rol(t, 18) ^ _rol(t, 24)]
    return b"".join(w.to_bytes(4, "big") for w in reversed(x))


def sm4_ctr(key, iv, data):
    counter = int.from_bytes(iv, "big")
    out = b""
    for at in range(0, len(data), 16):
        stream = sm4_encrypt(key, ((counter + at // 16) % 2**128).to_bytes(16, "big"))
        out += bytes(a ^ b for a, b in zip(data[at : at + 16], stream))
    return out


# --- SM2, GB/T 32918
def _add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    if p == q:
        m = (3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P) % P
    else:
        m = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (m * m - p[0] - q[0]) % P
    return x, (m * (p[0] - x) - p[1]) % P


def _mul(k, p):
    out = None
    while k:
        if k & 1:
            out = _add(out, p)
        p = _add(p, p)
        k >>= 1
    return out


def _b32(x):
    return x.to_bytes(32, "big")


def public(d):
    x, y = _mul(d, G)
    return _b32(x) + _b32(y)


def z_of(xy, user=ID):
    return sm3((8 * len(user)).to_bytes(2, "big") + user + _b32(A) + _b32(B) + _b32(G[0]) + _b32(G[1]) + xy)


def digest(xy, message, user=ID):
    return sm3(z_of(xy, user) + message)


def sign(d, message, k=None, user=ID, digest_of=None):
    """With k fixed (here from key and message) so that vectors can be made again; never do so in a product."""
    e = int.from_bytes(digest_of or digest(public(d), message, user), "big")
    k = k or int.from_bytes(sm3(_b32(d) + message), "big") % (N - 1) + 1
    r = (e + _mul(k, G)[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    assert r and s and (r + k) % N
    return _b32(r) + _b32(s)


def sign_until(d, message, is_wanted, k=1):
    """The first signature that is wanted of those by k, k + 1, …: with a short r, say."""
    e = int.from_bytes(digest(public(d), message), "big")
    point = _mul(k, G)
    while True:
        r = (e + point[0]) % N
        s = pow(1 + d, -1, N) * (k - r * d) % N
        if is_wanted(r, s):
            return _b32(r) + _b32(s)
        k, point = k + 1, _add(point, G)


def at_infinity(d, r):
    """s for which s·G + (r + s)·P is the point at infinity, P being d·G."""
    return -r * d * pow(1 + d, -1, N) % N


def negative(xy):
    return xy[:32] + _b32(P - int.from_bytes(xy[32:], "big"))


def verify(xy, message, sig):
    r, s = int.from_bytes(sig[:32], "big"), int.from_bytes(sig[32:], "big")
    if not (0 < r < N and 0 < s < N) or (r + s) % N == 0:
        return False
    q = (int.from_bytes(xy[:32], "big"), int.from_bytes(xy[32:], "big"))
    point = _add(_mul(s, G), _mul((r + s) % N, q))
    return point is not None and (int.from_bytes(digest(xy, message), "big") + point[0]) % N == r


# --- the codes, docs/codes.md
def u16(n):
    return n.to_bytes(2, "big")


def base32(data):
    import base64

    return base64.b32encode(data).decode().rstrip("=")


def jkm1_part_b(platform, deadline, consent_digest, version=1, kind=b"JKM1"):
    content = u16(version) + kind + platform.encode() + deadline.encode() + consent_digest
    return u16(len(content)) + content


def jkm1_part_a(key_set, serial, seal_key, subject, flags):
    content = bytes([key_set]) + serial + sm4_ctr(seal_key, serial, subject + bytes([flags]))
    return u16(len(content)) + content


def text8(text):
    return bytes([len(text)]) + text.encode()


def receipt(fields):
    f = fields
    out = b"PHIR" + bytes([1, 1 if f["subject"] else 0]) + bytes.fromhex(f["receiptId"])
    out += f["issuer"].encode() + f["keyId"].encode() + bytes.fromhex(f["serialHmac"])
    out += bytes.fromhex(f["subject"]) if f["subject"] else bytes(16)
    out += text8(f["requester"]) + text8(f["app"])
    out += bytes([len(f["audience"])]) + "".join(f["audience"]).encode() + bytes([f["scope"]])
    out += bytes.fromhex(f["challenge"])
    return out + f["issuedS"].to_bytes(8, "big") + f["expiresS"].to_bytes(8, "big")


def fact_id(*fields):
    data = b"".join(u16(len(f)) + f for f in fields)
    return sm3(data)[:16]


# --- Revocation filter
def filter_bits(ids):
    """Bits of the set: none without ids, else 24 an id rounded up to bytes, 65,536 at least."""
    return max(65536, (24 * len(ids) + 7) // 8 * 8) if ids else 0


def filter_places(name, probes, bits):
    a, b = int.from_bytes(name[:8], "big"), int.from_bytes(name[8:], "big")
    return [(a + i * b) % 2**64 % bits for i in range(probes)]


def filter_part(platform, sequence, issued_s, not_after_s, key_serial, ranges, ids, probes=16):
    """All but the signature; a range is (platform, key set, from, until)."""
    bits = filter_bits(ids)
    held = bytearray(bits // 8)
    for name in ids:
        for place in filter_places(name, probes, bits):
            held[place // 8] |= 1 << place % 8
    numbers = b"".join(n.to_bytes(8, "big") for n in (sequence, issued_s, not_after_s))
    sets = b"".join(p.encode() + bytes([k]) + f.to_bytes(8, "big") + u.to_bytes(8, "big") for p, k, f, u in ranges)
    return (b"JKF1" + platform.encode() + numbers + key_serial.encode() + u16(len(ranges)) + sets +
            len(ids).to_bytes(4, "big") + bytes([probes]) + bits.to_bytes(4, "big") + bytes(held))
