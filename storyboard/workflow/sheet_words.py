"""Words of a contact sheet: prompts without what all of them share, such as a look, so that they can be told apart."""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile


def unshared_words(prompts: Mapping[str, str]) -> dict[str, str]:
    """Return each prompt without the sentences, first words and last words that all have; "…" marks a part left out.

    A prompt that has nothing of its own stays whole, and so do all if they are the same.
    """
    if len(set(prompts.values())) < 2:
        return dict(prompts)
    sentences = {scene: _sentences(prompt) for scene, prompt in prompts.items()}
    common = set.intersection(*map(set, sentences.values()))
    own = {scene: " ".join(one for one in parts if one not in common) for scene, parts in sentences.items()}
    if not all(own.values()):
        return {scene: words or prompts[scene] for scene, words in own.items()}
    words = {scene: text.split() for scene, text in own.items()}
    head, tail = _shared(words.values()), _shared(part[::-1] for part in words.values())
    if head + tail >= min(map(len, words.values())):
        head, tail = (head, 0) if head < min(map(len, words.values())) else (0, 0)
    return {
        scene: " ".join(["…"] * bool(head) + part[head : len(part) - tail] + ["…"] * bool(tail))
        for scene, part in words.items()
    }


def _sentences(prompt: str) -> list[str]:
    return [sentence for sentence in re.split(r"(?<=[.!?;])\s+|\n+", prompt.strip()) if sentence.strip()]


def _shared(lists: Iterable[Sequence[str]]) -> int:
    """With how many words all lists begin alike."""
    return sum(1 for _ in takewhile(lambda words: len(set(words)) == 1, zip(*lists, strict=False)))
