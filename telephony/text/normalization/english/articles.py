"""English articles."""

from __future__ import annotations


def article_for(article: str, said: str) -> str:
    """The article that the word behind it asks for: "an eight", "a one"."""
    if article.lower() not in ("a", "an"):
        return article
    vowel = said.startswith(("a", "e", "i", "o", "hour")) and not said.startswith(("one ", "once", "euro"))
    return article[0] + "n" if vowel else article[0]
