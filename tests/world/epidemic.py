"""An epidemic that spreads by contact: in households, classes, teams and carriages; found by tests that come late and err,
and followed by tracing that comes late and misses some.

Only those it touches are kept, so its size is the infected's and their contacts', not the people's. All times are days:
0 is the first day that is told of, what came before is `BEFORE` days. What happened to a person is in `events`.
"""
import collections

from . import shapes

BEFORE = 14
LATENT, INFECTIOUS = 2, 8  # days from infection on: infectious from … for …
SPREAD = {"household": 0.13, "school": 0.015, "work": 0.015, "travel": 0.04}  # a day and a contact
SYMPTOMS, SEEKS_CARE = 0.65, 0.75  # shares
SENSITIVITY, FALSE_POSITIVE = 0.9, 0.0005  # of a nucleic-acid test
TRACED = 0.8  # of the contacts of a case
MISTAKEN = 0.06  # of the reported contacts: somebody else was meant

Infection = collections.namedtuple("Infection", "day source setting onset")
Event = collections.namedtuple("Event", "day kind about")  # about: a day, or what the kind says


class Epidemic:
    """What happened from day -BEFORE to `days`; imports: people infected elsewhere."""

    def __init__(self, people, days, imports, progress=lambda day, infected: None):
        self.people, self.draws, self.days = people, people.draws, days
        self.infections, self.events = {}, collections.defaultdict(list)
        self.confined = {}  # person: the day from which they meet nobody but their household
        self.curve = []  # of each day: (newly infected, newly confirmed)
        self.cases, self.close = {}, {}  # person: the day of the confirmation; of the report as a close contact
        self.second = set()
        self._due = collections.defaultdict(list)  # day: what is found then
        self._contacts = {}  # of the infectious only
        random = self.draws.random(b"imports")
        self._imports = collections.defaultdict(list)
        for _ in range(round(imports)):
            day = random.randrange(-BEFORE, max(1, days - 3))
            self._imports[day].append(random.randrange(people.size))
        for day in range(-BEFORE, days):
            progress(day, len(self.infections))
            before = len(self.infections), len(self.cases)
            self._live(day)
            self.curve.append((len(self.infections) - before[0], len(self.cases) - before[1]))
        del self._contacts, self._due, self._imports

    def _chance(self, purpose, a, b=0):
        return self.draws.numbers(purpose, a, b + 1000)[0] / 2**32

    def _live(self, day):
        for number in self._imports[day]:
            self._infect(number, day, None, "elsewhere")
        for number in [number for number, found in self.infections.items()
                       if LATENT <= day - found.day < LATENT + INFECTIOUS]:
            self._meet(number, day)
            if self.draws.per_mille(b"screening", number, day + 1000) < shapes.SCREENED:
                self._sample(number, day, "screening")
        for number in [number for number, found in self.infections.items() if day - found.day >= LATENT + INFECTIOUS]:
            self._contacts.pop(number, None)
        for kind, number, about in self._due.pop(day, ()):
            getattr(self, f"_{kind}")(number, day, about)

    def _infect(self, number, day, source, setting):
        if number in self.infections:
            return
        onset = None
        has_symptoms, delay, care, wait, *_ = self.draws.numbers(b"course", number)
        if has_symptoms / 2**32 < SYMPTOMS:
            onset = day + 3 + delay % 3
            if care / 2**32 < SEEKS_CARE:
                self._due[onset + wait % 3].append(("clinic", number, onset))
        self.infections[number] = Infection(day, source, setting, onset)

    def contacts(self, number):
        """(other, setting) of those met every day; kept as long as the person is infectious."""
        if number not in self._contacts:
            person = self.people.person(number)
            setting = "school" if person.age < 18 else "work"
            self._contacts[number] = ([(other, "household") for other in person.mates if other != number] +
                                      [(other, setting) for other in self.people.colleagues(person)
                                       if other not in person.mates])
        return self._contacts[number]

    def _met(self, number, day):
        is_confined = self.confined.get(number, day + 1) <= day
        for other, setting in self.contacts(number):
            if setting == "household" or not is_confined:
                yield other, setting
        if not is_confined:
            for other in self.people.fellow_passengers(self.people.person(number), day):
                yield other, "travel"

    def _meet(self, number, day):
        if self.cases.get(number, day + 1) <= day:
            return  # in hospital
        for other, setting in self._met(number, day):
            is_away = setting != "household" and self.confined.get(other, day + 1) <= day
            if not is_away and self._chance(b"spread", number * 10_000_000 + other, day) < SPREAD[setting]:
                self._infect(other, day, number, setting)

    # What is found. A sample tells the day after; its result is right or not.

    def is_positive(self, number, day):
        """Of a sample taken on that day."""
        found = self.infections.get(number)
        is_ill = found is not None and LATENT <= day - found.day < LATENT + INFECTIOUS + 4
        return self._chance(b"sample", number, day) < (SENSITIVITY if is_ill else FALSE_POSITIVE)

    def _tell(self, number, day, kind, about=None):
        self.events[number].append(Event(day, kind, about))

    def _clinic(self, number, day, onset):
        if number in self.cases:
            return
        self._tell(number, day, "fever", onset)
        self._sample(number, day, "clinic")

    def _sample(self, number, day, why):
        """A sample taken because of a suspicion; those of screening are drawn with the day's other records."""
        if number in self.cases:
            return
        result = self.is_positive(number, day)
        self._tell(number, day, "sample", result)
        if why == "clinic":
            self._tell(number, day, "suspected", None)
        if result:
            self._due[day + 1].append(("confirm", number, day))
        elif why == "clinic":
            self._due[day + 2].append(("sample", number, "again"))

    def _neighbourhood(self, number):
        """The community: some twenty people who live next to each other."""
        first = number // 20 * 20
        return (other for other in range(first, min(first + 20, self.people.size)) if other != number)

    def _confirm(self, number, day, sampled):
        if number in self.cases:
            return
        self.cases[number] = day
        self.confined[number] = day
        self._tell(number, day, "case", sampled)
        for other in self._neighbourhood(number):
            self._tell(other, day, "community", number)
        met = {}
        for back in range(3):
            for other, setting in self._met(number, sampled - back):
                met.setdefault(other, (sampled - back, setting))
        for other, (last, setting) in met.items():
            if setting == "household" or self._chance(b"traced", number * 10_000_000 + other) < TRACED:
                late = self.draws.numbers(b"delay", number, other)[0] % 2
                self._due[day + late].append(("trace", other, last))
                if self._chance(b"mistaken", number, other) < MISTAKEN:
                    self._due[day + late].append(("mistake", other, last))

    def _trace(self, number, day, last):
        if number in self.close or number in self.cases:
            return
        self.close[number] = day
        self._tell(number, day, "close", last)
        self.confined[number] = min(day, self.confined.get(number, day))
        for after in (1, 4, 7):
            self._due[day + after].append(("sample", number, "contact"))
        for other in self.people.person(number).mates:
            if other != number and self._chance(b"traced", other, number) < TRACED:
                self._due[day + 1].append(("secondary", other, last))

    def _secondary(self, number, day, last):
        if number not in self.close and number not in self.cases and number not in self.second:
            self.second.add(number)
            self._tell(number, day, "secondary", last)

    def _mistake(self, number, day, last):
        """Reported as a contact, and it was somebody else: retracted later."""
        other = self.draws.numbers(b"mistaken", number, 1)[1] % self.people.size
        self._tell(other, day, "mistaken", last)
