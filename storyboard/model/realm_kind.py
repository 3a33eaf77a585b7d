"""Whose takes are meant: a draft's, a rehearsal's or those that were paid for."""

from typing import Literal

# In the order of what they are worth: a film or a lock of one kind never takes the place of a later one's.
Kind = Literal["draft", "rehearsal", "paid"]
KINDS: tuple[Kind, ...] = ("draft", "rehearsal", "paid")
