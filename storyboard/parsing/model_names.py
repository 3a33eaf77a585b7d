"""The words for models: what to say of one that is unknown, and the storyboard's own words (``models``)."""

from collections.abc import Callable

from storyboard.model.errors import InputError
from storyboard.model.model_catalogue import Catalogue, ModelName
from storyboard.model.problem import Problem
from storyboard.model.suggest import did_you_mean
from storyboard.model.text import one_line
from storyboard.parsing.includes import MappingNode

_FEW = 12  # models that a message lists


def unknown_model(word: str, catalogue: Catalogue) -> tuple[str, str]:
    """Return the message and the hint for a word that names no model."""
    message = f"'{one_line(word, 60)}' is not a model"
    provider, slash, _ = word.partition("/")
    if slash and provider in catalogue.offers:
        known = tuple(catalogue.word(ModelName(provider, name)) for name in catalogue.offers[provider].names)
        return message, did_you_mean(word, known) or f"{provider} has: {_listed(known)}"
    if slash and word in catalogue.offers[catalogue.usual].names:
        return message, f"write '{catalogue.usual}/{word}': its own name has a '/', so its provider is written too"
    if slash and provider in catalogue.faults:
        return (f"{message}: {catalogue.faults[provider][0]}", catalogue.faults[provider][1])
    if slash:
        said = one_line(provider, 40)
        return message, f"no provider '{said}' is configured: add [providers.{said}] to config.toml"
    known = catalogue.words
    return message, did_you_mean(word, known) or f"there are: {_listed(known)}"


def check_given_model(word: str, catalogue: Catalogue) -> None:
    """Raise InputError if the user's word for the model of all scenes ("" for none) names no model."""
    if word and catalogue.find(word) is None:
        message, hint = unknown_model(word, catalogue)
        raise InputError(f"--model: {message}", hint)


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(words[:_FEW]) + (f" and {len(words) - _FEW} more" if len(words) > _FEW else "")


def with_aliases(catalogue: Catalogue, top: MappingNode, wrong: Callable[[Problem], None]) -> Catalogue:
    """Return the catalogue with the storyboard's own words for models; ``wrong`` is given each problem.

    Such a word must not be the name of a provider or of a model: a file would then mean something else than it says.
    """
    entry = top.inner("models")
    if entry is None:
        return catalogue
    found: dict[str, ModelName] = {}
    for alias, written in entry.value.items():
        if not isinstance(written, str):
            continue  # The schema has reported it.
        if alias in catalogue.offers or catalogue.find(str(alias)):
            what = "a provider" if alias in catalogue.offers else "a model"
            message = f"'{one_line(str(alias), 60)}' is the name of {what}"
            wrong(entry.problem((alias,), message, "choose another word for it", key=True))
        elif (name := catalogue.find(written)) is None:
            wrong(entry.problem((alias,), *unknown_model(written, catalogue)))
        else:
            found[str(alias)] = name
    return catalogue.with_aliases(found)
