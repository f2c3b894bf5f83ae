"""Invented people: id numbers with a valid check digit, an area and births that nobody was given."""
import itertools
import random

AREA = "320102"
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
MADE = []  # every person of this session, to look for in places where nobody may be named
_sequence = itertools.count(random.randrange(10**8))


def id_number(number, year=1890):
    """GB 11643: area, a birth (in 1890, so nobody living), sequence, check digit; one for each number below 365,000."""
    day, sequence = divmod(number % 336_000, 1000)
    month, day = divmod(day, 28)
    body = f"{AREA}{year}{month % 12 + 1:02d}{day + 1:02d}{sequence:03d}"
    return body + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, WEIGHTS)) % 11]


class Person:
    def __init__(self, number=None, name=None, kind="citizens", year=1890):
        number = next(_sequence) if number is None else number
        self.number = number
        self.name = name or "测试" + "甲乙丙丁戊己庚辛壬癸"[number % 10] + "子丑寅卯辰巳午未申酉戌亥"[number // 10 % 12]
        self.id_type, self.id_no, self.country = "111", id_number(number, year), "CHN"
        self.sub = f"{kind}-{number}"
        MADE.append(self)

    def passport(self):
        """The same person by another document."""
        other = Person(name=self.name)
        other.id_type, other.id_no = "400", f"E{other.number % 10**8:08d}"
        return other

    def document(self):
        return {"name": self.name, "idType": self.id_type, "idNo": self.id_no, "country": self.country}

    def claims(self):
        return {"sub": self.sub, "name": self.name, "phi_id_type": self.id_type, "phi_id_no": self.id_no,
                "phi_country": self.country}
