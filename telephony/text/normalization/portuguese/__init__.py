"""Portuguese, of Brazil and of Portugal."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization.language import Currency, Form, Name, Written, spelled
from telephony.text.normalization.portuguese import agreement, measures, papers, tables, times, words
from telephony.text.normalization.romance import Romance
from telephony.text.normalization.rules import Rule, Stage


class Portuguese(Romance):
    """Brazilian Portuguese."""

    locale = "pt_BR"
    speller = "pt_BR"
    regions = ("BR", "PT")

    digits = ("zero", "um", "dois", "três", "quatro", "cinco", "seis", "sete", "oito", "nove")
    minus = "menos"
    plus = "mais"
    point = "vírgula"
    to = "a"
    over = "sobre"
    per = "por"
    percent = "por cento"
    permille = "por mil"
    number_sign = "número"
    section = "parágrafo"
    about = "cerca de"
    times = "vezes"
    fold = "vezes"
    divided_by = "dividido por"
    equals = "igual a"
    less = "menor que"
    greater = "maior que"
    ampersand = "e"
    at = "arroba"
    degree = Name("grau", "graus")
    dot = "ponto"
    mail_at = "arroba"
    hyphen = "hífen"
    underscore = "sublinhado"
    slash = "barra"
    colon = "dois pontos"
    hashtag = "hashtag"
    star_key = "asterisco"
    pound_key = "jogo da velha"
    squared = "ao quadrado"
    cubed = "ao cubo"
    half = "meio"
    and_half = "e meio"
    all_day = "vinte e quatro horas por dia, sete dias por semana"
    version = "versão"
    cents_joint = "e"
    of_scale = " de"
    currencies = tables.CURRENCIES
    scales = {
        "mil": "mil", "k": "mil", "K": "mil", "mi": "milhões", "M": "milhões", "milhão": "milhão",
        "milhões": "milhões", "bi": "bilhões", "bilhão": "bilhão", "bilhões": "bilhões",
    }  # fmt: skip
    units = tables.UNITS
    rates = tables.RATES
    abbreviations = tables.ABBREVIATIONS
    titles = tables.TITLES
    before_number = tables.BEFORE_NUMBER
    weekdays = tables.WEEKDAYS
    weekdays_to = "a"
    hours_from = "das"
    hours_to = "às"
    range_words = "de|da|das|do|entre|a|à|às|até|desde"
    time_words = (
        "às|as|das|à|até as|até às|antes das|depois das|após as|partir das|entre as|sai|chega|saída|chegada|são"
    )
    opening_words = "horário|funcionamento|expediente|atendimento|aberto|aberta|abre"
    before_one = {"às": "à", "das": "da", "as": "a"}
    hour_words = r"horas?|hrs?|hs|h"
    and_words = "e|ou"
    of_month = " de "
    of_year = " de "
    in_month = "em"
    month_words = "em|de|até|desde|para|a|entre|e"
    expiry_words = "fabricação|validade|válido|válida|vence|vencimento|expira|vencendo"
    part_words = (
        "IPTU|IPVA|cota|anuidade|parcela|parcelas|página|etapa|passo|parte|prestação|tentativa|capítulo|episódio"
    )
    part_of = "de"
    pressure_words = "pressão|PA"
    pressure_over = "por"
    currency_signs = tables.CURRENCY_SIGNS
    cent_signs = "cts?|cênt|cent"
    text_verbs = "envie|mande|responda|texto|mensagem|enviar|mandar"
    text_to = "para|ao|a"
    call_words = "ligue|disque|ligar|discar|chame|telefone"
    extension_words = r"ramal|ramais|ext\.|extensão|r\."
    extension = "ramal"
    document_words = (
        "CPF|CNPJ|RG|NIF|NISS|PIS|CNH|RENAVAM|SUS|título de eleitor|cartão de cidadão|passaporte|inscrição estadual|"
        "código de barras|IBAN|NIB|utente"
    )
    named_words = (
        "código|codigo|localizador|reserva|senha|protocolo|pedido|placa|chassi|série|serial|voucher|cupom|bilhete|"
        "sinistro|rastreio|rastreamento|referência|ordem|modelo|apólice|matrícula|contrato|chave|encomenda|passaporte"
    )
    named_joint = "de|do|da|é|número|nº|n|o|seu|sua|promocional"
    flight_words = "voo|voos|vôo"
    road_words = "BR|SP|RJ|MG|PR|SC|RS|A|N|IC|IP|EN"
    ending_in = "final"
    every = "a cada|cada|c/"
    per_amount = "a cada"
    times_a = "por"
    once = "uma vez"
    either = "ou"
    century_words = r"séc\.|sec\.|século|séculos"
    articles = "o |a |do |da |no |na |ao |à |pelo |pela "
    plate_words = "placa|placas|matrícula|matrículas"
    year_words = "ano|Ano"
    thousand_words = "mil"
    extremes = {
        "máx": ("máximo", "máxima"), "mín": ("mínimo", "mínima"), "max": ("máximo", "máxima"), "min": ("mínimo",
        "mínima"),
    }  # fmt: skip
    by = "por"
    score_words = "jogo|resultado|partida|venceu|ganhou|placar|perdeu|terminou|empatou|vitória|derrota|final"
    out_of = "de"
    street_words = "Rua|Avenida|Alameda|Travessa|Praça|Estrada|Rodovia|Largo"
    post_code = r"\d{5}-\d{3}|\d{4}-\d{3}"
    half_of = {"masculine": "meio", "feminine": "meia"}
    and_half_of = {"masculine": "e meio", "feminine": "e meia"}
    spoken_units = tables.SPOKEN_UNITS
    months = tables.MONTHS
    code_words = (
        r"código|codigo|PIN|senha|conta|agência|pedido|referência|protocolo|CPF|CNPJ|RG|NIF|CEP|cartão|reserva|bilhete|"
        r"fatura|nota|rastreio|rastreamento|"
        r"matrícula|ramal|apólice|voo|final|token|OTP|terminad[oa] em|"
        r"chamado|porta|nota fiscal|(?:conta|cartão|número) termina em|dígitos|telefone|celular|número"
    )
    short_code_words = r"ligue|disque|código|codigo|PIN|senha|CVV|ramal"
    date_words = r"dia|em|até|desde|antes de|depois de|após|de|data|vence|vencimento"
    alphabet = tables.ALPHABET
    as_in = "{letter} de {word}"
    kings = (
        "Vaticano|Elizabeth|Maria|Pedro|João|Afonso|Manuel|Luís|Henrique|Bento|João Paulo|Filipe|Carlos|Isabel|Napoleão"
    )
    queens = frozenset({"Isabel", "Elizabeth", "Maria"})
    last_ordinal_king = 10
    before_roman = (
        "[Ii]nciso|[Aa]rtigo|[Aa]to|[Cc]apítulo|[Ss]éculo|[Pp]arte|[Vv]olume|"
        "[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ivro"
    )
    named_versions = f"{Romance.named_versions}|versão|artigo|USB|HDMI|Bluetooth|macOS|Java"
    not_nouns = frozenset(
        "apenas ainda fora acima abaixo "
        "de do da dos das em no na nos nas e ou ao aos para pra por com sem a o as os que é são foi mas mil milhão "
        "milhões vezes mais menos está se vírgula ponto até agora ontem hoje amanhã "
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()
    ) - {"vezes"}

    def rules(self, stage: Stage) -> list[Rule]:
        return [*self._own_rules(stage), *super().rules(stage)]

    def _own_rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.WORDS:
            return [*words.rules(self), *times.word_rules(self), *measures.word_rules(self)]
        if stage is Stage.CODES:
            return papers.rules(self)
        if stage is Stage.MONEY:
            return measures.money_rules(self)
        if stage is Stage.DATES:
            return [*measures.date_rules(self), *times.date_rules(self)]
        if stage is Stage.MEASURES:
            return measures.scaled_rules(self)
        if stage is Stage.TIMES:
            return times.time_rules(self)
        if stage is Stage.ORDINALS:
            return measures.ordinal_rules(self)
        if stage is Stage.NUMBERS:
            return [*measures.number_rules(self), *agreement.rules(self)]
        return []

    def plain(self, number: int) -> str:
        return super().plain(number).replace(",", "")

    def agree(self, words: str, number: int, form: Form) -> str:
        if form != "feminine":
            return words
        # Millions are nouns of their own, and masculine.
        head, tail = _split_millions(words)
        tail = re.sub(r"\bum\b", "uma", re.sub(r"\bdois\b", "duas", tail))
        return head + re.sub(r"entos\b", "entas", tail)

    def ordinal(self, number: int, feminine: bool = False) -> str:
        words = spelled(number, self.speller, "ordinal")
        return re.sub(r"o\b", "a", words) if feminine else words

    def is_feminine(self, noun: str) -> bool:
        if noun in tables.MASCULINE:
            return False
        return noun in tables.FEMININE or noun.endswith(tables.FEMININE_ENDINGS)

    def money(self, written: Written, code: str, scale: str = "") -> str:
        if not scale and not written.decimal:  # nothing is plural, though a half is not
            return f"{self.cardinal(0)} {self.currency(code).unit.many}"
        return super().money(written, code, scale)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        return word.replace("ões", "ão") if written.whole < 2 else word

    def linked(self, noun: str) -> str:
        return f" de {noun}"

    def before_noun(self, written: Written, noun: str) -> str:
        form = self.form_for(noun)
        if written != Written(1) and not noun.endswith("s"):
            form = "count"  # what follows is no plural, be it a verb: "o 432 passa"
        if written.fraction and form == "count":
            return f"{self.cardinal(written.whole)} {self.point} {self.spell_digits(written.fraction)}"
        return self.number(written, form)

    def fraction(self, above: int, below: int) -> str | None:
        if (above, below) == (1, 2):
            return "meio"
        plural = "s" if above > 1 else ""
        if below in tables.PARTS:
            return f"{self.cardinal(above)} {tables.PARTS[below]}{plural}"
        if below in (100, 1000):
            return f"{self.cardinal(above)} {'centésimo' if below == 100 else 'milésimo'}{plural}"
        return f"{self.cardinal(above)} {self.cardinal(below)} avo{plural}" if below > 10 else None

    def time_range(self, begin: str, low: str, high: str) -> str:
        return super().time_range(begin, low.removesuffix(" horas"), high)

    def century(self, number: int) -> str:
        return f"século {self.cardinal(number) if number > 10 else self.ordinal(number)}"

    def height(self, metres: int, centimetres: str) -> str:
        rest = int(centimetres)
        said = self.counted(Written(metres), Name("metro", "metros"))
        return f"{said} e {self.cardinal(rest)}" if rest else said

    def day(self, day: int) -> str:
        return "primeiro" if day == 1 else self.cardinal(day)

    def date(self, day: int, month: int, year: int | None) -> str:
        said = f"{self.day(day)} de {self.month(month)}"
        return f"{said} de {self.year(year)}" if year is not None else said

    def clock(self, hour: int, minute: int, half: str) -> str:
        said = self.cardinal(hour, "feminine")
        if half:
            part = "da manhã" if half == "am" else "da tarde" if hour in (12, 1, 2, 3, 4, 5, 6) else "da noite"
            return f"{said} e {self.cardinal(minute)} {part}" if minute else f"{said} {part}"
        hours = f"{said} {'hora' if hour == 1 else 'horas'}"
        return f"{hours} e {self.cardinal(minute)}" if minute else hours


class EuropeanPortuguese(Portuguese):
    """Portuguese of Portugal."""

    locale = "pt_PT"
    pound_key = "cardinal"
    speller = "pt"
    regions = ("PT", "BR")
    abbreviations = {
        **Portuguese.abbreviations, "R/C": "rés do chão", "r/c": "rés do chão", "Dto.": "Direito", "dto.": "direito",
        "Esq.": "Esquerdo", "esq.": "esquerdo", "Fte.": "Frente", "telem.": "telemóvel", "Telem.": "Telemóvel",
    }  # fmt: skip
    currencies = Portuguese.currencies | {"EUR": Currency(Name("euro", "euros"), tables.CENTIMO)}

    def is_one(self, written: Written) -> bool:
        return written == Written(1)

    def day(self, day: int) -> str:
        return self.cardinal(day)

    def clock(self, hour: int, minute: int, half: str) -> str:
        return (
            super().clock(hour, minute, half)
            if half or not minute
            else (f"{self.cardinal(hour, 'feminine')} e {self.cardinal(minute)}")
        )


def _split_millions(words: str) -> tuple[str, str]:
    last = max((match.end() for match in re.finditer(r"\w+lh(?:ão|ões)\b|\w+li(?:ão|ões)\b", words)), default=0)
    return words[:last], words[last:]
