"""`python -m telephony.voices add|list|remove|check`: blends of Kokoro's voices that have a name.

A running service follows what is changed here; nothing is restarted.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from telephony import settings
from telephony.engines import recipes
from telephony.engines.base import UnknownVoiceError
from telephony.engines.blends import BlendError, BlendFile
from telephony.engines.kokoro.languages import LANGUAGES
from telephony.engines.kokoro.weights import WeightsError, find_weights
from telephony.engines.recipes import Recipe
from telephony.settings import Settings, SettingsError
from telephony.speech import Voice
from telephony.voices import ALIASES


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        wanted = settings.parse([], os.environ if environment is None else environment).settings
        blends = BlendFile(wanted.blends_path)
        if options.command == "list":
            for name, recipe in sorted(blends.recipes().items()):
                print(f"{name} = {recipe}")
        elif options.command == "remove":
            blends.remove(options.name)
        elif options.command == "check":
            print(_described(blends.recipes().get(options.recipe) or recipes.parse(options.recipe), _voices(wanted)))
        else:
            print(f"{options.name} = {_add(blends, options.name, recipes.parse(options.recipe), _voices(wanted))}")
    except (SettingsError, BlendError, UnknownVoiceError, WeightsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _add(blends: BlendFile, name: str, recipe: Recipe, voices: Mapping[str, Voice]) -> str:
    """Keeps a blend; returns what it is made of."""
    if name in voices or name in ALIASES:
        raise BlendError(f"{name!r} is the name of a voice already")
    described = _described(recipe, voices)
    blends.add(name, recipe)
    return described


def _described(recipe: Recipe, voices: Mapping[str, Voice]) -> str:
    """The canonical form, the language, the shares. Raises UnknownVoiceError where a voice is unknown."""
    language = recipes.find(str(recipe), voices, {}).language
    said = f"{recipe} ({language}: {_listed(recipe.shares())}"
    return said + (f"; prosody: {_listed(recipe.prosody_shares())})" if recipe.prosody else ")")


def _listed(shares: Sequence[tuple[str, float]]) -> str:
    return ", ".join(f"{100 * share:.3g} % {voice}" for voice, share in shares)


def _voices(wanted: Settings) -> Mapping[str, Voice]:
    weights = find_weights(wanted.cache_dir, wanted.weights_dir)
    if weights is None:
        raise WeightsError(f"no weights in {wanted.weights_dir or wanted.cache_dir}: start the service once")
    names = weights.with_own(wanted.kokoro_voices).voice_names()
    return {name: Voice(name, LANGUAGES[name[0]]) for name in names}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m telephony.voices",
        description="Blends of Kokoro's voices that have a name; a running service follows what is changed here.",
        epilog="Reads KOKORO_CACHE_DIR and KOKORO_WEIGHTS_DIR, as the service does.",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recipe_help = "such as af_aoede+af_aoede+af_nicole or af_aoede*0.6+af_nicole*0.4"
    add = commands.add_parser("add", help="keep a blend under a name, in place of one that has it")
    add.add_argument("name")
    add.add_argument("recipe", help=recipe_help)
    commands.add_parser("list", help="the blends that are kept")
    commands.add_parser("remove", help="forget a blend").add_argument("name")
    commands.add_parser("check", help="what a recipe means, and whether it can be spoken").add_argument(
        "recipe", help=f"{recipe_help}; or the name of a blend"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
