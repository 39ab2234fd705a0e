"""Secrets: references that are resolved when the settings are read, a type that does not print, and redaction.

A reference stands anywhere in a string: `${env:NAME}`, `${file:PATH}`, `${credential:NAME}` (a file in systemd's
credentials directory), `${keyring:SERVICE/NAME}`. No secret ever reaches a log, a report, the state store or an error
text: `Secret` prints as `***`, and the `Redactor` takes every known value, in the forms it travels in, out of any text.
"""

from __future__ import annotations

import base64
import html
import json
import re
import stat
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import quote, quote_plus, unquote, unquote_plus

from syncd.core.values import nearest
from syncd.errors import UsageError

MASK = "***"
SHORTEST = 6
"""Shorter values are not redacted: they would be found in the midst of ordinary words."""

LITERAL_HINT = "write a reference instead: ${env:NAME}, ${file:PATH}, ${credential:NAME} or ${keyring:SERVICE/NAME}"
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LARGEST_FILE = 65_536
_URL = re.compile(r"(?P<head>[\w+.-]+://)(?:(?P<user>[^:@/]*)(?::(?P<password>[^@]*))?@)?(?P<rest>.*)", re.DOTALL)
_QUERY_SECRET = re.compile(
    r"(?P<name>[?&](?:password|passwd|pwd|sslpassword|secret|token|api_?key|odbc_connect)=)(?P<value>[^&]*)",
    re.IGNORECASE,
)


class Secret:
    """A value that must not be seen: only `reveal` gives it. `why` says what is missing where it is not resolved."""

    __slots__ = ("_value", "_why")

    def __init__(self, value: str, *, why: str = "") -> None:
        self._value = value
        self._why = why

    def reveal(self) -> str:
        """The value itself, for the one place that sends it. Raises `UsageError` when it could not be resolved."""
        if self._why:
            raise UsageError(self._why)
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value or self._why)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and (self._value, self._why) == (other._value, other._why)

    def __hash__(self) -> int:
        return hash((self._value, self._why))

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, _spec: str) -> str:
        return MASK

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied")


class Unresolved(ValueError):  # noqa: N818 - it names what is wrong, as the error texts do
    """A reference that leads to no value: `reason` says why and `hint` what to do; neither holds a secret."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Resolved:
    """A string with its references replaced. `secrets` are the values that came from them."""

    text: str
    secrets: tuple[str, ...]
    exposed: tuple[Path, ...] = ()
    """Files among them that every user of the machine may read."""


class References:
    """Resolves references. `directory` is the deployment's: relative paths start there."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self._directory = directory
        self._environment = environment
        self._exposed: list[Path] = []
        self._kinds: dict[str, Callable[[str], str]] = {
            "env": self._env,
            "file": self._file,
            "credential": self._credential,
            "keyring": self._keyring,
        }

    def resolve(self, text: str) -> Resolved:
        """`text` with every reference replaced by its value. Raises `Unresolved` for the first that has none."""
        secrets: list[str] = []
        self._exposed = []

        def value(match: re.Match[str]) -> str:
            secrets.append(self._value(match[0], match[1]))
            return secrets[-1]

        return Resolved(_REFERENCE.sub(value, text), tuple(secrets), tuple(self._exposed))

    def _value(self, reference: str, inner: str) -> str:
        kind, colon, name = inner.partition(":")
        resolve = self._kinds.get(kind.strip())
        if resolve is None or not colon:
            close = nearest(kind, self._kinds, 1) if colon else ()
            hint = f"did you mean ${{{close[0]}:{name}}}?" if close else LITERAL_HINT
            if not colon and _ENV_NAME.fullmatch(inner):
                hint = f"did you mean ${{env:{inner}}}?"
            raise Unresolved(f"{reference} is not a reference to a secret", hint)
        if not name.strip():
            raise Unresolved(f"{reference} names nothing", LITERAL_HINT)
        return resolve(name.strip())

    def _env(self, name: str) -> str:
        value = self._environment.get(name)
        if value:
            return value
        state = "is not set" if value is None else "is set, but empty"
        raise Unresolved(f"the environment variable {name} {state}", f"set it where syncd is started: export {name}=…")

    def _file(self, name: str) -> str:
        path = located(self._directory, name)
        value = _read(path, f"the secret's file {name}", "the path is relative to syncd.toml's folder")
        if path.stat().st_mode & stat.S_IROTH:
            self._exposed.append(path)
        return value

    def _credential(self, name: str) -> str:
        directory = self._environment.get(CREDENTIALS_DIRECTORY)
        if not directory:
            raise Unresolved(
                f"the credential {name} cannot be looked up: {CREDENTIALS_DIRECTORY} is not set",
                f"start syncd by a systemd unit with LoadCredential={name}:PATH, or use ${{env:…}} or ${{file:…}}",
            )
        if "/" in name:
            raise Unresolved(f"the credential's name {name} has a /", "write the name alone")
        return _read(Path(directory) / name, f"the credential {name}", f"add LoadCredential={name}:PATH to the unit")

    def _keyring(self, name: str) -> str:
        service, slash, user = name.rpartition("/")
        if not slash or not service or not user:
            raise Unresolved(f"${{keyring:{name}}} names no entry", "write ${keyring:SERVICE/NAME}")
        import keyring
        from keyring.errors import KeyringError

        try:
            value = keyring.get_password(service, user)
        except KeyringError as error:
            cause = " ".join(str(error).split()) or type(error).__name__
            raise Unresolved(
                f"the keyring could not be asked for {name}: {cause}", "unlock it, or use ${env:NAME} or ${file:PATH}"
            ) from error
        if not value:
            raise Unresolved(f"the keyring holds nothing for {name}", f"store it: keyring set {service} {user}")
        return str(value)


def located(directory: Path, name: str) -> Path:
    """A path as files write it: relative ones start at `directory`; `~` is a home folder, where there is one."""
    try:
        return directory / Path(name).expanduser()
    except RuntimeError:
        return directory / name


def _read(path: Path, what: str, hint: str) -> str:
    """The content of a secret's file without its trailing line break."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_FILE + 1)
    except (FileNotFoundError, ValueError):
        raise Unresolved(f"{what} does not exist", hint) from None
    except OSError as error:
        raise Unresolved(f"{what} cannot be read: {error.strerror}", "let syncd's user read it") from error
    if len(content) > _LARGEST_FILE:
        raise Unresolved(f"{what} is larger than 64 KiB: that is no secret", hint)
    try:
        value = content.decode()
    except UnicodeDecodeError:
        raise Unresolved(f"{what} is not UTF-8 text", "store the secret as text") from None
    value = value.removesuffix("\n").removesuffix("\r")
    if not value:
        raise Unresolved(f"{what} is empty", "write the secret into it")
    return value


def url_secrets(url: str) -> tuple[str, ...]:
    """What of a URL is secret, as written there and decoded: its password and password-like query values."""
    found: list[str] = []
    match = _URL.fullmatch(url)
    if match is None:
        return ()
    if match["password"]:
        found += (match["password"], unquote(match["password"]))
    for query in _QUERY_SECRET.finditer(match["rest"]):
        found += (query["value"], unquote_plus(query["value"]))
    return tuple(dict.fromkeys(value for value in found if value))


def mask_url(url: str) -> str:
    """A URL as a person may see it: its password and password-like query values replaced by `***`."""
    match = _URL.fullmatch(url)
    if match is None:
        return MASK
    user = match["user"]
    login = "" if user is None else f"{user}:{MASK}@" if match["password"] is not None else f"{user}@"
    return match["head"] + login + _QUERY_SECRET.sub(lambda query: query["name"] + MASK, match["rest"])


def has_reference(text: str) -> bool:
    """Whether `text` holds a reference."""
    return _REFERENCE.search(text) is not None


class Redactor:
    """Takes every secret it knows out of any text. Safe to use from several threads.

    Known are the value itself, percent-encoded (both ways of writing blanks and hex digits), in base64, and as JSON and
    HTML write it.
    """

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self._lock = threading.Lock()

    def add(self, value: str) -> None:
        """Remember a secret; values under `SHORTEST` characters are not redacted."""
        if len(value) >= SHORTEST:
            self._remember({*_forms(value), *_base64(value)})

    def add_login(self, user: str, password: str) -> None:
        """Remember the `user:password` of HTTP's basic authentication in its base64 form, however short they are."""
        if user and password:
            self._remember({form for form in _base64(f"{user}:{password}") if len(form) >= SHORTEST})

    def _remember(self, forms: set[str]) -> None:
        with self._lock:
            self._forms |= forms
            longest_first = sorted(self._forms, key=lambda form: (-len(form), form))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)))

    def redact(self, text: str) -> str:
        """`text` with every secret replaced by `***`."""
        pattern = self._pattern
        return text if pattern is None else pattern.sub(MASK, text)

    def __repr__(self) -> str:
        return f"Redactor({len(self._forms)} forms)"


def _forms(value: str) -> set[str]:
    encoded = {quote(value, safe=""), quote(value), quote_plus(value)}
    lower = {re.sub(r"%[0-9A-F]{2}", lambda part: part[0].lower(), form) for form in encoded}
    texts = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return {value, *encoded, *lower, *texts, html.escape(value), html.escape(value, quote=False)}


def _base64(value: str) -> set[str]:
    data = value.encode()
    return {base64.b64encode(data).decode().rstrip("="), base64.urlsafe_b64encode(data).decode().rstrip("=")}
