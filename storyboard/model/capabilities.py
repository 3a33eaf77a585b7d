"""Offer: what a provider can be asked for. Storyboards are checked against it before anything is paid for."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Offer:
    """The limits of one provider.

    ``seeds`` is an inclusive range; ``prompt_limit`` counts characters of the rendered prompt; ``reference_limit``
    is the largest number of reference images; ``reference_models``/``reference_aspects`` and ``hd_aspects`` say
    where references and 1080p exist at all; ``seconds`` is how long a clip is.
    """

    models: tuple[str, ...]
    aspects: tuple[str, ...]
    seeds: tuple[int, int]
    prompt_limit: int
    reference_limit: int
    reference_models: tuple[str, ...]
    reference_aspects: tuple[str, ...]
    hd_aspects: tuple[str, ...]
    seconds: int
