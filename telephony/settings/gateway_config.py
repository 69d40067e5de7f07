"""The `config.yaml` of a gateway that stood in front of earlier services: which of its keys are settings here.

Its phrases are read by `telephony.cache.prerender`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml  # type: ignore[import-untyped]  # its types would be one more package for one call

SETTINGS = {
    "fallback_tts.model_path": "piper_model",
    "fallback_tts.config_path": "piper_config",
    "prerender.cache_dir": "prerender_dir",
    "prerender.ttl_seconds": "redis_ttl_s",
}
"""Keys, and the settings that they give if neither a flag nor a variable does."""

_PHRASES = ("prerender.enabled", "prerender.common_phrases")
_SECTIONS = {
    "fallback_tts": "Piper speaks as the description of its voice says",
    "prerender": "phrases are rendered at the lowest priority, and one by one",
}
"""Sections, and why their other keys are needless."""

_NEEDLESS = {"fallback_tts.enabled": "Piper is loaded for the first text that needs it, and not before"}


@dataclass(frozen=True)
class GatewayConfig:
    """What a `config.yaml` says.

    Attributes:
        settings: text by the name of the setting.
        keys: the key that each of them comes from.
        ignored: keys of its sections that have no effect, and why.
    """

    settings: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)


def read(path: Path) -> GatewayConfig:
    """What the file says; nothing if it is no gateway's, or cannot be read: whoever reads its phrases tells of that."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return GatewayConfig()
    config = GatewayConfig()
    for section, why in _SECTIONS.items():
        entries = document.get(section) if isinstance(document, dict) else None
        for name, value in entries.items() if isinstance(entries, dict) else ():
            key = f"{section}.{name}"
            if key not in SETTINGS and key not in _PHRASES:
                config.ignored[key] = _NEEDLESS.get(key, why)
            elif key in SETTINGS and value not in (None, "", 0):  # as good as left out
                config.settings[SETTINGS[key]] = str(value)
                config.keys[SETTINGS[key]] = key
    return config
