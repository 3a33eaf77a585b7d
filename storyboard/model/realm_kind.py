"""The kinds of takes: drafts, rehearsals (the API is on this machine), paid ones."""

from typing import Literal

# From the least valuable on: a film or a lock file of one kind never replaces that of a later kind.
Kind = Literal["draft", "rehearsal", "paid"]
KINDS: tuple[Kind, ...] = ("draft", "rehearsal", "paid")
