"""The mask of the API key: a key that a service echoes becomes a placeholder, and stays one but for its own host."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from storyboard.http.exchange import Request

PLACEHOLDER = "[key]"
_SECRET = 8  # characters; a shorter key (a draft's) is no secret, and may well be a word


@dataclass(frozen=True, slots=True)
class KeyMask:
    """Replaces the key in what comes from a service, and puts it back into requests to its own hosts.

    These are ``host`` and ``others``. So a job whose name holds the key can be recorded, shown and polled, and the key
    is in none of the files. ``former`` are keys that have expired.
    """

    key: str = field(repr=False)
    host: str
    others: tuple[str, ...] = ()
    former: tuple[str, ...] = field(default=(), repr=False)

    def mask(self, text: str) -> str:
        """Return ``text`` with the placeholder in place of the key."""
        for key in (self.key, *self.former):
            text = text.replace(key, PLACEHOLDER) if len(key) >= _SECRET else text
        return text

    def mask_all(self, value: object) -> object:
        """Return parsed JSON with every text in it masked. Raise RecursionError if it is too deep."""
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, list):
            return [self.mask_all(item) for item in value]
        if isinstance(value, dict):
            return {self.mask(name): self.mask_all(item) for name, item in value.items()}
        return value

    def request(self, request: Request) -> Request:
        """Return a request to the key's own host with the key back in its place."""
        query = {name: self._restore(value) for name, value in request.query.items()}
        path = self._restore(request.path, lambda text: quote(text, safe=""))
        form = tuple(
            replace(part, content=self.address(part.content)) if isinstance(part.content, str) else part
            for part in request.form
        )
        return replace(request, path=path, query=query, body=self._restore_body(request.body), form=form)

    def address(self, url: str) -> str:
        """Return the address to dial: with the key if it is on the key's own host, else as it is."""
        try:
            own = (urlsplit(url).hostname or "") in (self.host, *self.others)
        except ValueError:
            return url
        return self._restore(url) if own else url

    def _restore(self, text: str, spelt: Callable[[str], str] = str) -> str:
        return text.replace(spelt(PLACEHOLDER), spelt(self.key)) if len(self.key) >= _SECRET else text

    def _restore_body(self, body: Mapping[str, object] | None) -> Mapping[str, object] | None:
        """Restore the addresses of uploaded images; the author's own words are left alone."""
        if body is None:
            return None
        return {
            name: value if isinstance(value, str) else self._restore_addresses(value) for name, value in body.items()
        }

    def _restore_addresses(self, value: object) -> object:
        if isinstance(value, str):
            # Most have none, and an image in base64 is not to be parsed as an address.
            return value if PLACEHOLDER not in value or " " in value else self.address(value)
        if isinstance(value, list | tuple):
            return [self._restore_addresses(item) for item in value]
        if isinstance(value, Mapping):
            return {name: self._restore_addresses(item) for name, item in value.items()}
        return value
