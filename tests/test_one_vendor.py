"""One vendor, one room: what the built-in provider's API document says is known in its own package alone.

The emulator is that API, so it may know it too. Every other exception is written down here, with its reason.
"""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from storyboard.http.policy import PLAIN_HTTP
from storyboard.providers.apikley.answers import ENVIRONMENT, TABLE, TEXTS
from storyboard.providers.apikley.profile import Profile
from storyboard.providers.apikley.veo import CAPABILITIES

PACKAGE = Path(__file__).parents[1] / "storyboard"
OWN = ("providers/apikley/", "emulator/", "cli/emulator.py")

# A file, a word of the vendor, and why it may stand there.
ALLOWED = {
    ("model/shot.py", "veo3_fast"): "the frozen default of the recipe: with another, every film is bought again",
    ("model/shot.py", "apikley"): "the frozen default of the recipe",
    ("providers/installed.py", "apikley"): "which provider is the usual one; its entry point has this name",
    ("costs/price_tables.py", "veo3_fast"): "the example in a message about config.toml",
    ("http/policy.py", "505"): "a status of HTTP itself",
    ("parsing/schema.py", "errorMessage"): "a keyword of our JSON Schema",
    ("providers/gemini/omni_models.py", "720p"): "a resolution of another vendor's models",
    ("providers/gemini/omni_models.py", "1080p"): "a resolution of another vendor's models",
    ("providers/gemini/token_tariff.py", "720p"): "a resolution of another vendor's models",
    ("providers/gemini/token_tariff.py", "1080p"): "a resolution of another vendor's models",
    ("state/lockfile.py", "720p"): "a word that is stored in lock files",
    ("state/lockfile.py", "1080p"): "a word that is stored in lock files",
    ("model/take.py", "720p"): "a word that is stored in ledgers: what a take is that says nothing else",
    ("state/garbage.py", "1080p"): "a word that is stored in ledgers",
}

# Names of the profile that are words of everybody's, too.
COMMON = {"prompt", "model", "watermark", "index", "seeds", "storyboard", "fileName"}
PROFILE = Profile()
NAMES = {str(getattr(PROFILE, field.name)) for field in fields(Profile)} - COMMON - {"None", "3"}
MODES = {"TEXT_2_VIDEO", "FIRST_AND_LAST_FRAMES_2_VIDEO", "REFERENCE_2_VIDEO"}
MODELS = {*CAPABILITIES.names, *(quality.name for model in CAPABILITIES.models for quality in model.resolutions)}
PLACES = {ENVIRONMENT.key, ENVIRONMENT.key_file, ENVIRONMENT.base_url, ENVIRONMENT.usual_url, "apikley", "task_id"}
CODES = {str(signal) for signal in TABLE.codes if isinstance(signal, int) and signal not in PLAIN_HTTP.codes}
SENTENCES = {part for fragments, _ in TEXTS.meanings for part in fragments if " " in part} - {"try again"}
SENTENCES |= {hint for _, hint in TEXTS.meanings} | {TEXTS.says[int(code)][0] for code in CODES}
SENTENCES |= {TEXTS.says[code][0] for code in (451, 501)} | {"record is null", "rejected by flow", "within 14 days"}
WORDS = sorted(NAMES | MODES | MODELS | PLACES | CODES | SENTENCES)


def lines(word: str) -> list[tuple[str, str]]:
    """Each file outside the vendor's packages in which a word stands, as a word of its own, with its line."""
    wanted = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])", re.IGNORECASE)
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        name = file.relative_to(PACKAGE).as_posix()
        if not name.startswith(OWN):
            found += [(name, line.strip()) for line in file.read_text("utf-8").splitlines() if wanted.search(line)]
    return found


@pytest.mark.parametrize("word", WORDS)
def test_a_word_of_the_vendor_stands_in_its_own_room(word: str) -> None:
    """A second provider would have to be written into every room that knows the first one."""
    assert [(name, line) for name, line in lines(word) if (name, word) not in ALLOWED] == []


def test_every_exception_is_needed() -> None:
    """An exception that nobody uses hides the next slip."""
    assert [(name, word) for name, word in ALLOWED if name not in dict(lines(word))] == []


def test_the_words_are_those_of_the_document() -> None:
    """A test that looks for nothing finds nothing."""
    assert {"taskId", "successFlag", "/api/v1/veo/generate", "APIKLEY_API_KEY", "1080p", "433", "455", "505"} <= {
        *WORDS
    }
