"""What to know of Kokoro's voices before one is heard."""

from __future__ import annotations

import dataclasses

from telephony.speech import Voice

_GENDERS = {"f": "female", "m": "male"}

# By the model card, "overall grade": how good a voice's recordings were, and how much of them there was.
_GRADES = {
    "A": "af_heart",
    "A-": "af_bella",
    "B-": "af_nicole bf_emma ff_siwis",
    "C+": "af_aoede af_kore af_sarah am_fenrir am_michael am_puck jf_alpha",
    "C": "af_alloy af_nova bf_isabella bm_fable bm_george jf_gongitsune jf_tebukuro hf_alpha hf_beta hm_omega hm_psi "
    "if_sara im_nicola",
    "C-": "af_sky jf_nezumi jm_kumo",
    "D+": "bm_lewis",
    "D": "af_jessica af_river am_echo am_eric am_liam am_onyx bf_alice bf_lily bm_daniel zf_xiaobei zf_xiaoni "
    "zf_xiaoxiao zf_xiaoyi zm_yunjian zm_yunxi zm_yunxia zm_yunyang",
    "D-": "am_santa",
    "F+": "am_adam",
}

# Measured on a sentence of each language: the median pitch (up to 165, 205, 260 Hz and above; of men 112, 150), the
# pace beside the other voices of the language, and how far the pitch moves.
_DESCRIPTIONS = {
    "deep": "af_alloy af_kore af_sky am_echo am_onyx am_puck bm_lewis im_nicola jm_kumo",
    "medium": "af_aoede af_heart af_nova af_sarah am_adam am_liam bf_lily em_alex hm_psi pm_alex pm_santa zm_yunjian",
    "medium, even": "af_bella af_river bf_emma bm_daniel ef_dora pf_dora",
    "medium, lively": "am_fenrir hm_omega",
    "medium, quick": "hf_beta zm_yunyang",
    "medium, quick, lively": "bm_fable",
    "medium, slow": "am_michael bm_george",
    "high": "am_eric bf_alice em_santa hf_alpha zf_xiaoni zf_xiaoxiao",
    "high, even": "bf_isabella ff_siwis if_sara jf_nezumi",
    "high, quick": "af_jessica zm_yunxi",
    "high, slow": "jf_gongitsune zf_xiaobei",
    "high, slow, lively": "am_santa",
    "very high": "jf_tebukuro zf_xiaoyi zm_yunxia",
    "very high, quick": "jf_alpha",
    "whispering, slow": "af_nicole",
}


def _by_voice(groups: dict[str, str]) -> dict[str, str]:
    return {name: said for said, names in groups.items() for name in names.split()}


_GRADE_OF = _by_voice(_GRADES)
_DESCRIPTION_OF = _by_voice(_DESCRIPTIONS)


def describe(voice: Voice) -> Voice:
    """The same voice with what is known of it; of a voice of one's own, its gender."""
    return dataclasses.replace(
        voice,
        gender=_GENDERS.get(voice.name[1:2]),
        description=_DESCRIPTION_OF.get(voice.name),
        grade=_GRADE_OF.get(voice.name),
    )
