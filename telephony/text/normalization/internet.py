"""E-mail and web addresses, names of files."""

from __future__ import annotations

import re

from telephony.text.normalization.language import Language
from telephony.text.normalization.rules import Rule, near_words

_DOMAINS = (
    "com org net edu gov mil int info biz app dev tech shop store online site cloud io ai co tv uk ly me gg fm xyz "
    "health care bank law news agency link page studio digital media world group solutions email support "
    "us ca de fr es it pt br eu ch nl ie au "
    "nz mx ar cl pl se"
).split()  # fmt: skip
_HOST = rf"(?:[a-z0-9-]{{1,63}}\.){{1,5}}(?:{'|'.join(_DOMAINS)})(?![\w-])"
_EMAIL = re.compile(
    r"(?<![\w.+@-])([\w.+-]{1,64})@((?:[\w-]{1,63}\.){1,6}[a-zA-Z]{2,24})(?![\w@-])(?:/([\w./%~-]{1,300}))?"
)
_URL = re.compile(r"(?<!\w)(?:https?://|www\.)[^\s<>\"'()\[\]{}|]{1,500}", re.IGNORECASE)
_DOMAIN = re.compile(rf"(?<![\w.@/-]){_HOST}(?:/[\w./%~-]{{0,300}})?(?:[?#][\w=&%./-]{{1,200}})?")
_ENDINGS = tuple(
    ".pdf .txt .doc .xls .csv .jpg .jpeg .png .gif .htm .js .py .xml .mp3 .mp4 .zip .ppt .exe .apk .svg .wav .mov .log "
    ".md .yaml .sh .ini .rtf .heic".split()
)
_FILE = re.compile(
    r"(?<![\w.-])([\w-]{1,60})\.(pdf|txt|docx?|xlsx?|csv|jpe?g|png|gif|html?|js|py|json|xml|mp3|mp4|zip|pptx?|exe|apk|svg|wav|mov|log|md|yaml|sh|ini|rtf|heic)(?!\w)",
    re.IGNORECASE,
)
_HANDLE = re.compile(r"(?<![\w@.])@([A-Za-z_]\w{1,30}(?:\.\w{1,30}){0,3})")
_TAG = re.compile(r"(?<![\w#&])#(?![A-Z]{1,4}-?\d)([^\W\d_]\w{0,60})")
_BARE_DOMAIN = re.compile(r"(?<![\w.])\.(com|org|net|edu|gov|io|ai|co|app)(?![\w.-])")
_BARE_ENDING = re.compile(r"(?<![\w.])\.(pdf|docx?|xlsx?|csv|png|jpe?g|zip|exe|txt)(?![\w.-])")
_PARTS = re.compile(r"[^\W\d_]+|\d+|[-_.+/~%]")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
# As far as a word may stand before its hashtag.
_NAMED_CHARS = 16
_SAID_ENDINGS = frozenset("zip doc docx json log".split())


def rules(language: Language) -> list[Rule]:
    """Addresses, as they are told on the telephone."""

    def email(match: re.Match[str]) -> str:
        address = f"{_said(match[1], language)} {language.mail_at} {_host(match[2], language)}"
        return f"{address} {language.slash} {_said(match[3], language)}" if match[3] else address

    def url(match: re.Match[str]) -> str:
        address = match.group().rstrip(".,;:!?*")
        return address_said(address) + match.group()[len(address) :]

    def address_said(address: str) -> str:
        bare = re.sub(r"^https?://", "", address, flags=re.IGNORECASE)
        # What follows a question mark is for machines.
        host, _, path = re.split(r"[?#]", bare, maxsplit=1)[0].rstrip("/").partition("/")
        name, _, port = host.partition(":")
        said = _host(name, language)
        if port.isdecimal():
            said += f" {language.colon} {language.spell_digits(port)}"
        return f"{said} {language.slash} {_said(path, language)}" if path else said

    def domain(match: re.Match[str]) -> str:
        address = match.group().rstrip("./")
        return address_said(address) + ("." if match.group().endswith(".") else "")

    def file(match: re.Match[str]) -> str:
        return f"{_said(match[1], language)} {language.dot} {_ending(match[2])}"

    def tag(match: re.Match[str]) -> str:
        said = _said(_CAMEL.sub(" ", match[1]), language)
        named = (
            match.string[max(0, match.start() - _NAMED_CHARS) : match.start()]
            .rstrip(" :")
            .lower()
            .endswith(language.hashtag)
        )
        return said if named else f"{language.hashtag} {said}"

    return [
        near_words("file name", _BARE_ENDING, lambda match: f"{language.dot} {_ending(match[1])}", (".",)),
        near_words("web address", _BARE_DOMAIN, lambda match: f"{language.dot} {_host(match[1], language)}", (".",)),
        near_words("e-mail address", _EMAIL, email, "@"),
        near_words("web address", _URL, url, ("://", "www.")),
        near_words("web address", _DOMAIN, domain, "."),
        near_words("file name", _FILE, file, _ENDINGS),
        near_words("mention", _HANDLE, lambda match: f"{language.at} {_said(match[1], language)}", "@"),
        near_words("hashtag", _TAG, tag, "#"),
    ]


def _host(host: str, language: Language) -> str:
    labels = [label for label in host.split(".") if label]
    said = [(label == "www" and language.world_wide_web) or _said(label, language) for label in labels[:-1]]
    top = labels[-1] if labels else ""
    spelled = len(top) == 2 and top.lower() not in {"co", *language.word_domains}
    said.append(language.initials(top) if spelled else _said(top, language))
    return f" {language.dot} ".join(said)


def _said(part: str, language: Language) -> str:
    names = {
        ".": language.dot, "-": language.hyphen, "_": language.underscore, "+": language.plus, "/": language.slash,
        "~": "", "%": language.percent,
    }  # fmt: skip
    words = []
    for piece in _PARTS.findall(part):
        if piece in names:
            words.append(names[piece])
        elif piece.isdecimal():
            words.append(language.spell_digits(piece))
        else:
            words.append(piece if _pronounceable(piece) else language.initials(piece))
    return " ".join(filter(None, words))


def _pronounceable(word: str) -> bool:
    return len(word) == 1 or bool(re.search(r"[aeiouyáéíóúàèìòùâêôãõäöü]", word, re.IGNORECASE)) or len(word) > 4


def _ending(ending: str) -> str:
    return ending.lower() if ending.lower() in _SAID_ENDINGS else _spelled(ending)


def _spelled(word: str) -> str:
    return " ".join(word.upper())
