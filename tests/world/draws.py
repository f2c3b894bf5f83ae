"""Draws that are functions of what is drawn for: of the seed, a purpose and up to three numbers. So nothing needs to be
remembered, and any person's any day can be made alone.

    draws = Draws(7); a, b, *_ = draws.numbers(b"trip", person, day)   # eight numbers below 2**32
"""
import random
import struct
from hashlib import blake2b

PARTS = struct.Struct("<QQQ")
NUMBERS = struct.Struct("<8I")


class Draws:
    def __init__(self, seed):
        self.key = blake2b(str(seed).encode(), digest_size=16).digest()

    def bytes(self, purpose, a=0, b=0, c=0):
        return blake2b(PARTS.pack(a, b, c), digest_size=32, key=self.key, person=purpose).digest()

    def numbers(self, purpose, a=0, b=0, c=0):
        return NUMBERS.unpack(self.bytes(purpose, a, b, c))

    def per_mille(self, purpose, a=0, b=0, c=0):
        return self.numbers(purpose, a, b, c)[0] % 1000

    def hex(self, purpose, a=0, b=0, c=0, digits=16):
        return self.bytes(purpose, a, b, c).hex()[:digits]

    def random(self, purpose, a=0, b=0):
        """A generator for a long row of draws."""
        return random.Random(self.bytes(purpose, a, b))


class Shuffle:
    """An order of 0 … size - 1 that is computed, not kept: four rounds of a Feistel network, walked until inside."""

    def __init__(self, draws, purpose, size, number=0):
        self.draws, self.purpose, self.size, self.number = draws, purpose, size, number
        self.half = max(1, ((size - 1).bit_length() + 1) // 2)
        self.mask = (1 << self.half) - 1

    def _round(self, value, turn):
        return self.draws.numbers(self.purpose, value, turn, self.number)[0] & self.mask

    def place(self, item):
        """Where an item stands."""
        while True:
            left, right = item >> self.half, item & self.mask
            for turn in range(4):
                left, right = right, left ^ self._round(right, turn)
            item = left << self.half | right
            if item < self.size:
                return item

    def item(self, place):
        """What stands there."""
        while True:
            left, right = place >> self.half, place & self.mask
            for turn in (3, 2, 1, 0):
                left, right = right ^ self._round(left, turn), left
            place = left << self.half | right
            if place < self.size:
                return place
