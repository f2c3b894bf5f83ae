"""The public shapes that a world is cut after; every figure that is rounded says so.

People by age and sex: seventh national census (2020), national table by five years, rounded to 0.1 million.
Households by size: the same census, shares rounded. Counties: codes after GB/T 2260 for the province 320000, as of 2013
(some are abolished since; people and records keep them); the people of the 13 cities as counted by the census, shares of
the counties within a city roughly, to 10,000 people.
"""

# From this age on for five years: (men, women) in millions; the last row is 95 and over.
PYRAMID = (
    (0, 41.0, 36.9), (5, 48.0, 42.2), (10, 45.6, 39.6), (15, 39.1, 33.6), (20, 39.7, 35.3), (25, 48.2, 43.7),
    (30, 63.9, 60.3), (35, 50.9, 48.1), (40, 47.6, 45.3), (45, 58.2, 56.0), (50, 61.1, 60.1), (55, 50.8, 50.6),
    (60, 36.9, 36.5), (65, 36.3, 37.7), (70, 24.2, 25.4), (75, 14.8, 16.5), (80, 9.0, 11.4), (85, 4.3, 6.5),
    (90, 1.3, 2.4), (95, 0.3, 0.6),
)

# A block is so many households of each size, in an order of its own: the census has 25.4 % of one person, 29.7 % of two,
# 21.0 %, 13.2 %, 6.2 %, and about 3 % and 1.5 % of six and of seven and more; 2.6 people a household.
BLOCK = {1: 25, 2: 30, 3: 21, 4: 13, 5: 6, 6: 3, 7: 2}
SMALL_BLOCK = {1: 6, 2: 7, 3: 5, 4: 4, 5: 2, 6: 1}  # of small worlds, so that they too have several counties
SMALL_WORLD = 20_000

# city: its people, {county: ten thousands of people}
CITIES = {
    "3201": (9314685, {"320102": 54, "320104": 74, "320105": 53, "320106": 94, "320111": 117, "320113": 99, "320114": 61,
                       "320115": 193, "320116": 95, "320117": 49, "320118": 43}),
    "3202": (7462135, {"320205": 120, "320206": 91, "320211": 133, "320202": 25, "320203": 40, "320204": 34, "320281": 178,
                       "320282": 129}),
    "3203": (9083790, {"320302": 80, "320303": 47, "320305": 45, "320311": 63, "320312": 124, "320321": 94, "320322": 104,
                       "320324": 109, "320381": 97, "320382": 146}),
    "3204": (5278121, {"320402": 67, "320404": 66, "320411": 88, "320412": 170, "320481": 79, "320482": 59}),
    "3205": (12748262, {"320505": 83, "320506": 139, "320507": 89, "320508": 92, "320509": 155, "320581": 168,
                        "320582": 143, "320583": 209, "320585": 83}),
    "3206": (7726635, {"320602": 110, "320611": 41, "320612": 126, "320621": 87, "320623": 88, "320681": 97,
                       "320682": 124, "320684": 99}),
    "3207": (4599360, {"320703": 50, "320706": 91, "320707": 93, "320722": 104, "320723": 72, "320724": 63}),
    "3208": (4556230, {"320802": 50, "320803": 79, "320804": 74, "320811": 30, "320826": 83, "320829": 29, "320830": 61,
                       "320831": 29}),
    "3209": (6709629, {"320902": 92, "320903": 85, "320921": 49, "320922": 93, "320923": 83, "320924": 76,
                       "320925": 61, "320981": 89, "320982": 65}),
    "3210": (4559797, {"321002": 54, "321003": 110, "321012": 93, "321023": 68, "321081": 53, "321084": 71}),
    "3211": (3210418, {"321102": 62, "321111": 32, "321112": 29, "321181": 99, "321182": 32, "321183": 64}),
    "3212": (4512762, {"321202": 58, "321203": 33, "321204": 66, "321281": 113, "321282": 66, "321283": 100}),
    "3213": (4986192, {"321302": 88, "321311": 47, "321322": 163, "321323": 82, "321324": 87}),
}

COUNTIES = tuple(county for _people, counties in CITIES.values() for county in counties)


def county_people():
    """{county: people}: the city's count by the shares of its counties."""
    return {county: people * share / sum(counties.values())
            for people, counties in CITIES.values() for county, share in counties.items()}


# Where trips go: other provinces (a code, a weight), and abroad (GB/T 2659).
PROVINCES = (("310000", 30), ("330000", 20), ("340000", 20), ("110000", 10), ("370000", 10), ("440000", 10))
COUNTRIES = ("SGP", "JPN", "KOR", "THA", "DEU")

# ours: of 1,000 people on a day
TRAVELS = 12  # leave the province or come back from there
DECLARES = 850  # declare their health on a day of a control period
SCREENED = 80  # give a sample though nothing is suspected
CHECKED = 250  # pass a checkpoint that measures and writes down
WORKS, SCHOOL_FROM, WORK_FROM, WORK_TO = 720, 3, 18, 60  # work, of those of working age
COMMUTES = 150  # of those who work: in another county
ACROSS = 150  # of those: in another city
