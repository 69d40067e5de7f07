"""The settings of the service: what there are (`groups`), where they come from (`parsing`), how they are explained
(`documentation`).

A setting is written down once. Its flag, its environment variable, its line of `--help` and its row in the
documentation follow from there.
"""

from telephony.settings.documentation import describe, markdown
from telephony.settings.groups import GROUPS, Settings
from telephony.settings.parsing import IGNORED, Command, SettingsError, parse

__all__ = ["GROUPS", "IGNORED", "Command", "Settings", "SettingsError", "describe", "markdown", "parse"]
