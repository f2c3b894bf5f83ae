"""An undamaged QR symbol (GB/T 18284) as rows of "0" and "1" to its text. A scanner's library also finds the symbol in a
picture and repairs it; this takes the data as they stand and does without the error correction."""

ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
# Level H, versions 1 to 20: error correction codewords of a block, number of blocks, data codewords of all.
BLOCKS = {
    1: (17, 1, 9), 2: (28, 1, 16), 3: (22, 2, 26), 4: (16, 4, 36), 5: (22, 4, 46), 6: (28, 4, 60), 7: (26, 5, 66),
    8: (26, 6, 86), 9: (24, 8, 100), 10: (28, 8, 122), 11: (24, 11, 140), 12: (28, 11, 158), 13: (22, 16, 180),
    14: (24, 16, 197), 15: (24, 18, 223), 16: (30, 16, 253), 17: (28, 19, 283), 18: (28, 21, 313), 19: (26, 25, 341),
    20: (28, 25, 385),
}
ALIGNMENT = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46),
    10: (6, 28, 50), 11: (6, 30, 54), 12: (6, 32, 58), 13: (6, 34, 62), 14: (6, 26, 46, 66), 15: (6, 26, 48, 70),
    16: (6, 26, 50, 74), 17: (6, 30, 54, 78), 18: (6, 30, 56, 82), 19: (6, 30, 58, 86), 20: (6, 34, 62, 90),
}
MASKS = (
    lambda i, j: (i + j) % 2, lambda i, j: i % 2, lambda i, j: j % 3, lambda i, j: (i + j) % 3,
    lambda i, j: (i // 2 + j // 3) % 2, lambda i, j: i * j % 2 + i * j % 3, lambda i, j: (i * j % 2 + i * j % 3) % 2,
    lambda i, j: ((i + j) % 2 + i * j % 3) % 2,
)


def is_function(version, i, j):
    """Finders with their separators and format, timing, alignment, version: row i, column j."""
    size = 17 + 4 * version
    if i == 6 or j == 6 or (i < 9 and (j < 9 or j >= size - 8)) or (i >= size - 8 and j < 9):
        return True
    if version >= 7 and ((i < 6 and j >= size - 11) or (j < 6 and i >= size - 11)):
        return True
    for row in ALIGNMENT[version]:
        for column in ALIGNMENT[version]:
            is_finder = (row < 9 and (column < 9 or column > size - 9)) or (row > size - 9 and column < 9)
            if not is_finder and abs(i - row) <= 2 and abs(j - column) <= 2:
                return True
    return False


def codewords(rows):
    size = len(rows)
    version = (size - 17) // 4
    shown = int("".join(rows[8][j] for j in range(5)), 2) ^ 0b10101
    assert shown >> 3 == 0b10, "not level H"
    mask = MASKS[shown & 7]
    bits, upwards, column = [], True, size - 1
    while column > 0:
        if column == 6:
            column -= 1
        for i in range(size - 1, -1, -1) if upwards else range(size):
            for j in (column, column - 1):
                if not is_function(version, i, j):
                    bits.append(int(rows[i][j]) ^ (mask(i, j) == 0))
        upwards, column = not upwards, column - 2
    words = [int("".join(map(str, bits[k : k + 8])), 2) for k in range(0, len(bits) - 7, 8)]
    return version, words


def data_of(version, words):
    """The data codewords, block after block."""
    _, count, total = BLOCKS[version]
    short, longer = total // count, total % count
    sizes = [short] * (count - longer) + [short + 1] * longer
    blocks, at = [[] for _ in sizes], 0
    for k in range(short + 1):
        for block, size in zip(blocks, sizes):
            if k < size:
                block.append(words[at])
                at += 1
    return [word for block in blocks for word in block]


def read(rows):
    version, words = codewords(rows)
    bits = "".join(format(word, "08b") for word in data_of(version, words))
    at, text = 0, ""

    def take(count):
        nonlocal at
        at += count
        return int(bits[at - count : at], 2)

    while at + 4 <= len(bits):
        mode = take(4)
        if mode == 0:
            break
        if mode == 2:
            count = take(9 if version < 10 else 11)
            for _ in range(count // 2):
                pair = take(11)
                text += ALPHANUMERIC[pair // 45] + ALPHANUMERIC[pair % 45]
            text += ALPHANUMERIC[take(6)] if count % 2 else ""
        elif mode == 4:
            text += bytes(take(8) for _ in range(take(8 if version < 10 else 16))).decode()
        else:
            raise ValueError(f"mode {mode}")
    return text
