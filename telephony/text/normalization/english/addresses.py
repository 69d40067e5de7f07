"""Postal addresses and places: streets, houses, flats, states, roads, rooms, gates, seats."""

from __future__ import annotations

import re
from collections.abc import Iterable

from telephony.text.abbreviations import SENTENCE_STARTS
from telephony.text.normalization.english.grammar import EnglishGrammar
from telephony.text.normalization.rules import (
    Rule,
    alternatives,
    at_digits,
    at_words,
    ends_text,
    near_digits,
    near_words,
)

STATES = {
    "AL": "Alabama", "AK": "Alaska", "AZ": "Arizona", "AR": "Arkansas", "CA": "California", "CO": "Colorado",
    "CT": "Connecticut", "DE": "Delaware", "DC": "D C", "FL": "Florida", "GA": "Georgia", "HI": "Hawaii",
    "ID": "Idaho", "IL": "Illinois", "IN": "Indiana", "IA": "Iowa", "KS": "Kansas", "KY": "Kentucky",
    "LA": "Louisiana", "ME": "Maine", "MD": "Maryland", "MA": "Massachusetts", "MI": "Michigan", "MN": "Minnesota",
    "MS": "Mississippi", "MO": "Missouri", "MT": "Montana", "NE": "Nebraska", "NV": "Nevada", "NH": "New Hampshire",
    "NJ": "New Jersey", "NM": "New Mexico", "NY": "New York", "NC": "North Carolina", "ND": "North Dakota",
    "OH": "Ohio", "OK": "Oklahoma", "OR": "Oregon", "PA": "Pennsylvania", "PR": "Puerto Rico", "RI": "Rhode Island",
    "SC": "South Carolina", "SD": "South Dakota", "TN": "Tennessee", "TX": "Texas", "UT": "Utah", "VT": "Vermont",
    "VA": "Virginia", "WA": "Washington", "WV": "West Virginia", "WI": "Wisconsin", "WY": "Wyoming",
}  # fmt: skip
_STREETS = {
    "st": "Street", "street": "Street", "ave": "Avenue", "av": "Avenue", "avenue": "Avenue", "blvd": "Boulevard",
    "boulevard": "Boulevard", "rd": "Road", "road": "Road", "dr": "Drive", "drive": "Drive", "ln": "Lane",
    "lane": "Lane", "ct": "Court", "court": "Court", "pl": "Place", "place": "Place", "way": "Way", "wy": "Way",
    "pkwy": "Parkway", "parkway": "Parkway", "hwy": "Highway", "highway": "Highway", "expy": "Expressway",
    "expressway": "Expressway", "cir": "Circle", "circle": "Circle", "ter": "Terrace", "terr": "Terrace",
    "terrace": "Terrace", "sq": "Square", "square": "Square", "trl": "Trail", "trail": "Trail", "fwy": "Freeway",
    "freeway": "Freeway", "tpke": "Turnpike", "turnpike": "Turnpike", "plz": "Plaza", "plaza": "Plaza",
    "cres": "Crescent", "crescent": "Crescent", "aly": "Alley", "alley": "Alley", "xing": "Crossing",
    "crossing": "Crossing", "row": "Row", "mall": "Mall", "loop": "Loop", "pike": "Pike", "close": "Close",
    "gardens": "Gardens", "gdns": "Gardens",
}  # fmt: skip
# Those that mean a street wherever they stand.
_ALWAYS = {short: _STREETS[short] for short in "ave blvd rd pkwy hwy expy fwy tpke blvd".split()}
# Those that mean a street behind its name.
_BEHIND_NAMES = {short: _STREETS[short] for short in "st dr ln ct pl cir ter sq trl plz cres gdns".split()}
DIRECTIONS = {
    "N": "North", "S": "South", "E": "East", "W": "West", "NE": "Northeast", "NW": "Northwest", "SE": "Southeast",
    "SW": "Southwest",
}  # fmt: skip
_SHORT_PLACES = {
    "apt": "apartment", "ste": "suite", "rm": "room", "bldg": "building", "fl": "floor", "flr": "floor",
    "hwy": "highway", "rte": "route", "rt": "route",
}  # fmt: skip
_PLACES = (
    "apartment suite room unit floor building gate seat row track platform terminal exit bus train tram flat lot box "
    "locker stall booth bay bed ward hall dock door cabin slip space spot aisle lane window counter section zone table "
    "level stop route highway interstate house line port berth pier hangar entrance classroom office desk carousel "
    "error marker class"
).split()
_DIRECTION = r"(?:[NS]\.?[EW]\.?|[NSEW])\.?"
_NOT_IN_NAMES = (
    "the of in on at to a an is are was were and or for with from by per more other people cars miles minutes hours "
    "days weeks months years feet blocks meters kilometers km mi min points units dollars percent million thousand "
    "billion am pm a.m p.m your my his her our their this that steps more times degrees"
)
_NAME = (
    rf"(?!(?:{'|'.join(map(re.escape, _NOT_IN_NAMES.split()))})\b)(?:[^\W\d][\w'’.-]{{0,30}}|\d{{1,3}}(?:st|nd|rd|th))"
)
_STREET_ADDRESS = re.compile(
    rf"(?<![\w.,$€£#/:–-])(\d{{2,3}}-\d\d(?!\d)|\d{{1,6}})(?:-?([A-Za-z])(?![\w.]"
    rf"))?\s((?:{_DIRECTION}\s)?)((?:{_NAME}\s){{0,3}}?{_NAME})\s"
    rf"({alternatives(_STREETS)})(?![\w'’])(\.?)(,?\s(?:[NSEW]|[NS]\.?[EW]\.?)(?![\w'’]))?"
    r"(?:(,?\s)#\s?(\d{1,5})([A-Za-z])?(?!\w))?",
    re.IGNORECASE,
)
_STREET = re.compile(
    rf"(?<!\w)((?:(?:[A-Z][\w'’]{{0,30}}|[JS]r\.|\d{{1,4}}(?:st|nd|rd|th))\s))({alternatives(_BEHIND_NAMES)})(\.?)(?![\w'’])"
    rf"(?=(?:,?\s([A-Z][\w'’]*))?)",
    re.IGNORECASE,
)
_DIRECTED = re.compile(
    r"(?<![\w.])([NS]\.?[EW]\.?|[NSEW]\.?)\s(?=(?:[A-Z][a-z]+|\d{1,3}(?:st|nd|rd|th))\s(?:&|and)\s[A-Z\d]|"
    r"(?:\d{1,3}(?:st|nd|rd|th)|[A-Z][a-z]+)\s"
    rf"(?:{alternatives(word.capitalize() for word in _STREETS)})(?!\w))"
)
_CROSSING = re.compile(r"(?<![\w.])([NSEW])\.?\s([A-Z][a-z]{2,20}\s(?:&|and)\s)([NSEW])\.?\s(?=[A-Z][a-z])")
_BEDROOMS = re.compile(r"(?<![\w.,/])(\d{1,2})\s?(?:BR|br|BDRMS?|bdrms?|BD|bd)(?!\w)(?:\s?/\s?(?=\d))?")
_BATHROOMS = re.compile(r"(?<![\w.,])(\d{1,2}(?:\.5)?)\s?(?:BA|ba)(?!\w)")
_FLAT = re.compile(r"(?<![\w.])([Aa])pt\b\.?(?=\s(?:is|number|on|at|in|for)\b|\s#\sis\b)")
_ROAD = re.compile(rf"(?<![\w.@/-])({alternatives(_ALWAYS)})(?![\w'’@])(\.?)", re.IGNORECASE)
_FLOOR = re.compile(r"(?<=\dst\s|\dnd\s|\drd\s|\dth\s)fl(?:r|oor)?(?!\w)(\.?)", re.IGNORECASE)
_PLACE = re.compile(
    rf"(?<![\w.@/-])({alternatives([*_SHORT_PLACES, *_PLACES])})(?!\w)\.?\s?(?:#\s?)?((?:no\.?\s|number\s)?(?:is\s)?)"
    r"(?!0x)(\d{1,5})(?:(?:-|\s(?=[A-Z](?!\w)))?([A-Za-z])(?![\w'’]|\.\w))?(?![\w°%]|[.,:/-]\d|\s(?:million|%|\d{1,2}/\d))",
    re.IGNORECASE,
)
_LETTERED_PLACE = re.compile(
    rf"(?<![\w.@/-])({alternatives(_SHORT_PLACES)})(?!\w)\.?\s(?:#\s?)?([A-Z])(?=\d{{0,4}}(?!\w))", re.IGNORECASE
)
_ROADS = frozenset("highway route interstate".split())
_ROOMS = frozenset("room rm suite apartment apt unit gate seat locker flat".split())
_SMALL_CODE = re.compile(rf"(?<![\w.@/-])({alternatives(_PLACES)})\s([a-z])(\d{{1,3}})(?!\w)", re.IGNORECASE)
_FREEWAY = re.compile(
    r"(?<=\b[Tt]he\s)([1-9]\d{2})(?=\s(?:to|near|past|heading|north|south|east|west|freeway|fwy|toward)\b)"
)
_PO_BOX = re.compile(r"(?<!\w)P\.?\s?O\.?\s(?=Box\b)", re.IGNORECASE)
_ZIP = re.compile(rf"(?<![\w.@/-])({'|'.join(STATES)}|NYC)(\.?,?\s)(\d{{5}})(?:-(\d{{4}}))?(?![\w-])", re.IGNORECASE)
_STATE = re.compile(rf"(?<=[a-z],\s)({'|'.join(STATES)})(?=\s*[.,;:!?)]|\s*$|\s(?:USA|and|or|is|at|on|to|in|for)\b)")
_STATE_BEHIND_CITY = re.compile(
    r"(?<!\w)(?!January|February|March|April|May|June|July|August|September|October|November|December)"
    r"([A-Z][a-z'’]{2,20}\s)(?!(?:OK|OR|IN|ME|HI|ID|MD|PA|DC|MS|CO|PR)\b)"
    rf"({'|'.join(STATES)})(?=\s*[.,;:!?)]|\s*$)"
)
# Without those that are words.
_SMALL_STATE = re.compile(
    r"(?<=[a-z],\s)(ny|ca|tx|fl|il|nj|az|ga|nc|va|wa|mn|wi|tn|nv|ut|ky|sc|ct|ks|nm|mi|mo|dc|nh|ri|vt|wv|ia)(?=\s*[.,;:!?)]|\s*$)"
)
_SIDE_OF = re.compile(
    r"(?<![\w.])(NE|NW|SE|SW|[NSEW])(?=\sof\s)|"
    r"(?:(?<=\bmi )|(?<=\bmi\. )|(?<=\bmiles )|(?<=\bmile )|(?<=\bblocks )|(?<=\bblock )|(?<=\bkm ))"
    r"(NE|NW|SE|SW|[NSEW])(?=\s(?:on|along|from|toward)\b)"
)
_SIDE_OF_STREET = re.compile(
    r"(?<=\s)(Street|Avenue|Road|Drive|Boulevard|Place|Court|Lane|Terrace|Circle|Parkway|Way),?\s(NE|NW|SE|SW)(?!\w)"
)
_CITY_ZIP = re.compile(r"(,\s(?:[A-Z][a-z'’]{1,20}\s){1,3})(\d{5})(?=[.,;:!?)]?(?:\s[A-Z]|$))")
_ROOM_PAIR = re.compile(
    r"(?<![\w.@/-])(room|rm|suite|ste|unit|apartment|apt)\b\.?\s(\d{1,2})-(\d{2,4})(?![\w-])", re.IGNORECASE
)
_LONG_STATES = {
    "Ala": "Alabama", "Ariz": "Arizona", "Ark": "Arkansas", "Calif": "California", "Colo": "Colorado",
    "Conn": "Connecticut", "Del": "Delaware", "Fla": "Florida", "Ga": "Georgia", "Ill": "Illinois", "Ind": "Indiana",
    "Kan": "Kansas", "Ky": "Kentucky", "La": "Louisiana", "Md": "Maryland", "Mass": "Massachusetts",
    "Mich": "Michigan", "Minn": "Minnesota", "Miss": "Mississippi", "Mo": "Missouri", "Mont": "Montana",
    "Neb": "Nebraska", "Nev": "Nevada", "Okla": "Oklahoma", "Ore": "Oregon", "Pa": "Pennsylvania",
    "Tenn": "Tennessee", "Tex": "Texas", "Va": "Virginia", "Vt": "Vermont", "Wash": "Washington", "Wis": "Wisconsin",
}  # fmt: skip
_LONG_STATE = re.compile(rf"(?<=[a-z],\s)({'|'.join(_LONG_STATES)})\.(?:\s(\d{{5}})(?!\w))?")
_WITH_ORDINAL = re.compile(r"\d|[A-Z]")


def rules(language: EnglishGrammar) -> list[Rule]:
    """States with their codes, whole addresses, then their parts where they stand alone."""

    def state_and_zip(match: re.Match[str]) -> str:
        digits = language.spell_digits(match[3])
        more = f", {language.spell_digits(match[4])}" if match[4] else ""
        return f"{STATES.get(match[1].upper(), match[1])}{match[2].replace('.', '')}{digits}{more}"

    def address(match: re.Match[str]) -> str | None:
        house, letter, direction, name, kind, stop, behind, joint, flat, flat_letter = match.groups()
        if kind.islower() and kind not in _ALWAYS and not _WITH_ORDINAL.search(name) and len(name.split()) > 2:
            return None
        number = " ".join(map(language.place_number, house.split("-")))
        parts = [number, letter.upper() if letter else "", _direction(direction)]
        said = " ".join(filter(None, [*parts, _name(name), _STREETS[kind.lower()], _direction(behind or "")]))
        if flat:
            said += f"{joint}number {language.place_number(flat)}{f' {flat_letter.upper()}' if flat_letter else ''}"
        return said + ("." if stop and (ends_text(match) or _sentence_follows(match)) else "")

    def place(match: re.Match[str]) -> str | None:
        word, joint, number, letter = match.groups()
        if "is" in joint and word.lower() not in _ROOMS:
            return None
        full = _SHORT_PLACES.get(word.lower(), word)
        if joint.startswith("no") and not joint.startswith("number"):
            joint = f"{language.number_sign} {joint.partition(' ')[2]}"
        if full.lower() in _ROADS and letter in DIRECTIONS and match.group()[-2].isspace():
            return f"{full} {joint}{language.place_number(number)} {DIRECTIONS[letter]}"
        return f"{full} {joint}{language.place_number(number)}{f' {letter.upper()}' if letter else ''}"

    def room_pair(match: re.Match[str]) -> str:
        word = _SHORT_PLACES.get(match[1].lower(), match[1])
        return f"{word} {language.place_number(match[2])}, {language.place_number(match[3])}"

    def small_code(match: re.Match[str]) -> str:
        return f"{match[1]} {match[2].upper()} {language.place_number(match[3])}"

    def long_state(match: re.Match[str]) -> str:
        code = f" {language.spell_digits(match[2])}" if match[2] else ""
        return _LONG_STATES[match[1]] + code + ("." if ends_text(match) else "")

    def bedrooms(match: re.Match[str]) -> str:
        return f"{match[1]} bedroom" + (", " if match.group().rstrip().endswith("/") else "")

    def crossing(match: re.Match[str]) -> str:
        return f"{_direction(match[1])} {match[2]}{_direction(match[3])} "

    return [
        at_digits("rooms", _BEDROOMS, bedrooms, ("br", "bdrm", "bd")),
        at_digits("rooms", _BATHROOMS, lambda match: f"{match[1]} bath", ("bedroom",)),
        at_words("direction", _CROSSING, crossing, _small(DIRECTIONS)),
        at_words("state", _ZIP, state_and_zip, _small([*STATES, "NYC"]), numeric=True),
        at_digits("address", _STREET_ADDRESS, address),
        at_words("direction", _DIRECTED, lambda match: f"{_direction(match[1])} ", _small(DIRECTIONS)),
        near_words("place", _FLAT, lambda match: f"{match[1]}partment", ("apt",)),
        near_words("street", _STREET, _street, [f" {short}" for short in _BEHIND_NAMES]),
        near_digits("place", _FLOOR, lambda match: "floor" + ("." if match[1] and ends_text(match) else "")),
        at_words("place", _PO_BOX, lambda match: "P O ", ("p", "po")),
        near_digits("ZIP code", _CITY_ZIP, lambda match: match[1] + language.spell_digits(match[2]), (", ",)),
        at_words(
            "place", _ROOM_PAIR, room_pair, ("room", "rm", "suite", "ste", "unit", "apartment", "apt"), numeric=True
        ),
        at_words("place", _PLACE, place, [*_SHORT_PLACES, *_PLACES], numeric=True),
        at_words(
            "place",
            _LETTERED_PLACE,
            lambda match: f"{_SHORT_PLACES[match[1].lower()]} {match[2].upper()}",
            _SHORT_PLACES,
        ),
        at_words("place", _SMALL_CODE, small_code, _PLACES, numeric=True),
        at_digits("road", _FREEWAY, lambda match: language.place_number(match[1]), ("the ",)),
        at_words("street", _ROAD, _road, _ALWAYS),
        at_words("state", _STATE, lambda match: STATES[match[1]], _small(STATES)),
        near_words(
            "direction",
            _SIDE_OF_STREET,
            lambda match: f"{match[1]} {DIRECTIONS[match[2]]}",
            (" nw", " ne", " sw", " se"),
        ),
        at_words("direction", _SIDE_OF, lambda match: DIRECTIONS[match.group()].lower(), _small(DIRECTIONS)),
        at_words("state", _LONG_STATE, long_state, _small(_LONG_STATES)),
        at_words("state", _SMALL_STATE, lambda match: STATES[match[1].upper()], _small(STATES)),
        Rule("state", _STATE_BEHIND_CITY, lambda match: match[1] + STATES[match[2]]),
    ]


def _small(words: Iterable[str]) -> list[str]:
    return [word.lower() for word in words]


def _direction(written: str) -> str:
    return DIRECTIONS.get(written.replace(".", "").strip(" ,").upper(), "")


def _name(written: str) -> str:
    """A street's name, whose first word may be a saint's title."""
    first, space, rest = written.partition(" ")
    full = {"st": "Saint", "mt": "Mount", "ft": "Fort"}.get(first.rstrip(".").lower())
    return f"{full} {rest}" if full and space else written


def _street(match: re.Match[str]) -> str | None:
    """Behind a street's name, "St." and "Dr." are no saint and no doctor, unless another name follows."""
    name, kind, stop, following = match.groups()
    plain = name.strip()
    if not (plain[0].isupper() or plain[0].isdigit()):
        return None
    goes_on = following is not None and following[0].isupper() and following.lower() not in SENTENCE_STARTS
    if goes_on and following.upper() not in DIRECTIONS and match.string[match.end()] != ",":
        return None
    if kind.lower() == "dr" and plain.lower() in SENTENCE_STARTS:
        return None
    sentence_ends = stop and (ends_text(match) or (following and following[0].isupper() and not goes_on))
    return f"{name}{_STREETS[kind.lower()]}{'.' if sentence_ends else ''}"


def _road(match: re.Match[str]) -> str:
    full = _ALWAYS[match[1].lower()]
    return (full if match[1][0].isupper() else full.lower()) + ("." if match[2] and ends_text(match) else "")


def _sentence_follows(match: re.Match[str]) -> bool:
    following = re.match(r"\s([A-Z][\w'’]*)", match.string[match.end() : match.end() + 40])
    return following is not None and following[1].lower() in SENTENCE_STARTS
