"""QR symbols (GB/T 18284, ISO/IEC 18004) at level H in plain Python, modules only: one segment, alphanumeric where the
text allows it and bytes otherwise, and the mask of the least penalty. It shares nothing with common/picture."""

import re

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
EC_PER_BLOCK = (17, 28, 22, 16, 22, 28, 26, 26, 24, 28, 24, 28, 22, 24, 24, 30, 28, 28, 26, 28, 30, 24) + (30,) * 18
BLOCKS = (1, 1, 2, 4, 4, 4, 5, 6, 8, 8, 11, 11, 16, 16, 18, 16, 19, 21, 25, 25, 25, 34, 30, 32, 35, 37, 40, 42, 45, 48,
          51, 54, 57, 60, 63, 66, 70, 74, 77, 81)
LEVEL_H = 2
MASKS = (
    lambda x, y: (x + y) % 2 == 0,
    lambda x, y: y % 2 == 0,
    lambda x, y: x % 3 == 0,
    lambda x, y: (x + y) % 3 == 0,
    lambda x, y: (x // 3 + y // 2) % 2 == 0,
    lambda x, y: x * y % 2 + x * y % 3 == 0,
    lambda x, y: (x * y % 2 + x * y % 3) % 2 == 0,
    lambda x, y: ((x + y) % 2 + x * y % 3) % 2 == 0,
)


def _raw_codewords(version):
    modules = (16 * version + 128) * version + 64
    if version >= 2:
        align = version // 7 + 2
        modules -= (25 * align - 10) * align - 55
        if version >= 7:
            modules -= 36
    return modules // 8


def _data_codewords(version):
    return _raw_codewords(version) - EC_PER_BLOCK[version - 1] * BLOCKS[version - 1]


def _segment(text, version):
    if all(c in ALPHANUMERIC for c in text):
        bits = "0010" + format(len(text), f"0{9 if version < 10 else 11 if version < 27 else 13}b")
        for i in range(0, len(text) - 1, 2):
            bits += format(45 * ALPHANUMERIC.index(text[i]) + ALPHANUMERIC.index(text[i + 1]), "011b")
        return bits + (format(ALPHANUMERIC.index(text[-1]), "06b") if len(text) % 2 else "")
    data = text.encode()
    return "0100" + format(len(data), f"0{8 if version < 10 else 16}b") + "".join(format(b, "08b") for b in data)


def _data(text):
    for version in range(1, 41):
        bits = _segment(text, version)
        room = 8 * _data_codewords(version)
        if len(bits) <= room:
            bits += "0" * min(4, room - len(bits))
            bits += "0" * (-len(bits) % 8)
            data = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
            data += [(0xEC, 0x11)[i % 2] for i in range(room // 8 - len(data))]
            return version, data
    return None, None


def _gf_mul(a, b):
    out = 0
    for i in range(7, -1, -1):
        out = (out << 1) ^ ((out >> 7) * 0x11D)
        out ^= ((b >> i) & 1) * a
    return out


def _generator(degree):
    out = [0] * (degree - 1) + [1]
    root = 1
    for _ in range(degree):
        for j in range(degree):
            out[j] = _gf_mul(out[j], root) ^ (out[j + 1] if j + 1 < degree else 0)
        root = _gf_mul(root, 2)
    return out


def _remainder(data, generator):
    out = [0] * len(generator)
    for byte in data:
        factor = byte ^ out.pop(0)
        out.append(0)
        if factor:
            out = [a ^ _gf_mul(g, factor) for a, g in zip(out, generator)]
    return out


def _interleaved(version, data):
    count, ec_len = BLOCKS[version - 1], EC_PER_BLOCK[version - 1]
    raw = _raw_codewords(version)
    short, long_from = raw // count - ec_len, count - raw % count
    generator = _generator(ec_len)
    blocks, at = [], 0
    for i in range(count):
        size = short + (i >= long_from)
        blocks.append(data[at : at + size])
        at += size
    ecs = [_remainder(block, generator) for block in blocks]
    out = [block[i] for i in range(short + 1) for block in blocks if i < len(block)]
    return out + [ec[i] for i in range(ec_len) for ec in ecs]


def _align_places(version):
    if version == 1:
        return []
    count = version // 7 + 2
    step = (version * 8 + count * 3 + 5) // (count * 4 - 4) * 2
    return [6] + [version * 4 + 10 - i * step for i in range(count - 2, -1, -1)]


def _patterns(version):
    """Every fixed module: {(x, y): dark}; format and version places hold False until they are drawn."""
    size = 4 * version + 17
    fixed = {}
    for i in range(size):
        fixed[6, i] = fixed[i, 6] = i % 2 == 0
    for cx, cy in ((3, 3), (size - 4, 3), (3, size - 4)):
        for dy in range(-4, 5):
            for dx in range(-4, 5):
                if 0 <= cx + dx < size and 0 <= cy + dy < size:
                    fixed[cx + dx, cy + dy] = max(abs(dx), abs(dy)) not in (2, 4)
    places = _align_places(version)
    corners = {(6, 6), (6, places[-1]), (places[-1], 6)} if places else set()
    for cx in places:
        for cy in places:
            if (cx, cy) not in corners:
                for dy in range(-2, 3):
                    for dx in range(-2, 3):
                        fixed[cx + dx, cy + dy] = max(abs(dx), abs(dy)) != 1
    _draw_format(fixed, size, 0)
    if version >= 7:
        rest = version
        for _ in range(12):
            rest = (rest << 1) ^ ((rest >> 11) * 0x1F25)
        bits = version << 12 | rest
        for i in range(18):
            a, b = size - 11 + i % 3, i // 3
            fixed[a, b] = fixed[b, a] = bool(bits >> i & 1)
    return fixed


def _draw_format(fixed, size, mask):
    data = LEVEL_H << 3 | mask
    rest = data
    for _ in range(10):
        rest = (rest << 1) ^ ((rest >> 9) * 0x537)
    bits = (data << 10 | rest) ^ 0x5412
    bit = [bool(bits >> i & 1) for i in range(15)]
    for i in range(6):
        fixed[8, i] = bit[i]
    fixed[8, 7], fixed[8, 8], fixed[7, 8] = bit[6:9]
    for i in range(9, 15):
        fixed[14 - i, 8] = bit[i]
    for i in range(8):
        fixed[size - 1 - i, 8] = bit[i]
    for i in range(8, 15):
        fixed[8, size - 15 + i] = bit[i]
    fixed[8, size - 8] = True


def _zigzag(size, fixed):
    for right in range(size - 1, 0, -2):
        right -= right <= 6
        for vert in range(size):
            for j in range(2):
                x = right - j
                y = size - 1 - vert if (right + 1) & 2 == 0 else vert
                if (x, y) not in fixed:
                    yield x, y


RUNS = re.compile(r"0{5,}|1{5,}")
FINDER = re.compile(r"(?=10111010000|00001011101)")


def _penalty(rows):
    size = len(rows)
    out = 0
    for line in rows + ["".join(column) for column in zip(*rows)]:
        out += sum(len(run) - 2 for run in RUNS.findall(line))
        out += 40 * len(FINDER.findall(line))
    for a, b in zip(rows, rows[1:]):
        out += 3 * sum(a[x] == a[x + 1] == b[x] == b[x + 1] for x in range(size - 1))
    dark = sum(row.count("1") for row in rows)
    return out + 10 * (abs(dark * 20 - size * size * 10) // (size * size))


def symbol(text):
    """Mask and rows of "0" and "1", without the quiet zone; None twice when the text is too long for level H."""
    version, data = _data(text)
    if version is None:
        return None, None
    size = 4 * version + 17
    fixed = _patterns(version)
    bits = "".join(format(byte, "08b") for byte in _interleaved(version, data))
    places = list(_zigzag(size, fixed))
    bits = bits.ljust(len(places), "0")
    best = None
    for number, mask in enumerate(MASKS):
        _draw_format(fixed, size, number)
        modules = dict(fixed)
        for (x, y), bit in zip(places, bits):
            modules[x, y] = (bit == "1") != mask(x, y)
        rows = ["".join("1" if modules[x, y] else "0" for x in range(size)) for y in range(size)]
        score = _penalty(rows)
        if best is None or score < best[0]:
            best = (score, number, rows)
    return best[1:]


def packed(rows):
    """Each row as hex, eight modules a byte, high bit first, zeros behind."""
    return [format(int(row.ljust(-len(row) % 8 + len(row), "0"), 2), f"0{(len(row) + 7) // 8 * 2}x") for row in rows]
