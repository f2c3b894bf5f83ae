"""What is written down about people, day by day: declarations, records of the data sources, what is amended, sent twice,
late, wrong and retracted. Every record is a function of person and day, so the same world comes out by day (as it reaches
the suite) and by person (as it stands in a table), whatever else is made.

Times are seconds since 1970. Nothing happens within an hour of a day's end, days being counted back from the world's end:
so no rule that counts whole days from what happened changes its mind in the first hour after it.
"""
import collections

from . import forms, shapes
from .epidemic import Epidemic
from .people import People

Record = collections.namedtuple("Record", "kind person institution number revision at arrives what expect")
Retraction = collections.namedtuple("Retraction", "person source institution number at arrives reason batch")

DAY, HOUR, MINUTE = 86400, 3600, 60
OPEN, WIDTH = HOUR, 22 * HOUR // MINUTE  # when a day's events begin, and the minutes that they are spread over
SILENT = 20  # of 1,000: leave no record at all
TWICE, CONFLICT, TYPO = 10, 2, 4  # of 1,000 records: sent again, sent with other content, out of bounds
AGAIN = 500  # of 1,000 retracted samples: told of once more, under another number
AMENDED = 20  # of 1,000 samples: written down as positive by mistake, put right the day after
SYMPTOMS = ("cough", "fatigue", "sore-throat", "headache", "muscle-pain", "diarrhea", "loss-of-smell")
VACCINES = ("inactivated", "inactivated", "inactivated", "protein", "adenovirus")
BATCH_WRONG = 300  # of 1,000 samples of the bad batch: told positive

ROLES = {"cases": "cdc", "contacts": "cdc", "venues": "cdc", "tests": "lab", "fever-clinics": "hospital",
         "roaming": "telecom", "travel": "carrier", "border": "immigration", "customs": "customs",
         "health-records": "platform", "surveys": "community", "checkpoints": "checkpoint", "other": "office"}


class World:
    """size people, so many days up to `end` (seconds), a seed; imports: people infected elsewhere, by default
    2 + 0.3·√size."""

    def __init__(self, size, days, seed, end, imports=None, progress=lambda day, infected: None):
        if not 1 <= days <= 60:
            raise ValueError("1 to 60 days")
        self.days, self.end = days, end
        self.people = People(size, seed)
        self.draws = self.people.draws
        imports = 2 + 0.3 * size**0.5 if imports is None else imports
        self.epidemic = Epidemic(self.people, days, imports, progress)
        self._drawn = None, {}
        self.is_small = size < shapes.SMALL_WORLD
        self._find_risks()
        # The bad batch: one day's screening of one county.
        day, county, *_ = self.draws.numbers(b"batch")
        self.batch = (days // 2 if days > 2 else None, self.people.counties[county % len(self.people.counties)])

    def begin(self, day):
        return self.end - (self.days - day) * DAY

    def second(self, day, draw):
        """A moment of a day."""
        return self.begin(day) + OPEN + draw % WIDTH * MINUTE

    def institution(self, kind, county):
        return f"{ROLES[kind]}-{'320000' if self.is_small else county[:4] + '00'}"

    # Areas at risk.

    def _find_risks(self):
        """risks[day]: {region: level}, as published that day; the counties by the cases of 14 days, others by a draw."""
        by_day = collections.defaultdict(list)
        for number, day in self.epidemic.cases.items():
            by_day[day].append(self.people.person(number).county)
        bound = 5 if self.is_small else 20
        self.risks = []
        for day in range(self.days):
            cases = collections.Counter(county for back in range(14) for county in by_day.get(day - back, ()))
            found = {county: "high" if count >= bound else "medium" for county, count in sorted(cases.items())}
            for region, _weight in shapes.PROVINCES:
                if self.draws.per_mille(b"elsewhere", int(region), day // 4) < 300:
                    found[region] = "medium"
            self.risks.append(found)

    def places(self, day):
        """The list published on a day: every area at risk and every affected venue, whole, with a rising version."""
        areas = [{"region": region, "riskLevel": level, "from": forms.moment(self.begin(day))}
                 for region, level in self.risks[day].items()]
        venues = [{"placeId": self.venue(number), "region": self.people.person(number).county,
                   "from": forms.moment(self.begin(found - 2)), "to": forms.moment(self.begin(found))}
                  for number, found in self.epidemic.cases.items() if 0 <= day - found < 3]
        return {"version": day + 1, "publishedAt": forms.moment(self.begin(day) + OPEN), "areas": areas, "venues": venues}

    def venue(self, number):
        return f"community-{number // 20}"

    # One person's records of one day.

    def is_silent(self, number):
        return self.draws.per_mille(b"silent", number) < SILENT

    def observed(self, person, day):
        """Records of what happened that day, in no order, whenever they arrive; with them what follows: amendments, the
        same again, retractions."""
        number = person.number
        draws = self._draws(number, day)
        infection = self.epidemic.infections.get(number)
        found = []
        if draws[0] % 1000 < shapes.DECLARES:
            found.append(self._health(person, day, draws, infection))
        if draws[0] // 1000 % 1000 < shapes.CHECKED:
            self._checkpoint(person, day, draws, infection, found)
        if draws[1] % 1000 < shapes.SCREENED and (infection is None or day < infection.day):
            self._screening(person, day, draws, found)
        if number in self.epidemic.events:
            self._events(person, day, draws, found)
        if self._is_travelling(number, day):
            self._trip(person, day, found)
        if day == 0:
            self._health_record(person, found)
        if person.household % self.days == day:
            self._survey(person, day, draws, found)
        if draws[1] // 1000 % 1000 < 1:
            found.append(self._record("other", person, day, draws[6], {"measure": "cold-chain", "region": person.county}))
        return found

    def _draws(self, number, day):
        """A person's draws of a day; of one person at a time they are kept."""
        if self._drawn[0] != number:
            self._drawn = number, {}
        days = self._drawn[1]
        if day not in days:
            days[day] = self.people.day(number, day)
        return days[day]

    def _is_travelling(self, number, day):
        return self._draws(number, day)[1] // 1_000_000 % 1000 < shapes.TRAVELS

    def _record(self, kind, person, day, draw, what, revision=1, number=None, at=None, arrives=None, expect="accepted"):
        """Sent in the same night, or one to three days late."""
        number = number or f"{forms.LETTERS[kind]}-{day}-{person.number}"
        late = 0 if draw % 100 < 92 else 1 + draw // 100 % 3
        at = self.second(day, draw) if at is None else at
        arrives = day + late if arrives is None else arrives
        return Record(kind, person.number, self.institution(kind, person.county), number, revision, at, arrives,
                      what, expect)

    def _is_ill(self, infection, day):
        return infection is not None and infection.onset is not None and infection.onset <= day < infection.onset + 6

    def _tenths(self, draw, is_ill):
        """Of a degree: 36.5 with a spread of 0.25; an ill person's are higher."""
        spread = sum(draw >> shift & 15 for shift in (0, 4, 8, 12)) - 30  # mean 0, deviation 9
        return 382 + spread // 3 if is_ill else 365 + spread * 5 // 18

    def _symptoms(self, draw, is_ill):
        if is_ill:
            return ["fever", *sorted({SYMPTOMS[draw % 7], SYMPTOMS[draw // 7 % 7]})]
        return [SYMPTOMS[draw // 1000 % 7]] if draw % 1000 < 3 else []

    def isolation(self, number, day):
        close = self.epidemic.close.get(number)
        if number in self.epidemic.cases and self.epidemic.cases[number] <= day:
            return "central"
        if close is not None and close <= day < close + 14:
            return "central" if number % 5 < 2 else "home"
        return "none"

    def _health(self, person, day, draws, infection):
        number, is_ill = person.number, self._is_ill(infection, day)
        isolation = self.isolation(number, day)
        told = self.epidemic.close.get(number, day) < day or draws[2] % 1000 < 1
        second = draws[2] // 1000 % 1000 < 2
        what = {"tenths": self._tenths(draws[3], is_ill), "symptoms": self._symptoms(draws[4], is_ill),
                "contact": "close" if told else "secondary" if second else "none", "isolation": isolation,
                "stays": self._risk_stays(number, day), "doses": draws[7] % 4 if number % 3 else None}
        # A person may declare about the same day again only under another number: once a day here.
        at = self.second(day, draws[5])
        return Record("declare.health", number, forms.APP, f"m-{day}-{number}", 1, at, day, what, "accepted")

    def _risk_stays(self, number, day):
        """The last three days' stays in areas that were at risk then."""
        found = []
        for back in (3, 2, 1):
            if day - back >= 0 and self._is_travelling(number, day - back):
                away, _departed, arrived, left = self._way(number, day - back)[:4]
                if away in self.risks[day - back]:
                    found.append((away, arrived, left))
        return found

    def _checkpoint(self, person, day, draws, infection, found):
        draw = draws[6]
        at = self.second(day, draw)
        what = {"direction": "entry" if draw & 1 else "exit", "passed": at, "place": f"gate-{draw % 400}",
                "region": person.county, "tenths": self._tenths(draws[7], self._is_ill(infection, day))}
        record = self._record("checkpoints", person, day, draw, what)
        odd = draw // 1000 % 1000
        if odd < TYPO:
            record = record._replace(what={**what, "tenths": 512}, expect="rejected")
        found.append(record)
        if odd >= 1000 - TWICE:
            found.append(record._replace(arrives=record.arrives + 1, expect="duplicate"))

    def _test(self, person, day, draw, is_positive, number=None, **more):
        at = self.second(day, draw)
        number = number or f"c-{day}-{person.number}"
        what = {"method": "nucleic-acid", "result": "positive" if is_positive else "negative",
                "sampled": at - 30 * MINUTE, "event": f"specimen-{number}"}
        return self._record("tests", person, day, draw, what, number=number, at=at, **more)

    def _screening(self, person, day, draws, found):
        draw, odd, way = draws[2], draws[3] // 1000 % 1000, draws[4]
        is_batch = self.batch == (day, person.county)
        is_positive = way // 1000 % 1000 < BATCH_WRONG if is_batch else self.epidemic.is_positive(person.number, day)
        record = self._test(person, day, draw, is_positive)
        found.append(record)
        if is_positive and is_batch:
            found.append(self._retract(record, day + 2, "bad-batch", "batch-1"))
            if way // 1_000_000 % 1000 < AGAIN:
                found.append(record._replace(number=f"{record.number}-again", at=record.at + 3 * DAY, arrives=day + 3,
                                             what={**record.what, "result": "negative"}))
        elif is_positive and way % 10 < 7:
            found.append(record._replace(revision=2, arrives=day + 1, what={**record.what, "result": "negative"}))
        elif is_positive:
            found.append(self._retract(record, day + 2, "false-positive"))
        elif odd < CONFLICT:
            found.append(record._replace(what={**record.what, "result": "positive"}, arrives=record.arrives + 1,
                                         expect="rejected"))
        elif odd < CONFLICT + AMENDED:
            found[-1] = record._replace(what={**record.what, "result": "positive"})
            found.append(record._replace(revision=2, arrives=day + 1))
        elif odd >= 1000 - TWICE:
            found.append(record._replace(arrives=record.arrives + 1, expect="duplicate"))

    def _retract(self, record, day, reason, batch=None):
        return Retraction(record.person, forms.stream(record.kind), record.institution, record.number,
                          self.begin(day) + OPEN + 12 * HOUR, day, reason, batch)

    def _events(self, person, day, draws, found):
        for place, event in enumerate(self.epidemic.events[person.number]):
            if event.day == day:
                draw = self.draws.numbers(b"event", person.number, day, place)[0]
                getattr(self, f"_told_{event.kind}")(person, day, draw, event.about, found)

    def _contact(self, person, day, draw, distance, last, number):
        what = {"distance": distance, "met": self.second(last, draw)}
        return self._record("contacts", person, day, draw, what, number=number, at=max(self.second(day, draw), what["met"]))

    def _told_close(self, person, day, draw, last, found):
        found.append(self._contact(person, day, draw, "close", last, f"b-{day}-{person.number}"))

    def _told_secondary(self, person, day, draw, last, found):
        found.append(self._contact(person, day, draw, "secondary", last, f"b2-{day}-{person.number}"))

    def _told_mistaken(self, person, day, draw, last, found):
        record = self._contact(person, day, draw, "close", last, f"bx-{day}-{person.number}-{draw}")
        found.append(record)
        if draw // 1000 % 10 < 8:
            found.append(self._retract(record, day + 1 + draw % 2, "another-person"))

    def _told_fever(self, person, day, draw, onset, found):
        at = self.second(day, draw)
        what = {"diagnosis": "observation", "came": at, "region": person.county, "tenths": self._tenths(draw, True),
                "symptoms": self._symptoms(draw, True), "event": f"visit-{day}-{person.number}"}
        found.append(self._record("fever-clinics", person, day, draw, what, at=at))

    def _told_sample(self, person, day, draw, is_positive, found):
        found.append(self._test(person, day, draw, is_positive, number=f"cs-{day}-{person.number}-{draw}"))

    def _told_suspected(self, person, day, draw, _about, found):
        self._case(person, day, draw, "suspected", found)

    def _told_case(self, person, day, draw, _sampled, found):
        self._case(person, day, draw, "confirmed", found)

    def _case(self, person, day, draw, grade, found):
        """A case is one record: suspected first, its revision confirmed later."""
        at, infection = self.second(day, draw), self.epidemic.infections.get(person.number)
        onset = infection.onset if infection else None
        what = {"class": grade, "found": at, "region": person.county, "event": f"case-{person.number}",
                "onset": None if onset is None or onset >= day else self.begin(onset) + OPEN,
                "severity": "mild" if grade == "confirmed" else None}
        found.append(self._record("cases", person, day, draw, what, revision=2 if grade == "confirmed" else 1,
                                  number=f"a-{person.number}", at=at, arrives=day))

    def _told_community(self, person, day, draw, case, found):
        what = {"place_kind": "community", "place": self.venue(case), "region": person.county, "role": "resident",
                "from": self.begin(day - 2) + OPEN}
        found.append(self._record("venues", person, day, draw, what, number=f"i-{day}-{person.number}-{case}"))

    def _way(self, number, day):
        """A day's way there and back: (where, departure, arrival, leaving), and what else was drawn."""
        draws = self.draws.numbers(b"way", number, day)
        pick = draws[0] % 200
        if pick < 100:
            for away, weight in shapes.PROVINCES:
                pick -= weight
                if pick < 0:
                    break
        else:
            away = shapes.COUNTIES[draws[1] % len(shapes.COUNTIES)]
        departed = self.begin(day) + OPEN + draws[2] % 360 * MINUTE
        arrived = departed + (60 + draws[3] % 180) * MINUTE
        return away, departed, arrived, arrived + (120 + draws[4] % 360) * MINUTE, draws

    def _trip(self, person, day, found):
        number, home = person.number, person.county
        away, departed, arrived, left, draws = self._way(number, day)
        mode = ("train", "train", "train", "plane", "bus", "car")[draws[5] % 6]
        way = {"mode": mode, "home": home, "away": away, "from": departed, "to": arrived}
        if mode != "car":
            way.update(train=f"G{draws[6] % 900 + 7000}", seat=f"{draws[6] % 17 + 1:02d}-{draws[7] % 20 + 1:02d}A",
                       event=f"ticket-{day}-{number}")
            found.append(self._record("travel", person, day, draws[5], way, at=arrived))
        at = left + HOUR
        stay = {"region": away, "from": arrived, "to": left, "risk": self.risks[day].get(away, "low")}
        found.append(self._record("roaming", person, day, draws[6], stay, at=at))
        if draws[5] // 6 % 10 < 7:
            found.append(Record("declare.trip", number, forms.APP, f"mt-{day}-{number}", 1, arrived, day, way, "accepted"))
        if draws[7] % 100 < 3:
            self._border(person, day, draws, at, found)

    def _border(self, person, day, draws, at, found):
        number = person.number
        crossing = {"direction": "entry", "crossed": at, "region": "320100", "mode": "plane",
                    "country": shapes.COUNTRIES[draws[0] % len(shapes.COUNTRIES)], "event": f"passage-{day}-{number}"}
        found.append(self._record("border", person, day, draws[0], crossing, at=at))
        seen = {"disposition": "released", "crossed": at, "region": "320100", "tenths": self._tenths(draws[1], False),
                "symptoms": [], "is_sampled": True, "event": f"customs-{day}-{number}"}
        found.append(self._record("customs", person, day, draws[1], seen, at=at))

    def _health_record(self, person, found):
        draw, dose, *_ = self.draws.numbers(b"vaccinated", person.number)
        if draw % 100 < 75 and person.age >= 3:
            given = self.begin(0) - (20 + draw // 100 % 300) * DAY + OPEN + draw % WIDTH * MINUTE
            what = {"record_type": "vaccination", "given": given, "dose": dose % 3 + 1, "vaccine": VACCINES[dose // 3 % 5],
                    "event": f"dose-{person.number}"}
            found.append(self._record("health-records", person, 0, draw, what))

    def _survey(self, person, day, draws, found):
        at = self.second(day, draws[7])
        what = {"isolation": self.isolation(person.number, day), "asked": at, "region": person.county,
                "household": "alone" if len(person.mates) == 1 else "family", "size": len(person.mates),
                "event": f"survey-{person.household}"}
        found.append(self._record("surveys", person, day, draws[7], what, at=at))

    # The whole of it.

    def of_person(self, person):
        """Everything about a person that arrives before the end, in the order of the days of observation."""
        if self.is_silent(person.number):
            return
        for day in range(self.days):
            for record in self.observed(person, day):
                if record.arrives < self.days:
                    yield record

    def arriving(self, day):
        """(person, record) of everything that arrives on a day. Looks four days back, keeps nothing."""
        for person in self.people.all():
            if self.is_silent(person.number):
                continue
            for back in range(min(5, day + 1)):
                for record in self.observed(person, day - back):
                    if record.arrives == day:
                        yield person, record
