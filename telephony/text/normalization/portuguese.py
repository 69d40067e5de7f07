"""Portuguese, of Brazil and of Portugal."""

# What each method and each table is for is said where Language declares it; the tables are never changed.
# ruff: noqa: D102, RUF012
from __future__ import annotations

import re

from telephony.text.normalization import romance
from telephony.text.normalization.language import Currency, Form, Language, Name, Written, spelled
from telephony.text.normalization.rules import Rule, Stage

_CENT = Name("centavo", "centavos")
_CENTIMO = Name("cêntimo", "cêntimos")
_PARTS = {
    2: "meio",
    3: "terço",
    4: "quarto",
    5: "quinto",
    6: "sexto",
    7: "sétimo",
    8: "oitavo",
    9: "nono",
    10: "décimo",
}
_MASCULINE = frozenset(
    "dia dias problema problemas sistema sistemas programa programas mapa mapas tema temas planeta planetas "
    "grama gramas quilograma quilogramas miligrama miligramas idioma idiomas "
    "telefonema telefonemas cinema cinemas".split()
)
_FEMININE = frozenset("vez vezes noite noites parte partes chave chaves classe classes mulher mulheres".split())
_FEMININE_ENDINGS = ("a", "as", "ção", "ções", "são", "sões", "dade", "dades", "gem", "gens")


class Portuguese(Language):
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
    currencies = {
        "BRL": Currency(Name("real", "reais"), _CENT),
        "USD": Currency(Name("dólar", "dólares"), _CENT),
        "EUR": Currency(Name("euro", "euros"), _CENT),
        "GBP": Currency(Name("libra", "libras"), Name("pêni", "pence")),
        "JPY": Currency(Name("iene", "ienes")),
        "CHF": Currency(Name("franco suíço", "francos suíços"), _CENT),
        "AOA": Currency(Name("kwanza", "kwanzas"), _CENTIMO),
        "MZN": Currency(Name("metical", "meticais"), _CENT),
    }
    scales = {
        "mil": "mil", "k": "mil", "K": "mil", "mi": "milhões", "M": "milhões", "milhão": "milhão",
        "milhões": "milhões", "bi": "bilhões", "bilhão": "bilhão", "bilhões": "bilhões",
    }  # fmt: skip
    units = {"seg": "duration-second", "mins": "duration-minute"}
    rates = {"mês": "mês", "ano": "ano", "dia": "dia", "hora": "hora", "h": "hora", "min": "minuto", "s": "segundo"}
    abbreviations = {
        "Sra.": "Senhora", "Sr.": "Senhor", "Srs.": "Senhores", "Sras.": "Senhoras", "Srta.": "Senhorita",
        "sra.": "senhora", "sr.": "senhor", "Dra.": "Doutora", "Dr.": "Doutor", "Drs.": "Doutores",
        "dra.": "doutora", "dr.": "doutor", "Profª.": "Professora", "Profª": "Professora", "Profa.": "Professora",
        "Prof.": "Professor", "prof.": "professor", "Exmo.": "Excelentíssimo", "Exma.": "Excelentíssima",
        "Ilmo.": "Ilustríssimo", "Ilma.": "Ilustríssima", "Av.": "Avenida", "av.": "avenida", "etc.": "etcétera",
        "etc": "etcétera", "Ltda.": "Limitada", "Cia.": "Companhia", "p. ex.": "por exemplo", "p.ex.": "por exemplo",
        "ex.:": "exemplo:", "séc.": "século", "apto.": "apartamento", "Apto.": "Apartamento", "Eng.": "Engenheiro",
        "Engª": "Engenheira", "Arq.": "Arquiteto", "Tel.": "Telefone", "tel.": "telefone", "Cel.": "Celular",
        "cel.": "celular", "aprox.": "aproximadamente", "obs.:": "observação:", "Obs.:": "Observação:",
        "qtd.": "quantidade", "Jr.": "Júnior", "c/": "com", "s/": "sem", "p/": "para", "máx.": "máximo",
        "mín.": "mínimo", "Depto.": "Departamento", "V.Exa.": "Vossa Excelência", "vc": "você", "vcs": "vocês",
        "S.A.": "S A", "S/A": "S A",
    }  # fmt: skip
    titles = {"R.": "Rua", "D.": "Dona", "Pça.": "Praça", "Trav.": "Travessa", "Rod.": "Rodovia", "Sto.": "Santo",
              "Sta.": "Santa", "Gov.": "Governador", "Gen.": "General", "Cap.": "Capitão"}  # fmt: skip
    before_number = {
        "nº": "número", "n.º": "número", "Nº": "número", "N.º": "número", "n°": "número", "N°": "número",
        "no.": "número", "núm.": "número", "#": "número", "pág.": "página", "págs.": "páginas", "p.": "página",
        "art.": "artigo", "Art.": "artigo", "cap.": "capítulo", "vol.": "volume", "ap.": "apartamento",
        "apt.": "apartamento", "ramal": "ramal", "v.": "versão",
    }  # fmt: skip
    months = {
        "jan": 1, "fev": 2, "mar": 3, "abr": 4, "mai": 5, "jun": 6, "jul": 7, "ago": 8, "set": 9, "out": 10, "nov": 11,
        "dez": 12,
    }  # fmt: skip
    code_words = (
        r"código|codigo|PIN|senha|conta|agência|pedido|referência|protocolo|CPF|CNPJ|RG|NIF|CEP|cartão|reserva|bilhete|"
        r"fatura|nota|rastreio|rastreamento|"
        r"matrícula|ramal|apólice|voo|final|dígitos|telefone|celular|número"
    )
    short_code_words = r"ligue|disque|código|codigo|PIN|senha|CVV|ramal"
    date_words = r"dia|em|até|desde|antes de|depois de|após|de|data|vence|vencimento"
    kings = "Pedro|João|Afonso|Manuel|Luís|Henrique|Bento|João Paulo|Filipe|Carlos|Isabel|Napoleão"
    queens = frozenset({"Isabel"})
    last_ordinal_king = 10
    before_roman = "[Cc]apítulo|[Ss]éculo|[Pp]arte|[Vv]olume|[Tt]ítulo|[Ff]ase|[Tt]ipo|[Aa]nexo|[Ll]ivro"
    named_versions = f"{Language.named_versions}|versão"
    not_nouns = frozenset(
        "de do da dos das em no na nos nas e ou ao aos para pra por com sem a o as os que é são foi mas mil milhão "
        "milhões vezes mais menos está se vírgula ponto até agora ontem hoje amanhã "
        "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()
    ) - {"vezes"}

    def rules(self, stage: Stage) -> list[Rule]:
        if stage is Stage.DATES:
            return romance.date_rules(self)
        if stage is Stage.TIMES:
            return romance.hour_rules(self)
        if stage is Stage.ORDINALS:
            return romance.ordinal_rules(self)
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
        if noun in _MASCULINE:
            return False
        return noun in _FEMININE or noun.endswith(_FEMININE_ENDINGS)

    def scaled(self, written: Written, scale: str) -> str:
        word = self.scales[scale]
        return word.replace("ões", "ão") if written.whole < 2 else word

    def linked(self, noun: str) -> str:
        return f" de {noun}"

    def fraction(self, above: int, below: int) -> str | None:
        if below not in _PARTS:
            return None
        if (above, below) == (1, 2):
            return "meio"
        return f"{self.cardinal(above)} {_PARTS[below]}{'s' if above > 1 else ''}"

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
        if minute:
            return f"{said} e {self.cardinal(minute)}"
        if hour in (0, 24):
            return "meia-noite"
        return f"{said} {'hora' if hour == 1 else 'horas'}"


class EuropeanPortuguese(Portuguese):
    """Portuguese of Portugal."""

    locale = "pt_PT"
    speller = "pt"
    regions = ("PT", "BR")
    currencies = Portuguese.currencies | {"EUR": Currency(Name("euro", "euros"), _CENTIMO)}

    def day(self, day: int) -> str:
        return self.cardinal(day)


def _split_millions(words: str) -> tuple[str, str]:
    last = max((match.end() for match in re.finditer(r"\w+lh(?:ão|ões)\b|\w+li(?:ão|ões)\b", words)), default=0)
    return words[:last], words[last:]
