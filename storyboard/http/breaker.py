"""Circuit breaker: when a failing host is not called, for how long, and that one request probes it.

Pure: each change makes a new value, and time is passed in. Figures: reliability rules B4, after the retry quota of the
AWS SDKs and the usual circuit breaker (closed, open, half open).
"""

from dataclasses import dataclass, replace

IN_A_ROW = 5
REMEMBERED = 20
TOKENS = 100
RETRY = 5
SLOW_RETRY = 10
FIRST = 30.0
LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """How one host has answered one kind of call. Closed: call. Open: wait until ``until``, then probe once.

    It opens after IN_A_ROW failures in a row, when half of the REMEMBERED answers were failures, or when the budget of
    retries is empty; for FIRST seconds, and twice as long, up to LONGEST, each time that the probe fails too.
    ``tokens`` is that budget: a success gives one back. ``last`` are the last answers, True for a failure. ``opened``
    counts the openings since its last success (0: closed); ``until`` is seconds of the caller's clock.
    """

    tokens: int = TOKENS
    last: tuple[bool, ...] = ()
    opened: int = 0
    until: float = 0.0

    @property
    def open(self) -> bool:
        return self.opened > 0

    def wait(self, now: float) -> float:
        """Return the seconds until the next request may be sent; 0 if at once."""
        return max(self.until - now, 0.0) if self.open else 0.0

    def after_answer(self, failed: bool, now: float, *, probe: bool = False) -> "Breaker":
        """Return the breaker after an answer. ``probe``: that of the probe; older requests no longer count."""
        if self.open and not probe:
            return self
        if probe:
            return self._opened(now) if failed else Breaker()
        tokens = self.tokens if failed else min(self.tokens + 1, TOKENS)
        breaker = replace(self, tokens=tokens, last=(*self.last, failed)[-REMEMBERED:])
        return breaker._opened(now) if breaker._ill() else breaker

    def after_retry(self, slow: bool, now: float) -> "Breaker":
        """Return the breaker after a retry; ``slow``: no answer came in time, which uses more of the budget."""
        left = self.tokens - (SLOW_RETRY if slow else RETRY)
        if self.open:
            return self
        return replace(self, tokens=left) if left >= 0 else self._opened(now)

    def _ill(self) -> bool:
        row = self.last[-IN_A_ROW:]
        half = len(self.last) == REMEMBERED and 2 * sum(self.last) >= REMEMBERED
        return (len(row) == IN_A_ROW and all(row)) or half

    def _opened(self, now: float) -> "Breaker":
        seconds = min(FIRST * 2 ** min(self.opened, 16), LONGEST)
        return replace(self, opened=self.opened + 1, until=now + seconds)
