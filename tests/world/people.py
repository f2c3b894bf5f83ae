"""The people: who lives with whom, where, how old, and with whom they spend their days.

Everybody is a number from 0 to size - 1. People come in blocks of whole households whose sizes and ages are the shapes'
(cut into equal shares, so that every block has them); a county is a run of blocks. How a block is made up is one of
64 plans, so anybody can be asked about at once and nobody is kept.

Births in id numbers are 120 years before a person's: their numbers have the form and the check digit of real ones, and
can be nobody's who lives.
"""
import bisect
import itertools
from functools import lru_cache

from . import shapes
from .draws import Draws, Shuffle

EARLIER = 120  # years
YEAR_NOW = 2026
A_DAY_OF_BIRTHS = 500  # three digits of a number, odd for men and even for women
A_YEAR_OF_BIRTHS = 365 * A_DAY_OF_BIRTHS
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
MONTHS = tuple(itertools.accumulate((0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30)))
DATES = tuple(f"{month + 1:02d}{day - MONTHS[month] + 1:02d}"
              for day in range(365) for month in [bisect.bisect_right(MONTHS, day) - 1])
STEMS, BRANCHES = "甲乙丙丁戊己庚辛壬癸", "子丑寅卯辰巳午未申酉戌亥"

PLANS = 64

# people of one setting by what they share: so many places in a row of a shuffled order
TEAM, TEAM_OF_COMMUTERS, CLASS, CARRIAGE = 30, 200, 150, 1500


def check_digit(body):
    return "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS)) % 11]


class Person:
    """One person, made anew for everyone who asks."""
    __slots__ = ("people", "number", "where", "county", "household", "mates", "age", "is_man")

    id_type, country = "111", "CHN"

    @property
    def name(self):
        return "测试" + STEMS[self.number % 10] + BRANCHES[self.number // 10 % 12]

    @property
    def id_no(self):
        """Each number once: the place in the county gives day and number. A county with more than 182,500 people goes on
        under a code of its own that no county has."""
        turn, local = divmod(self.number - self.people.starts[self.where], A_YEAR_OF_BIRTHS)
        area = self.people.further_area(self.where) if turn else self.county
        number, day = divmod(local, 365)
        body = f"{area}{YEAR_NOW - EARLIER - 1 - self.age}{DATES[day]}{2 * number + self.is_man:03d}"
        return body + check_digit(body)

    def document(self):
        return {"name": self.name, "idType": self.id_type, "idNo": self.id_no, "country": self.country}


class People:
    def __init__(self, size, seed):
        if not 1 <= size <= 10_000_000:
            raise ValueError("1 to 10,000,000 people")
        self.size, self.draws = size, Draws(seed)
        self.households = shapes.BLOCK if size >= shapes.SMALL_WORLD else shapes.SMALL_BLOCK
        self.block_size = sum(size * count for size, count in self.households.items())
        self.block_households = sum(self.households.values())
        self.ages = list(self._ages())
        self._share_counties()
        self._local = lru_cache(maxsize=256)(self._make_local)

    def _ages(self):
        """(age, share of men) in the order of age, one for each person of a block: equal shares of the pyramid."""
        total = sum(men + women for _age, men, women in shapes.PYRAMID)
        rows, begun = iter(shapes.PYRAMID), 0.0
        age, men, women = next(rows)
        for number in range(self.block_size):
            wanted = (number + 0.5) / self.block_size * total
            while begun + men + women < wanted:
                begun += men + women
                age, men, women = next(rows)
            yield age + int(5 * (wanted - begun) / (men + women)), men / (men + women)

    def _share_counties(self):
        """counties[i] has the blocks from starts[i] on: as many as its share, none in a small world."""
        blocks = -(-self.size // self.block_size)
        weights = shapes.county_people()
        total, begun, found = sum(weights.values()), 0.0, 0
        self.counties, self.starts = [], []
        for county, people in weights.items():
            begun += people
            until = blocks if county == shapes.COUNTIES[-1] else round(begun / total * blocks)
            if until > found:
                self.counties.append(county)
                self.starts.append(found * self.block_size)
            found = until
        self.ends = [*self.starts[1:], self.size]

    @lru_cache(maxsize=PLANS)
    def _plan(self, number):
        """How a block is made up: for each of its people (age, is a man, household, who is the first of it, its size)."""
        random = self.draws.random(b"plan", number)
        sizes = [size for size, count in self.households.items() for _ in range(count)]
        random.shuffle(sizes)
        ages = [(age, random.random() < men) for age, men in self.ages]
        random.shuffle(ages)
        children, adults = [pair for pair in ages if pair[0] < 18], [pair for pair in ages if pair[0] >= 18]
        places = [(household, place, size) for household, size in enumerate(sizes) for place in range(size)]
        # Children live with others, in households of three and more, after two who are grown up.
        for_children = [at for at, (_household, place, size) in enumerate(places) if place >= 2 and size >= 3]
        for_children = set(random.sample(for_children, len(children)))
        return [((children if at in for_children else adults).pop(), household, at - place, size)
                for at, (household, place, size) in enumerate(places)]

    def _person(self, block, at, entry, where):
        person = Person()
        (person.age, person.is_man), household, first, size = entry
        begin = block * self.block_size
        person.people, person.number, person.where, person.county = self, begin + at, where, self.counties[where]
        person.household = block * self.block_households + household
        person.mates = range(begin + first, min(begin + first + size, self.size))
        return person

    def further_area(self, where):
        county = self.counties[where]
        shares = shapes.CITIES[county[:4]][1]
        return f"{county[:4]}9{sorted(shares, key=lambda other: -shares[other]).index(county)}"

    def _plan_of(self, block):
        return self._plan(self.draws.numbers(b"block", block)[0] % PLANS)

    def person(self, number):
        block, at = divmod(number, self.block_size)
        where = bisect.bisect_right(self.starts, block * self.block_size) - 1
        return self._person(block, at, self._plan_of(block)[at], where)

    def all(self):
        """Everybody in order; one block's plan at a time."""
        for block in range(-(-self.size // self.block_size)):
            begin = block * self.block_size
            where = bisect.bisect_right(self.starts, begin) - 1
            for at, entry in enumerate(self._plan_of(block)[: self.size - begin]):
                yield self._person(block, at, entry, where)

    # With whom a day is spent.

    def _make_local(self, purpose, begin, end):
        return Shuffle(self.draws, purpose, end - begin, begin)

    def _neighbours(self, number, purpose, begin, end, width, is_one):
        """Who stands in the same row of `width` places of a shuffled order of the people from begin to end."""
        shuffle = self._local(purpose, begin, end)
        row = shuffle.place(number - begin) // width
        for place in range(row * width, min((row + 1) * width, end - begin)):
            other = begin + shuffle.item(place)
            if other != number and is_one(other):
                yield other

    def occupation(self, person):
        """"school", "work", "commute" (to another county of the city), "across" (to another city) or ""."""
        if shapes.SCHOOL_FROM <= person.age < shapes.WORK_FROM:
            return "school"
        if not shapes.WORK_FROM <= person.age < shapes.WORK_TO:
            return ""
        works, commutes, across = self.draws.numbers(b"work", person.number)[:3]
        if works % 1000 >= shapes.WORKS:
            return ""
        if commutes % 1000 >= shapes.COMMUTES:
            return "work"
        return "across" if across % 1000 < shapes.ACROSS else "commute"

    def _city(self, person):
        of_city = [at for at, county in enumerate(self.counties) if county[:4] == person.county[:4]]
        return self.starts[of_city[0]], self.ends[of_city[-1]]

    def colleagues(self, person):
        """Those of the same class or team."""
        kind = self.occupation(person)
        if not kind:
            return ()
        begin, end = {"commute": self._city(person), "across": (0, self.size)}.get(
            kind, (self.starts[person.where], self.ends[person.where]))
        width = {"school": CLASS, "work": TEAM}.get(kind, TEAM_OF_COMMUTERS)
        return tuple(self._neighbours(person.number, kind.encode(), begin, end, width,
                                      lambda other: self.occupation(self.person(other)) == kind))

    def day(self, number, day):
        """The draws of a person's day."""
        return self.draws.numbers(b"day", number, day + 1000)

    def is_travelling(self, number, day):
        return self.day(number, day)[1] // 1_000_000 % 1000 < shapes.TRAVELS

    def fellow_passengers(self, person, day):
        if not self.is_travelling(person.number, day):
            return ()
        return tuple(self._neighbours(person.number, b"carriage%d" % (day % 100), 0, self.size, CARRIAGE,
                                      lambda other: self.is_travelling(other, day)))
