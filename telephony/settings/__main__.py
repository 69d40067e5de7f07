"""`python -m telephony.settings` prints the page of all settings, in Markdown."""

from __future__ import annotations

from telephony.settings.documentation import markdown

print(markdown())
