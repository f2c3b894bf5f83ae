"""Consent records as docs/codes.md tells them: the record of a person at a time, or None where it is refused."""
import datetime
import json
import re
import unicodedata

from jkm1 import is_division, seconds_of

CONTROLS = re.compile("[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069|]")
CHINA = datetime.timezone(datetime.timedelta(hours=8))


def has_check_digit(digits):
    """GB 11643, ISO 7064 MOD 11-2: 17 digits and a check character; the birth date stands in places 7 to 14."""
    if not re.fullmatch(r"[0-9]{17}[0-9X]", digits):
        return False
    values = [int(c) for c in digits[:17]] + [10 if digits[17] == "X" else int(digits[17])]
    if sum(value * pow(2, 17 - i) for i, value in enumerate(values)) % 11 != 1:
        return False
    try:
        return datetime.date(int(digits[6:10]), int(digits[10:12]), int(digits[12:14])).year >= 1800
    except ValueError:
        return False


def is_resident(number):
    if re.fullmatch(r"[0-9]{15}", number):
        number = number[:6] + "19" + number[6:]
        weights = [pow(2, 17 - i) for i in range(17)]
        left = (1 - sum(int(c) * w for c, w in zip(number, weights))) % 11
        number += "X" if left == 10 else str(left)
    return has_check_digit(number) and is_division(number[:6]) and number[:6] != "000000"


def is_card(number, country):
    """A foreigner's permanent residence card."""
    old = re.fullmatch(r"([A-Z]{3})[0-9]{12}", number)
    if old:
        return old[1] == country
    return number.startswith("9") and has_check_digit(number)


def is_permit(number, country):
    return bool(re.fullmatch(r"[HM]([0-9]{8}|[0-9]{10})", number)) and {"H": "HKG", "M": "MAC"}[number[0]] == country


FORMS = {
    "111": lambda number, country: country == "CHN" and is_resident(number),
    "551": lambda number, country: country in ("HKG", "MAC") and has_check_digit(number)
    and number[:6] == {"HKG": "810000", "MAC": "820000"}[country],
    "552": lambda number, country: country == "TWN" and has_check_digit(number) and number[:6] == "830000",
    "400": lambda number, country: bool(re.fullmatch(r"(?=.*[0-9])[A-Z0-9]{5,15}", number)),
    "516": lambda number, country: is_permit(number, country) or is_card(number, country),
    "511": lambda number, country: country == "TWN" and bool(re.fullmatch(r"[0-9]{8}|[0-9]{10}", number)),
    "553": is_card,
    "999": lambda number, country: bool(re.fullmatch(r"[A-Z0-9._-]{1,32}", number)),
}


def passing(person, time_s):
    name = person["name"]
    if not 1 <= len(name) <= 100 or CONTROLS.search(name):
        return None
    number = "".join(unicodedata.normalize("NFKC", person["idNo"]).upper().split())
    country = person["country"].upper()
    kind = person["idType"]
    if not re.fullmatch(r"[A-Z]{3}", country) or kind not in FORMS or not FORMS[kind](number, country):
        return None
    time = datetime.datetime.fromtimestamp(time_s, CHINA).strftime("%Y%m%d%H%M%S")
    assert seconds_of(time) is not None
    kind = "516" if kind == "553" else kind
    return "|".join((unicodedata.normalize("NFC", name), number, kind, country, time))


def table_1(elements):
    """RFC 8785 for an object of texts: members by their UTF-16 code units, no white space."""
    return json.dumps(dict(sorted(elements.items(), key=lambda item: item[0].encode("utf-16-be"))), ensure_ascii=False,
                      separators=(",", ":"))
