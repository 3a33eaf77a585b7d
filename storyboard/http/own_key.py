"""The key of a service: how it is sent, and the new one of a command when the service does not accept it any more."""

import asyncio
from collections.abc import Callable, Mapping

from storyboard.http.key_mask import KeyMask
from storyboard.model.capabilities import Auth


class OwnKey:
    """The present key, as headers and as a mask. ``renew`` returns a new one; it blocks, and raises RunRefused.

    It is of one service: ``mask`` puts it back into requests to ``hosts`` alone.
    """

    def __init__(self, key: str, auth: Auth, hosts: tuple[str, ...], renew: Callable[[], str] | None) -> None:
        self._auth = auth
        self._hosts = hosts
        self._renew = renew
        self._turn = asyncio.Lock()
        self._former: tuple[str, ...] = ()
        self._use(key)

    def _use(self, key: str) -> None:
        self.key = key
        self.mask = KeyMask(key, self._hosts[0], self._hosts[1:], self._former)

    @property
    def headers(self) -> Mapping[str, str]:
        """The header that carries the key; none where the service takes no key."""
        return {self._auth.header: self._auth.prefix + self.key} if self._auth.header else {}

    async def renew_once(self, refused: str) -> bool:
        """Get a new key in place of the ``refused`` one, once for all calls; whether there is another one now."""
        if self._renew is None:
            return False
        async with self._turn:
            if self.key == refused:
                new = await asyncio.to_thread(self._renew)
                self._former = (*self._former, refused) if new != refused else self._former
                self._use(new)
        return self.key != refused
