"""How requests to a site are authenticated."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol
from urllib.parse import quote

SHORTEST_SECRET: Final = 6


class Auth(Protocol):
    """What proves who is asking."""

    def header(self) -> str:
        """The value of the `Authorization` header."""
        ...

    def secrets(self) -> Iterable[str]:
        """Texts that must never be shown, in every form they are sent in."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenAuth:
    """`Authorization: token key:secret`, with the API key and secret of the integration user."""

    key: str
    secret: str = field(repr=False)

    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"token {self.key}:{self.secret}"

    def secrets(self) -> Iterable[str]:
        """The secret as it is and percent-encoded."""
        return _forms(self.key, self.secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class BasicAuth:
    """`Authorization: Basic …`, with the same API key and secret in base64."""

    key: str
    secret: str = field(repr=False)

    def header(self) -> str:
        """The value of the `Authorization` header."""
        return f"Basic {self._pair()}"

    def secrets(self) -> Iterable[str]:
        """The secret as it is, percent-encoded, and with its key in base64."""
        return (*_forms(self.key, self.secret), self._pair())

    def _pair(self) -> str:
        return b64encode(f"{self.key}:{self.secret}".encode()).decode("ascii")


def _forms(key: str, secret: str) -> tuple[str, ...]:
    """What to hide: nothing where the secret is a word that texts hold anyway, as the sandbox's users have it."""
    if len(secret) < SHORTEST_SECRET or secret == key:
        return ()
    return tuple(dict.fromkeys((secret, quote(secret, safe=""))))


def hide(text: str, secrets: Iterable[str]) -> str:
    """`text` with every one of `secrets` replaced by `***`."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return text
