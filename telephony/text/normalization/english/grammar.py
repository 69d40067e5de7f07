"""The words and the grammar of English."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

from telephony.text.normalization.language import Currency, Language, Name, Written, spelled

# As one word the others get one stress, as people say them; these would be words.
_WORDS = frozenset("am as at be by do es id in is it me my no pm so to us".split())
_CENT = Name("cent", "cents")
_TENS = ("", "oh", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_PARTS = {2: "half", 3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 8: "eighth", 10: "tenth", 16: "sixteenth"}


class EnglishGrammar(Language):
    """As in the United States."""

    locale = "en_US"
    speller = "en"
    regions = ("US", "GB")
    decimal_mark = "."
    month_first = True
    space_groups = False

    digits = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    minus = "minus"
    plus = "plus"
    point = "point"
    to = "to"
    over = "over"
    per = "per"
    percent = "percent"
    permille = "per mille"
    number_sign = "number"
    section = "section"
    about = "about"
    times = "times"
    fold = "times"
    divided_by = "divided by"
    equals = "equals"
    less = "less than"
    greater = "greater than"
    ampersand = "and"
    at = "at"
    degree = Name("degree", "degrees")
    dot = "dot"
    mail_at = "at"
    hyphen = "dash"
    underscore = "underscore"
    slash = "slash"
    colon = "colon"
    hashtag = "hashtag"
    star_key = "star"
    pound_key = "pound"
    squared = "squared"
    cubed = "cubed"
    half = "one half"
    and_half = "and a half"
    all_day = "twenty-four seven"
    version = "version"
    version_mark = "point"
    cents_joint = "and"
    currencies = {
        "USD": Currency(Name("dollar", "dollars"), _CENT),
        "CAD": Currency(Name("Canadian dollar", "Canadian dollars"), _CENT),
        "AUD": Currency(Name("Australian dollar", "Australian dollars"), _CENT),
        "EUR": Currency(Name("euro", "euros"), _CENT),
        "GBP": Currency(Name("pound", "pounds"), Name("penny", "pence")),
        "BRL": Currency(Name("real", "reais"), Name("centavo", "centavos")),
        "MXN": Currency(Name("Mexican peso", "Mexican pesos"), Name("centavo", "centavos")),
        "INR": Currency(Name("rupee", "rupees"), Name("paisa", "paise")),
        "JPY": Currency(Name("yen", "yen")),
        "CHF": Currency(Name("Swiss franc", "Swiss francs"), _CENT),
        "KRW": Currency(Name("won", "won")),
        "CNY": Currency(Name("yuan", "yuan")),
        "RUB": Currency(Name("ruble", "rubles")),
    }
    scales = {
        "k": "thousand", "K": "thousand", "thousand": "thousand",
        "m": "million", "M": "million", "mn": "million", "mil": "million", "mm": "million", "MM": "million",
        "million": "million",
        "b": "billion", "B": "billion", "bn": "billion", "billion": "billion",
        "T": "trillion", "tn": "trillion", "trillion": "trillion",
    }  # fmt: skip
    units = {
        "mph": "speed-mile-per-hour", "mi": "length-mile", "ft": "length-foot", "yd": "length-yard", "lb": "mass-pound",
        "lbs": "mass-pound", "oz": "mass-ounce", "gal": "volume-gallon", "fl oz": "volume-fluid-ounce",
        "sq ft": "area-square-foot", "ft²": "area-square-foot", "sq mi": "area-square-mile", "hr": "duration-hour",
        "hrs": "duration-hour", "mins": "duration-minute", "sec": "duration-second", "secs": "duration-second",
        "mpg": "consumption-mile-per-gallon", "kph": "speed-kilometer-per-hour",
        "tbsp": "volume-tablespoon", "tsp": "volume-teaspoon", "psi": "pressure-pound-force-per-square-inch",
    }  # fmt: skip
    rates = {
        "mo": "month", "month": "month", "yr": "year", "year": "year", "hr": "hour", "hour": "hour", "h": "hour",
        "wk": "week", "week": "week", "day": "day", "d": "day", "min": "minute", "minute": "minute", "s": "second",
        "sec": "second", "second": "second", "lb": "pound", "kg": "kilogram", "gal": "gallon", "ea": "each",
        "person": "person", "night": "night", "nt": "night", "unit": "unit", "mile": "mile", "km": "kilometer",
        "ml": "milliliter",
        "l": "liter", "dl": "deciliter", "dose": "dose", "sq ft": "square foot", "oz": "ounce", "m²": "square meter",
        "m2": "square meter", "m³": "cubic meter", "m3": "cubic meter", "m": "meter", "cm": "centimeter",
        "user": "user", "call": "call", "GB": "gigabyte", "kwh": "kilowatt hour", "visit": "visit", "item": "item",
        "qt": "quart", "s²": "second squared", "s2": "second squared",
        "qtr": "quarter", "pp": "person", "kWh": "kilowatt hour", "customer": "customer", "guest": "guest",
        "household": "household",
        "ft²": "square foot", "ft2": "square foot", "sqft": "square foot", "room": "room", "child": "child",
        "page": "page", "class": "class", "session": "session",
    }  # fmt: skip
    abbreviations = {
        "Mrs.": "Missus", "Ms.": "Miz", "Mr.": "Mister", "Mr": "Mister", "Mrs": "Missus", "Messrs.": "Messers",
        "Jr.": "Junior", "Jr": "Junior", "e.g.": "for example", "i.e.": "that is", "etc.": "et cetera",
        "etc": "et cetera", "vs.": "versus", "vs": "versus", "approx.": "approximately", "dept.": "department",
        "Dept.": "Department", "appt.": "appointment", "Appt.": "Appointment", "Inc.": "Incorporated",
        "Ltd.": "Limited", "Corp.": "Corporation", "Bros.": "Brothers", "Ave.": "Avenue", "Ave": "Avenue",
        "Blvd.": "Boulevard", "Blvd": "Boulevard", "Rd.": "Road", "Hwy.": "Highway", "Hwy": "Highway",
        "Pkwy.": "Parkway", "Pkwy": "Parkway", "w/o": "without", "w/": "with", "w/in": "within",
        "approx": "approximately", "a.k.a.": "also known as",
        "est.": "estimated", "incl.": "including", "excl.": "excluding", "Tel.": "Telephone", "tel.": "telephone",
        "misc.": "miscellaneous", "assoc.": "associate", "Univ.": "University",
        "b/c": "because", "AT&T": "A T and T", "C#": "C sharp", "Co.": "Company", "qty": "quantity", "qty.": "quantity",
        "appt": "appointment", "appts": "appointments", "acct.": "account", "conf.": "confirmation",
        "pkg": "package", "pls.": "please", "BID": "twice a day", "TID": "three times a day",
        "QID": "four times a day", "QD": "once a day", "ea.": "each",
        "p/u": "pick up", "d/o": "drop off", "pw": "password",
        "prn": "as needed", "PRN": "as needed", "pls": "please", "betw.": "between", "exp.": "expires",
        "s/n": "serial number", "msg": "message",
        "lic.": "license", "avail.": "available", "mtg.": "meeting", "mtg": "meeting", "eff.": "effective",
        "stn.": "station", "Accts.": "Accounts", "accts.": "accounts", "bal.": "balance", "flt.": "flight",
        "Flt.": "Flight", "Avg.": "Average",
        "avg.": "average", "Pls": "Please", "plz": "please", "Sq. footage": "Square footage",
        "Bldg.": "Building", "bldg.": "building", "Mgmt.": "Management", "mgmt.": "management", "mgmt": "management",
        "Mgr.": "Manager", "mgr.": "manager", "Asst.": "Assistant", "asst.": "assistant", "Intl.": "International",
        "Int'l": "International", "Nat'l": "National", "Gov't": "Government", "gov't": "government",
        "Ctr.": "Center", "inc.": "including", "opp.": "opposite", "addr.": "address", "Approx.": "Approximately",
        "Attys.": "Attorneys", "Atty.": "Attorney", "blt.": "built", "btw.": "between", "Ctr": "Center",
        "Cty.": "County", "mi. marker": "mile marker", "ctr.": "center",
        "Hosp.": "Hospital", "Assn.": "Association", "Mfg.": "Manufacturing",
        "Svcs.": "Services", "Svc.": "Service", "Div.": "Division", "Lg.": "Large", "Sm.": "Small",
        "lg.": "large", "sm.": "small", "ret.": "retired", "Esq.": "Esquire", "Esq": "Esquire", "btwn": "between",
        "COB": "close of business", "EOD": "end of day", "EOW": "end of week", "EOM": "end of month",
        "acc.": "account", "Qty": "Quantity", "Appt": "Appointment",
        "ATTN": "Attention", "S/N": "serial number", "P/N": "part number", "h/o": "history of", "f/u": "follow up",
        "Utd": "United", "agg.": "aggregate", "qtr.": "quarter",
        "qtr": "quarter", "arr.": "arrives", "dep.": "departs", "acct": "account", "b/w": "between",

        "c/o": "care of", "attn": "attention", "Attn": "Attention", "thru": "through",
        "N/A": "not applicable", "n/a": "not applicable",
    }  # fmt: skip
    titles = {
        "Dr.": "Doctor", "Dr": "Doctor", "St.": "Saint", "St": "Saint", "Prof.": "Professor", "Gov.": "Governor",
        "Sen.": "Senator", "Rep.": "Representative", "Gen.": "General", "Maj.": "Major", "Cllr.": "Councillor",
        "Cllr": "Councillor", "Capt.": "Captain",
        "Col.": "Colonel",
        "Lt.": "Lieutenant", "Sgt.": "Sergeant", "Rev.": "Reverend", "Hon.": "Honorable", "Pres.": "President",
        "Mt.": "Mount", "Ft.": "Fort", "Sr.": "Senior", "Pt.": "Point", "nr.": "near", "Vit.": "Vitamin",
        "vit.": "vitamin",
    }  # fmt: skip
    before_number = {
        "No.": "number", "no.": "number", "Nos.": "numbers", "nos.": "numbers", "Nr.": "number", "#": "number",
        "Fig.": "figure", "fig.": "figure", "p.": "page", "pp.": "pages", "pg.": "page", "Vol.": "volume",
        "vol.": "volume", "Ch.": "chapter", "ch.": "chapter", "apts.": "apartments", "Apt.": "apartment",
        "apt.": "apartment",
        "Apt": "apartment", "Ste.": "suite", "Ste": "suite", "Rm.": "room", "Ext.": "extension", "ext.": "extension",
        "ext": "extension", "v.": "version", "ver.": "version", "Ver.": "version", "rev.": "revision",
        "Rev.": "revision",
        "Yr": "year", "Blk": "block", "Blk.": "block", "par.": "paragraph", "para.": "paragraph", "sz.": "size",
        "Sz.": "size", "grp.": "group", "exp": "expires",
        "Jct.": "junction", "Jct": "junction", "Plat.": "platform", "Inv.": "invoice", "inv.": "invoice",
        "dep": "departs", "arr": "arrives", "rm.": "room", "plat.": "platform",
        "Sec.": "section", "sec.": "section", "Art.": "article",
    }  # fmt: skip
    months = {
        "Jan": 1, "Feb": 2, "Mar": 3, "Apr": 4, "Jun": 6, "Jul": 7, "Aug": 8, "Sep": 9, "Sept": 9, "Oct": 10,
        "Nov": 11, "Dec": 12,
    }  # fmt: skip
    code_words = (
        r"code|PIN|pin|passcode|password|ZIP|zip|account|order|reference|confirmation|ticket|case|ID|invoice|tracking|"
        r"policy|routing|serial|member|membership|reservation|booking|extension|CVV|cvv|card|ending in|ends in|"
        r"(?:card|account|acct|number|visa|amex) ending|ending with|ends with|PO|"
        r"telephone|fax|cell|mobile|starting with|OTP|token|PNR|TAN|voucher|last four(?: digits)?|digits|"
        r"docket|citation|permit|badge|CPT|NDC|IMEI|MRN|NPI|EIN|UPC|RMA|flight|claim|SSN|phone|number"
    )
    short_code_words = r"call|dial|text|code|PIN|pin|passcode|CVV|ID|extension|ext"
    date_words = (
        r"monday|tuesday|wednesday|thursday|friday|saturday|sunday|on|"
        r"between|week of|as of|thru|through|by|until|before|after|since|from|for|date|due|expires|expiring"
    )
    alphabet = {
        word[0]: word
        for word in (
            "Alpha Bravo Charlie Delta Echo Foxtrot Golf Hotel India Juliet Kilo Lima Mike November Oscar Papa Quebec "
            "Romeo Sierra Tango Uniform Victor Whiskey X-ray Yankee Zulu"
        ).split()
    }
    as_in = "{letter} as in {word}"
    kings = (
        "Henry|Louis|Elizabeth|George|Charles|Edward|William|James|Richard|John Paul|Pius|Benedict|Leo|Philip|"
        "Alexander|Napoleon|Catherine|Frederick|Nicholas|Mary|Pope John"
    )
    last_ordinal_king = 399
    before_roman = (
        "[Cc]hapter|[Pp]art|[Vv]olume|World War|[Pp]hase|[Aa]ct|[Tt]itle|[Aa]rticle|[Ss]ection|[Tt]ype|[Ll]evel|"
        "Super Bowl|[Cc]lass|[Bb]ook|[Aa]ppendix|[Tt]ier|[Ss]tage|[Gg]rade|[Ee]pisode|[Ss]eason|[Ss]chedule"
    )
    not_nouns = frozenset()

    def initials(self, word: str) -> str:
        return super().initials(word) if word.lower() in _WORDS else word.upper()

    def plain(self, number: int) -> str:
        return super().plain(number).replace(",", "").replace(" and ", " ")

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return spelled(number, "en", "ordinal").replace(",", "").replace(" and ", " ")

    def decimals(self, fraction: str) -> str:
        return self.spell_digits(fraction)

    def is_one(self, written: Written) -> bool:
        return written.whole == 1 and not written.fraction

    def year(self, year: int) -> str:
        if not 1100 <= year < 10_000 or 2000 <= year < 2010 or year % 1000 == 0:
            return self.cardinal(year)
        return self.pairs(year)

    def pairs(self, number: int) -> str:
        """Three or four digits as two numbers: "nineteen oh five", "one twenty-three"."""
        high, low = divmod(number, 100)
        if low == 0:
            return f"{self.cardinal(high)} hundred"
        return f"{self.cardinal(high)} {'oh ' if low < 10 else ''}{self.cardinal(low)}"

    def place_number(self, digits: str) -> str:
        """The number of a house, a room, a road: three and four digits in pairs, more of them one by one."""
        number = int(digits)
        if len(digits) > 4 or (digits[0] == "0" and number):
            return self.spell_digits(digits)
        if len(digits) < 3 or number % 1000 == 0 or (number < 1000 and number % 100 == 0):
            return self.cardinal(number)
        return self.pairs(number)

    def decade(self, decade: int) -> str:
        """The nineties, the nineteen nineties, the two thousands."""
        if decade and decade % 100 == 0:
            return f"{self.cardinal(decade) if decade % 1000 == 0 else self.pairs(decade)}s"
        tens = "tens" if decade % 100 == 10 else f"{_TENS[decade % 100 // 10].removesuffix('y')}ies"
        return f"{self.cardinal(decade // 100)} {tens}" if decade >= 100 else tens

    def fraction(self, above: int, below: int) -> str | None:
        if below not in _PARTS:
            return None
        part = _PARTS[below]
        plural = {"half": "halves"}.get(part, f"{part}s")
        return f"{self.cardinal(above)} {part if above == 1 else plural}"

    def mixed(self, whole: int, above: int, below: int) -> str:
        said = super().mixed(whole, above, below)
        if (above, below) == (1, 2) or above != 1:
            return said
        return said.replace(" and one ", " and an " if below == 8 else " and a ")

    def numbered_name(self, name: str, number: int) -> str | None:
        return f"{name} the {self.ordinal(number)}" if number > 1 else None

    def day(self, day: int) -> str:
        return self.ordinal(day)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.month(month)} {self.day(day)}"
        return f"{said}, {self.year(year)}" if year is not None else said

    def unit_name(self, name: str) -> str:
        """A unit as the region spells it."""
        return name

    def month_and_day(self, month: str, days: str) -> str:
        """A month with one day or a range of days, all in words."""
        return f"{month} {days}"

    def exact_clock(self, hour: int, minute: int, second: int, half: str) -> str:
        if hour <= 12:
            return super().exact_clock(hour, minute, second, half)
        counts = [(hour, "hour"), (minute, "minute"), (second, "second")]
        hours, minutes, seconds = (
            f"{self.cardinal(count)} {unit}{'' if count == 1 else 's'}" for count, unit in counts
        )
        return f"{hours} {minutes} and {seconds}"

    def clock(self, hour: int, minute: int, half: str) -> str:
        suffix = f" {half.upper()}" if half else ""
        if minute:
            minutes = f"oh {self.cardinal(minute)}" if minute < 10 else self.cardinal(minute)
            return f"{self.cardinal(hour)} {minutes}{suffix}"
        if suffix:
            return f"{self.cardinal(hour)}{suffix}"
        if hour in (0, 24):
            return "midnight"
        return f"{self.cardinal(hour)} hundred" if hour > 12 else f"{self.cardinal(hour)} o'clock"
