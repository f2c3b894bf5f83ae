"""Reads Grid Matrix and Han Xin symbols module by module: geometry, function information, placement, Reed-Solomon
syndromes, and Han Xin's text. The rules are those of GB/T 27766, GB/T 21049 and ISO/IEC 20830; where those texts were not
at hand (placement, tables of blocks) a second look went to an open encoder's tables, so it shares their errors, if any.

  tests/vectors/symbols/read.py FILE…     exit status 1 when a symbol of a vector breaks a rule
"""
import json
import sys


class Field:
    """GF(2^m) by a primitive polynomial."""

    def __init__(self, bits, polynomial):
        self.order = (1 << bits) - 1
        self.exp, self.log = [1] * (2 * self.order), [0] * (self.order + 1)
        value = 1
        for power in range(self.order):
            self.exp[power] = self.exp[power + self.order] = value
            self.log[value] = power
            value <<= 1
            if value > self.order:
                value ^= polynomial

    def syndromes(self, word, count):
        """The word as a polynomial, its highest coefficient first, at the powers 1…count of the primitive element."""
        out = []
        for power in range(1, count + 1):
            total = 0
            for coefficient in word:
                total = (self.exp[self.log[total] + power] if total else 0) ^ coefficient
            out.append(total)
        return out


def require(holds, what):
    if not holds:
        raise AssertionError(what)


def number(bits):
    return int("".join(map(str, bits)), 2)


# Grid Matrix: layers of macromodules of 6 × 6 around the middle one.

# (blocks of n1 codewords, n1, blocks of n2 = n1 - 1, check codewords of each block at level 5), by layers.
GRID_BLOCKS = {1: (1, 18, 0, [9]), 2: (1, 50, 0, [25]), 3: (1, 98, 0, [49]), 7: (2, 113, 2, [57, 56, 56, 56])}


def spiral(layers):
    """Places of macromodules in the order of their codewords: rings outwards, each clockwise and ending at its corner."""
    places = [(layers, layers)]
    for ring in range(1, layers + 1):
        y, x = layers - ring, layers - ring + 1
        places.append((y, x))
        for (dy, dx), steps in (((0, 1), 2 * ring - 1), ((1, 0), 2 * ring), ((0, -1), 2 * ring), ((-1, 0), 2 * ring)):
            for _ in range(steps):
                y, x = y + dy, x + dx
                places.append((y, x))
    return places


def check_grid_matrix(rows):
    size = len(rows)
    layers = (size - 6) // 12
    require(size == 6 + 12 * layers, "not a size of Grid Matrix")
    words = []
    for y, x in spiral(layers):
        module = [row[6 * x:6 * x + 6] for row in rows[6 * y:6 * y + 6]]
        frame = module[0] + module[5] + [row[0] for row in module] + [row[5] for row in module]
        require(set(frame) == {1 - (x + y) % 2}, "a macromodule's frame")
        inside = [bit for row in module[1:5] for bit in row[1:5]]
        ring = max(abs(y - layers), abs(x - layers))
        require(number(inside[:2]) == ring % 4, "a layer's id at level 5")
        words += [number(inside[9:16]), number(inside[2:9])]
    big, length, small, checks = GRID_BLOCKS[layers]
    blocks = [words[i:(length - 1) * (big + small):big + small] for i in range(big + small)]
    for i in range(big):
        blocks[i].append(words[(length - 1) * (big + small) + i])
    field = Field(7, 0x89)
    for block, count in zip(blocks, checks):
        require(not any(field.syndromes(block, count)), "a block's syndromes")


# Han Xin: four finder patterns, function information beside them, alignment lines, codewords in the fields left.

FINDER = ("#######", "#......", "#.#####", "#.#....", "#.#.###", "#.#.###", "#.#.###")
# k, r, m of annex A and the blocks (count, data, check) at level 4, by version.
HAN_XIN = {1: (0, 0, 0, [(1, 9, 16)]), 2: (0, 0, 0, [(1, 15, 22)]), 3: (0, 0, 0, [(1, 20, 30)]),
           24: (17, 18, 3, [(11, 16, 24), (1, 19, 26)])}
TEXT_1 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def finder_at(corner):
    turned = [list(row) for row in FINDER]
    if corner == "top right" or corner == "bottom left":
        turned = [row[::-1] for row in turned]
    if corner == "bottom right":
        turned = [row[::-1] for row in turned[::-1]]
    return [[int(module == "#") for module in row] for row in turned]


def cuts(size, k, r, m):
    """Where the symbol's regions begin: m of k modules, then what is left."""
    out, at = [], 0
    for i in range(size):
        if at >= size:
            break
        out.append(at)
        at += k if i < m else r - 1
    return out


def free_fields(size, version):
    """True for modules that carry codewords."""
    free = [[True] * size for _ in range(size)]

    def take(y, x):
        if 0 <= y < size and 0 <= x < size:
            free[y][x] = False

    for y in range(9):
        for x in range(9):
            for place in ((y, x), (y, size - 1 - x), (size - 1 - y, x), (size - 1 - y, size - 1 - x)):
                take(*place)
    if version <= 3:
        return free
    k, r, m, _blocks = HAN_XIN[version]
    begins = cuts(size, k, r, m)
    spans = [k] * m + [r - 1] * (len(begins) - m)
    # Assistant patterns: every other region along the edges.
    for i, begin in enumerate(begins):
        far = i % 2 == 1
        near = far if m % 2 == 0 else not far
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                if near:
                    take(begin + dy, dx)
                    take(size - 1 + dy, size - 1 - begin + dx)
                if far:
                    take(begin + dy, size - 1 + dx)
                    take(dy, size - 1 - begin + dx)
    # Alignment lines: top and right edge of every other region, with a light line inside.
    for i, (top, height) in enumerate(zip(begins, spans)):
        for j, (right, width) in enumerate(zip(begins, spans)):
            if (i + j) % 2 == 0 and (i, j) != (0, 0):
                x = size - 1 - right
                for d in range(width + 1):
                    take(top, x - d)
                    take(top + 1, x - d - 1)
                for d in range(height):
                    take(top + d, x)
                    take(top + d + 1, x - 1)
    return free


def function_information(rows):
    """28 bits twice: around the upper left corner and on to the upper right one, and turned by half."""
    size = len(rows)
    first = [rows[8][i] for i in range(9)] + [rows[8 - i][8] for i in range(1, 9)]
    first += [rows[i][size - 9] for i in range(9)] + [rows[8][size - 9 + i] for i in range(1, 9)]
    last = size - 1
    second = [rows[last - 8][last - i] for i in range(9)] + [rows[last - 8 + i][last - 8] for i in range(1, 9)]
    second += [rows[last - i][8] for i in range(9)] + [rows[last - 8][8 - i] for i in range(1, 9)]
    require(first == second, "the two copies of the function information")
    symbols = [number(first[i:i + 4]) for i in range(0, 28, 4)]
    require(not any(Field(4, 0x13).syndromes(symbols, 4)), "the function information's syndromes")
    return number(first[:8]) - 20, number(first[8:10]) + 1, number(first[10:12])


def is_masked(mask, i, j):
    """i: row, j: column, both from 1."""
    if mask == 1:
        return (i + j) % 2 == 0
    if mask == 2:
        return ((i + j) % 3 + j % 3) % 2 == 0
    return mask == 3 and (i % j + j % i + i % 3 + j % 3) % 2 == 0


def check_han_xin(rows, text):
    size = len(rows)
    last = size - 7
    for corner, y, x in (("top left", 0, 0), ("top right", 0, last), ("bottom left", last, 0), ("bottom right", last, last)):
        require([row[x:x + 7] for row in rows[y:y + 7]] == finder_at(corner), f"finder pattern {corner}")
    version, level, mask = function_information(rows)
    require((size, level) == (2 * version + 21, 4), "version and level")
    free = free_fields(size, version)
    bits = [rows[y][x] ^ is_masked(mask, y + 1, x + 1) for y in range(size) for x in range(size) if free[y][x]]
    sizes = [(data, check) for count, data, check in HAN_XIN[version][3] for _ in range(count)]
    total = sum(data + check for data, check in sizes)
    fence = [number(bits[8 * i:8 * i + 8]) for i in range(total)]
    words = [0] * total  # codewords were laid down thirteen apart
    for word, place in zip(fence, (i for start in range(13) for i in range(start, total, 13))):
        words[place] = word
    field, content = Field(8, 0x163), []
    for data, check in sizes:
        block, words = words[:data + check], words[data + check:]
        require(not any(field.syndromes(block, check)), "a block's syndromes")
        content += block[:data]
    require(han_xin_text([int(bit) for word in content for bit in f"{word:08b}"]) == text, "the text that it says")


def han_xin_text(bits):
    """Text mode's first set, which holds letters and digits; numbers of three digits stand in ten bits."""
    out, at = "", 0
    while at + 4 <= len(bits):
        mode = number(bits[at:at + 4])
        at += 4
        if mode == 2:
            while (value := number(bits[at:at + 6])) < 62:
                out, at = out + TEXT_1[value], at + 6
            require(value == 63, "the end of a text")
            at += 6
        elif mode == 1:
            digits = []
            while (value := number(bits[at:at + 10])) < 1000:
                digits.append(value)
                at += 10
            at += 10
            count = {1021: 1, 1022: 2, 1023: 3}[value]
            out += "".join(f"{d:03}" for d in digits[:-1]) + f"{digits[-1]:0{count}}"
        else:
            break
    return out


def rows_of(vector):
    return [[int(bit) for bit in f"{int(row, 16):0{4 * len(row)}b}"[:vector["size"]]] for row in vector["rows"]]


def check(vector):
    rows = rows_of(vector)
    require(len(rows) == vector["size"] and all(len(row) == vector["size"] for row in rows), "not square")
    if vector["symbology"] == "gm":
        check_grid_matrix(rows)
    elif vector["symbology"] == "hx":
        check_han_xin(rows, vector["text"])


def main():
    failed = False
    for path in sys.argv[1:]:
        with open(path, encoding="utf-8") as file:
            vector = json.load(file)
        try:
            check(vector)
        except AssertionError as fault:
            print(f"{path}: {fault}", file=sys.stderr)
            failed = True
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
