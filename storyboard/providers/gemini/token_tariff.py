"""What the tokens of a job cost: exact amounts in USD, from the usage that the service reports."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from storyboard.model.tariff import Tariff

CURRENCY = "USD"

# Video tokens of one second, by resolution. Source: services.md section 3: 5,792 at 720p; the others by what they cost
# in USD a second, which is a third, one and a half, and three times as much.
SECOND_TOKENS: Mapping[str, Fraction] = {
    "360p": Fraction(5_792, 3),
    "720p": Fraction(5_792),
    "1080p": Fraction(8_688),
    "4k": Fraction(17_376),
}

_MILLION = 1_000_000
_MOST_TOKENS = 10**12  # of a job; a larger number is an error of the service
_WORDS = ("text", "document")


@dataclass(frozen=True, slots=True)
class TokenTariff:
    """USD for a million tokens of the ``video`` (with its sound), of the ``input``, and of text and ``thought``."""

    video: Fraction
    input: Fraction = Fraction(3, 2)
    thought: Fraction = Fraction(9)

    @property
    def by_second(self) -> Tariff:
        """What a second of video costs, by resolution, without its input: what is known before a clip is made."""
        return Tariff(CURRENCY, second={name: tokens * self.video / _MILLION for name, tokens in SECOND_TOKENS.items()})

    def cost(self, usage: object) -> Fraction | None:
        """USD for a job by the ``usage`` of its interaction; None where that does not count its output."""
        if not isinstance(usage, dict):
            return None
        spent, thought = _tokens(usage.get("total_input_tokens", 0)), _tokens(usage.get("total_thought_tokens", 0))
        made = list(_output(usage))
        if spent is None or thought is None or not made or None in [tokens for _, tokens in made]:
            return None
        words = thought + sum(tokens or 0 for kind, tokens in made if kind in _WORDS)
        video = sum(tokens or 0 for kind, tokens in made if kind not in _WORDS)
        return (self.input * spent + self.thought * words + self.video * video) / _MILLION


def _output(usage: Mapping[str, object]) -> Iterator[tuple[str, int | None]]:
    """Each modality of the output with its tokens; the whole output as video where it is not told apart."""
    parts = usage.get("output_tokens_by_modality")
    if isinstance(parts, list) and parts:
        for part in parts:
            told = part if isinstance(part, dict) else {}
            yield str(told.get("modality", "")).lower() if told else "", _tokens(told.get("tokens"))
    elif "total_output_tokens" in usage:
        yield "video", _tokens(usage["total_output_tokens"])


def _tokens(value: object) -> int | None:
    """A number of tokens; None for what is none. Large numbers may come as text (64 bits in JSON)."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 12:
        value = int(value)
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else None
