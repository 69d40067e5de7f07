"""Russian."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

from telephony.text.normalization.language import Form, Language, Name, Written
from telephony.text.normalization.rules import Rule, Stage
from telephony.text.normalization.russian import dates, numbers, numerals, tables, words
from telephony.text.normalization.russian.tables import Counted

_PARTS = {1: ("десятая", "десятых"), 2: ("сотая", "сотых"), 3: ("тысячная", "тысячных")}


class Russian(Language):
    """Russian. A number stands in the nominative, unless a word before it asks for another case."""

    locale = "ru"
    speller = "ru"
    regions = ("RU", "KZ", "BY")

    digits = ("ноль", "один", "два", "три", "четыре", "пять", "шесть", "семь", "восемь", "девять")
    minus = "минус"
    plus = "плюс"
    point = "целых"
    to = "до"
    over = "дробь"
    per = "в"
    percent = "процентов"
    permille = "промилле"
    number_sign = "номер"
    section = "параграф"
    about = "примерно"
    times = "умножить на"
    fold = "раза"
    divided_by = "разделить на"
    equals = "равно"
    less = "меньше"
    greater = "больше"
    ampersand = "и"
    at = "собака"
    degree = Counted("градус", "градусов", "градуса")
    dot = "точка"
    mail_at = "собака"
    hyphen = "дефис"
    underscore = "нижнее подчёркивание"
    slash = "слэш"
    colon = "двоеточие"
    hashtag = "хэштег"
    star_key = "звёздочка"
    pound_key = "решётка"
    squared = "в квадрате"
    cubed = "в кубе"
    half = "половина"
    and_half = "с половиной"
    all_day = "круглосуточно, без выходных"
    version = "версия"
    cents_joint = ""
    currencies = tables.CURRENCIES
    scales = tables.SCALES
    units = {}
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = {"Dr.": "доктор"}
    before_number = tables.BEFORE_NUMBER
    months = tables.MONTHS
    code_words = (
        r"код подтверждения|код доступа|код из СМС|номер заказа|номер карты|номер счёта|номер договора|код|"
        r"кода|кодом|пин|пин-код|пароль|заказ|заказа|счёт|счета|счет|карта|карты|договор|договора|полис|билет|"
        r"бронь|бронирование|бронирования|рейс|индекс|телефон|номер|номером|цифры|заканчивается на|добавочный|заявка|"
        r"заявки|трек-номер|паспорт|ИНН|КПП|ОГРН|СНИЛС|БИК"
    )
    short_code_words = r"код|пин-код|пин|добавочный|CVV|наберите|индекс"
    date_words = r"на|до|с|по|от|к|дата|после"
    kings = "Пётр|Екатерина|Николай|Александр|Иван|Павел|Людовик|Генрих|Карл|Елизавета|Наполеон|Иоанн Павел|Бенедикт"
    queens = frozenset({"Екатерина", "Елизавета"})
    last_ordinal_king = 399
    before_roman = "[Гг]лава|[Чч]асть|[Тт]ом|[Тт]ип|[Фф]аза|[Уу]ровень"
    not_nouns = frozenset("и в на с по до от к за из или не это но а у о для что как".split())

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return words.rules(self)
        if stage is Stage.CODES:
            return [
                *numbers.code_rules(),
                *words.flight_rules(self),
                *words.ordinal_rules(self),
                *numbers.phone_rules(self),
            ]
        if stage is Stage.MONEY:
            return numbers.rules(self)
        if stage is Stage.DATES:
            return dates.rules(self)
        if stage is Stage.RANGES:
            return [*numbers.range_rules(self), *dates.time_rules(self)]
        if stage is Stage.DIGITS:
            return numbers.count_rules(self)
        if stage is Stage.SYMBOLS:
            return words.stroke_rules(self)
        return []

    def plain(self, number: int) -> str:
        return numerals.cardinal(number)

    def agree(self, words: str, number: int, form: Form) -> str:
        return numerals.cardinal(number, gender="f") if form == "feminine" else words

    def ordinal(self, number: int, feminine: bool = False) -> str:
        return numerals.ordinal(number, gender="f" if feminine else "m")

    def is_feminine(self, noun: str) -> bool:
        return noun in tables.FEMININE or noun.endswith(("а", "я"))

    def number(self, written: Written, form: Form = "count") -> str:
        """Decimals are so many tenths, hundredths or thousandths."""
        if not written.fraction:
            return self.cardinal(written.whole, form)
        fraction = written.fraction if len(written.fraction) <= 3 else written.fraction.rstrip("0")
        if len(fraction) not in _PARTS:
            return f"{self.cardinal(written.whole)} запятая {self.spell_digits(written.fraction)}"
        whole = self.cardinal(written.whole, "feminine")
        one, many = _PARTS[len(fraction)]
        above = int(fraction)
        part = one if above % 10 == 1 and above % 100 != 11 else many
        full = "целая" if written.whole % 10 == 1 and written.whole % 100 != 11 else "целых"
        return f"{whole} {full} {self.cardinal(above, 'feminine')} {part}"

    def counted(self, written: Written, name: Name) -> str:
        return self.counted_in("n", written, name)

    def counted_in(self, case: str, written: Written, name: Name) -> str:
        """A number in a case, with what it counts as far as that is known: nominative, or genitive.

        Args:
            case: "n" or "g".
            written: the number.
            name: what it counts.
        """
        few = name.few if isinstance(name, Counted) else name.many
        if written.fraction.strip("0"):
            if written.fraction == "5" and written.whole < 1000:
                return f"{self.and_a_half(written.whole, name)} {few}"
            return f"{self.number(written)} {few}"
        number = written.whole
        gender = (
            "f" if self.is_feminine(name.one.split()[-1] if " в " not in name.one else name.one.split()[0]) else "m"
        )
        one = number % 10 == 1 and number % 100 != 11
        some = number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14)
        said = numerals.cardinal(number, case, gender)
        if case == "g":
            return f"{said} {few if one else name.many}"
        return f"{said} {name.one if one else few if some else name.many}"

    def and_a_half(self, whole: int, name: Name) -> str:
        """A whole number and a half, as people say it."""
        feminine = self.is_feminine(name.one.split()[0])
        if whole == 1:
            return "полторы" if feminine else "полтора"
        if whole == 0:
            return "ноль целых пять десятых"
        return f"{self.cardinal(whole, 'feminine' if feminine else 'masculine')} с половиной"

    def unit(self, cldr: str) -> Name:
        return numerals.unit(cldr)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        currency = self.currency(code)
        if scale:
            many = currency.unit.many
            return f"{self.counted(written, tables.SCALE_NOUNS[self.scales[scale]])} {many}"
        if written.fraction and len(written.fraction) <= 2:
            return super().money(written, code).replace("  ", " ")
        return super().money(written, code)

    def scaled_number(self, written: Written, scale: str) -> str:
        return self.counted(written, tables.SCALE_NOUNS[self.scales[scale]])

    def before_noun(self, written: Written, noun: str) -> str:
        """One and two agree with what they count."""
        if written.fraction == "5" and noun.endswith(("а", "я", "ы", "и")):
            genitive = Name(noun[:-1] + "а" if noun.endswith(("ы", "и")) else noun[:-1], noun)
            return self.and_a_half(written.whole, genitive)
        if written.fraction or not noun or noun.lower() in self.not_nouns:
            return self.number(written)
        return numerals.cardinal(written.whole, gender=numerals.gender_of(noun.lower(), written.whole))

    def fraction(self, above: int, below: int) -> str | None:
        special = {
            (1, 2): "одна вторая",
            (1, 3): "одна треть",
            (2, 3): "две трети",
            (1, 4): "одна четверть",
            (3, 4): "три четверти",
        }
        if (above, below) in special:
            return special[above, below]
        if not 2 < below <= 100:
            return None
        part = numerals.ordinal(below, gender="f") if above == 1 else numerals.ordinal(below, "g", plural=True)
        return f"{self.cardinal(above, 'feminine')} {part}"

    def mixed(self, whole: int, above: int, below: int) -> str:
        if (above, below) == (1, 2):
            return "полтора" if whole == 1 else f"{self.cardinal(whole)} {self.and_half}"
        return f"{self.cardinal(whole)} и {self.fraction(above, below)}"

    def year(self, year: int) -> str:
        return numerals.ordinal(year, "g")

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{numerals.ordinal(day, 'g')} {self.month(month)}"
        return f"{said} {self.year(year)} года" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        part = ""
        if half:
            part = " ночи" if half == "am" and hour in (12, 1, 2, 3) else " утра" if half == "am" else ""
            part = part or (" дня" if hour in (12, 1, 2, 3, 4) else " вечера")
        if minute:
            past = f"ноль {self.cardinal(minute)}" if minute < 10 else self.cardinal(minute)
            return f"{self.cardinal(hour)} {past}{part}"
        return f"{self.cardinal(hour)}{part}" if part else self.counted(Written(hour), tables.HOUR)

    def exact_clock(self, hour: int, minute: int, second: int, half: str) -> str:
        parts = [self.counted(Written(hour), tables.HOUR), self.counted(Written(minute), tables.WORDS["мин"])]
        return " ".join([*parts, self.counted(Written(second), tables.WORDS["сек"])])
