"""Numbers whose noun is not the word behind them: it came earlier, comes later, or is understood."""

from __future__ import annotations

import re

from telephony.text.normalization.romance.grammar import RomanceGrammar
from telephony.text.normalization.rules import Rule, alternatives, at_digits, near_words

_NUMBER = r"(?<![\w.,:/-])(\d{1,3}(?:\.\d{3})?)"
_ENDS = r"(?![\w%ºª°]|[.,:/-]\d)"
_SAID = "uma|duas|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze|quinze|vinte|trinta"
# Adjectives that are the same for both genders, before a noun or without it.
_ADJECTIVES = (
    "grandes simples importantes diferentes enormes excelentes breves possíveis confortáveis disponíveis livres "
    "pendentes restantes semelhantes iguais adicionais especiais principais"
).split()
_BEHIND_ARTICLE = re.compile(_NUMBER + _ENDS)
_ARTICLE = re.compile(r"(?<!\w)(?:[dn]?as|às|pelas|[dn]?essas|[dn]?estas|[dn]?aquelas|su?as|minhas|nossas)\s$", re.I)
_JOINED = re.compile(rf"{_NUMBER}(?=(?:,\s\d{{1,3}}){{0,5}}\s(ou|a|e)\s(?:\d{{1,4}}|{_SAID})\s([^\W\d_]{{3,30}}))")
_OF_EACH = re.compile(rf"{_NUMBER}(?=\s(?:em|de)\scada\s\d{{1,4}}\s([^\W\d_]{{3,30}}))")
_BEFORE_LIST = re.compile(r"\b(?:entre|para|de|com)\s(?:\d{1,3},\s){0,5}$", re.IGNORECASE)
_DESCRIBED = re.compile(rf"{_NUMBER}(?=\s(?:{alternatives(_ADJECTIVES)})\s([^\W\d_]{{3,30}}))")
_ELIDED = re.compile(
    _NUMBER
    + r"(?=\s(?:n[ao]s?|em|de|d[ao]s?|para|pra|com|sem|já|hoje|amanhã|ontem|por|ainda|a|à|às|que|foi|foram|está|"
    rf"estão|é|são|será|serão|vai|vão|fica|ficam|chega|chegam|vence|vencem|grátis|e|ou|mas|{alternatives(_ADJECTIVES)})\b"
    r"|[.,;!?)](?!\d)|$)"
)
_INTRODUCED = re.compile(
    r"(?:^|[,;:(—+]\s?|\b(?:e|ou|mas|mais|só|somente|apenas|outras?|restam?|faltam?|sobram|sobrou|sobraram|há|tem|têm|temos|"
    r"tenho|são|foram|com|quero|perdi|recebi|leve|ganhe|quais)\s)$",
    re.IGNORECASE,
)
_OF_WHICH = re.compile(r"\sdas\s(?!nove|oito|sete|dez|[\w\s]{0,20}horas?\b)")
_COUNTED = re.compile(
    rf"(?<![\w.,:/-])(?:\d[\d.]{{0,6}}|{_SAID}|as|suas|minhas|nossas)\s(?:(?:suas|minhas|nossas)\s)?(?:\d{{1,4}}\s)?"
    r"([^\W\d_]{3,30})",
    re.IGNORECASE,
)
# What measures says nothing of what is counted: "1 mala de 23 quilos e 1 de mão".
_MEASURES = frozenset(
    "quilo quilos grama gramas miligrama miligramas litro litros mililitros metro metros real reais centavos ano anos "
    "graus hora horas minuto minutos segundos por".split()
)
_LABELS = (
    "opção portão terminal linha sala mesa fila bloco módulo caixa guichê nível fase etapa passo item número tecla "
    "quarto doca lote casa plataforma poltrona assento pista zona turma parte classe tipo grau quadra torre loja vaga "
    "prédio ramal canal leito box"
).split()
_LABELLED = re.compile(rf"(?<!\w)((?:{alternatives(_LABELS)})\s)1(?=\s[a-zà-ÿ])", re.IGNORECASE)
# "2a via", "1o andar", "os 3os colocados".
_RAISED = re.compile(r"(?<![\w.,/-])(\d{1,3})([oaºª])(s?)\.?(?=\s([^\W\d_]{3,30}))")
_THOUSANDS = re.compile(r"(?<![\w.,])(\d{1,3})\smil\se\s(\d{1,3})(?=\s([^\W\d_]{3,30}))")
_CLAUSE_CHARS = 90


def rules(language: RomanceGrammar) -> list[Rule]:
    """Numbers that are feminine though no feminine noun stands right behind them, and ones that count nothing."""

    def feminine(match: re.Match[str]) -> str | None:
        number = int(match[1].replace(".", ""))
        said = language.cardinal(number, "feminine")
        return said if said != language.cardinal(number) else None

    def clause(match: re.Match[str]) -> str:
        before = match.string[max(0, match.start() - _CLAUSE_CHARS) : match.start()]
        return re.split(r"[.!?]\s", before)[-1]

    def behind_article(match: re.Match[str]) -> str | None:
        before = match.string[max(0, match.start() - 12) : match.start()]
        return feminine(match) if _ARTICLE.search(before) else None

    def before_noun(match: re.Match[str]) -> str | None:
        return feminine(match) if language.form_for(match[match.re.groups]) == "feminine" else None

    def joined(match: re.Match[str]) -> str | None:
        if match[2] == "e" and not _BEFORE_LIST.search(clause(match)):
            return None
        return before_noun(match)

    def elided(match: re.Match[str]) -> str | None:
        if feminine(match) is None:
            return None
        before = clause(match)
        if not _INTRODUCED.search(before):
            return None
        if _OF_WHICH.match(match.string, match.end()):
            return feminine(match)
        found = _COUNTED.findall(before)
        nouns = [noun for noun in found if noun not in _MEASURES and language.form_for(noun) != "count"]
        return feminine(match) if nouns and language.form_for(nouns[-1]) == "feminine" else None

    def raised(match: re.Match[str]) -> str | None:
        number, letter, plural, noun = int(match[1]), match[2], match[3], match[4]
        feminine_noun = language.form_for(noun) == "feminine"
        if not number or (letter in "oa" and (feminine_noun != (letter == "a") or language.form_for(noun) == "count")):
            return None
        return language.ordinal(number, letter in "aª") + plural if plural or letter in "oa" else None

    def thousands(match: re.Match[str]) -> str:
        return language.cardinal(int(match[1]) * 1000 + int(match[2]), language.form_for(match[3]))

    return [
        at_digits("thousands", _THOUSANDS, thousands, ("mil",)),
        at_digits("ordinal", _RAISED, raised),
        at_digits("feminine number", _BEHIND_ARTICLE, behind_article),
        at_digits("feminine number", _OF_EACH, before_noun, ("cada",)),
        at_digits("feminine number", _JOINED, joined),
        at_digits("feminine number", _DESCRIBED, before_noun, _ADJECTIVES),
        at_digits("feminine number", _ELIDED, elided),
        near_words("label", _LABELLED, lambda match: f"{match[1]}{language.cardinal(1)}", (" 1 ",)),
    ]
