"""Where the provider's callbacks (webhooks) arrive, as the user configured it."""

from dataclasses import dataclass, field


def callback_address(base: str, nonce: str) -> str:
    """Return the address at which one submission is called back."""
    return f"{base}/cb/{nonce}"


@dataclass(frozen=True, slots=True)
class CallbackSettings:
    """Callbacks of the provider: the public address ``url`` (None: not wanted) leads to ``host`` and ``port`` here.

    With a ``key``, only those that are signed with it count.
    """

    url: str | None
    host: str
    port: int
    key: str = field(repr=False)

    @property
    def listens(self) -> str:
        """host:port, as it is written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
