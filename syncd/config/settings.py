"""syncd.toml, typed (contract, "syncd.toml"). Durations are seconds, secrets `Secret`, relative paths resolved."""

# ruff: noqa: RUF009 - `entry` and `optional` make dataclass fields, as dataclasses.field does

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from urllib.parse import urlsplit

from syncd.config.cron import CRON_HINT, check_cron
from syncd.config.durations import UNITS
from syncd.config.kinds import (
    Choice,
    Duration,
    FilePath,
    LimitKind,
    Rate,
    SecretText,
    Text,
    TrustKind,
    Whole,
    Zone,
    resolved,
)
from syncd.config.problems import Place, Wrong, suggestion
from syncd.config.secrets import LITERAL_HINT, Secret, has_reference, mask_url, url_secrets
from syncd.config.tables import KeyKind, Named, Section, Table, entry, optional
from syncd.config.toml import as_toml
from syncd.core.guards import Limit

SANDBOX = "sandbox"
SANDBOX_USER = "full"
"""The sandbox's API user with every role: key and secret (contract, `syncd sandbox`)."""

SHORTEST_PASS = 0.1
"""Seconds: the shortest `every`. Shorter ones are slips of the pen."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/?/?")
_DATABASES = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle")
_STATE_DRIVERS = {"sqlite": ("", "pysqlite"), "postgresql": ("", "psycopg")}
SOURCE_TYPES = ("sql",)


class Auth(Enum):
    """How syncd signs in to a site: both send the API key and secret of a user."""

    TOKEN = "token"  # noqa: S105 - the scheme's name
    BASIC = "basic"


class LogLevel(Enum):
    """The least severe messages that are logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(Enum):
    """How log lines look; AUTO is CONSOLE on a terminal, JSON elsewhere."""

    AUTO = "auto"
    CONSOLE = "console"
    JSON = "json"


class DatabaseUrl(KeyKind[Secret]):
    """The URL of a database, as SQLAlchemy takes it. All of it is kept as a secret; messages show no part of it."""

    expected = "a database URL"
    blank = Secret("")
    example = "sqlite:///shop.db"

    def _read(self, value: object, at: Place) -> Secret:
        if not isinstance(value, str):
            raise Wrong(f"expected {self.expected}", 'for example "sqlite:///shop.db" or "${env:SHOP_DATABASE_URL}"')
        found = resolved(value, at)
        if found is None:
            return Secret("", why=f"{at.path} in {at.reading.file} could not be resolved")
        for part in (*url_secrets(found.text), *_secret_parts(found.text, found.secrets)):
            at.reading.redactor.add(part)
        if any(not has_reference(part) for part in url_secrets(value)):
            at.warn("the URL holds the password itself", LITERAL_HINT)
        _check_database_url(found.text, at, self.example)
        return Secret(found.text)


def _secret_parts(url: str, references: tuple[str, ...]) -> list[str]:
    """References that are neither the whole URL nor a part of it that messages need (user, host, database)."""
    match = re.fullmatch(r"[\w+.-]+://(?:([^:@/]*)(?::[^@]*)?@)?([^/:?]*)(?::(\d+))?(?:/([^?]*))?.*", url, re.DOTALL)
    plain = {url, *(match.groups() if match else ())}
    return [part for part in references if part not in plain]


def _check_database_url(url: str, at: Place, example: str) -> None:
    match = _SCHEME.match(url)
    if match is None or "://" not in url:
        raise Wrong("this is no URL", 'for example "sqlite:///shop.db": scheme, ://, place')
    scheme = match[1].lower()
    base = scheme.partition("+")[0]
    if at.not_yet(base):
        return
    close = suggestion(base, _DATABASES)
    if base not in _DATABASES and close.startswith("did"):
        raise Wrong(f"{as_toml(scheme)} is no kind of database", close)
    if base == "sqlite":
        _check_file_url(url, "sqlite", example)


def _check_file_url(url: str, scheme: str, example: str) -> None:
    """A file stands after three slashes (relative to the deployment) or four (absolute)."""
    place = url.partition("://")[2].partition("?")[0]
    if not place.startswith("/"):
        raise Wrong(f"{scheme}:// needs a third slash before the file", f"{scheme}:///FILE, or {scheme}:////FULL/PATH")
    if place in {"/", "/:memory:"}:
        raise Wrong("this names no file: nothing would be kept", f'for example "{example}"')


class StateUrl(DatabaseUrl):
    """The URL of the state store: a SQLite file, or a PostgreSQL database."""

    example = "sqlite:///state/syncd.db"

    def _read(self, value: object, at: Place) -> Secret:
        secret = super()._read(value, at)
        if at.path in at.reading.failed or at.reading.offline:
            return secret
        scheme = secret.reveal().partition(":")[0].lower()
        base, _, driver = scheme.partition("+")
        if base not in _STATE_DRIVERS:
            hint = 'for example "sqlite:///state/syncd.db" or "postgresql://syncd@db/syncd"'
            raise Wrong(f"the state store is no {as_toml(base)} database", hint)
        if driver not in _STATE_DRIVERS[base]:
            raise Wrong(f"the state store takes no driver {as_toml(driver)}", f'write "{base}://…"')
        return secret


class SiteUrl(KeyKind[str]):
    """The address of an ERPNext site, without a path and without credentials; or the embedded stand-in's file."""

    expected = "a URL"
    blank = ""

    def _read(self, value: object, at: Place) -> str:
        text = Text(references=True).read(value, at).strip()
        if has_reference(text):
            return text
        match = _SCHEME.match(text)
        scheme = match[1].lower() if match and "://" in text else ""
        if scheme == SANDBOX:
            _check_file_url(text, SANDBOX, "sandbox:///state/sandbox.db")
            return text
        if scheme not in {"http", "https"}:
            shown = f"{as_toml(scheme)} is no scheme of a site's URL" if scheme else "this is no URL"
            raise Wrong(
                shown,
                'for example "https://erp.example.com", or "sandbox:///state/sandbox.db" for the embedded stand-in',
            )
        return _web_address(text, at)


def _web_address(text: str, at: Place) -> str:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise Wrong(f"this is no URL: {error}", 'for example "https://erp.example.com"') from None
    if parts.username is not None or parts.password is not None:
        for part in url_secrets(text):
            at.reading.redactor.add(part)
        raise Wrong("credentials stand in the URL", "take them out; write key and secret as references")
    if not host or re.search(r"\s", text):
        raise Wrong("the URL has no host" if not host else "the URL has blanks", 'like "https://erp.example.com"')
    shown = f"[{host}]" if ":" in host else host
    address = f"{parts.scheme}://{shown}{f':{port}' if port else ''}"
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise Wrong("only the site's address is wanted, no path", f'write "{address}"')
    if parts.scheme == "http" and not _loopback(host):
        at.warn("http sends the secret readably over the network", f'use "https://{shown}"')
    return address


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class SourceType(KeyKind[str]):
    """The name of a kind of source."""

    expected = 'a source\'s type: "sql"'
    blank = ""

    def _read(self, value: object, at: Place) -> str:
        if not isinstance(value, str):
            raise self.wrong_type(value)
        if value not in SOURCE_TYPES and not at.not_yet(value):
            close = suggestion(value, SOURCE_TYPES, plural="types")
            raise Wrong(f"{as_toml(value)} is not a type of source", close)
        return value


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int


class Listen(KeyKind[Address]):
    """`host:port`."""

    expected = "a string host:port"
    blank = Address("127.0.0.1", 8642)

    def _read(self, value: object, at: Place) -> Address:
        text = Text(references=True).read(value, at)
        host, _, port = text.rpartition(":")
        if not host or not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
            raise Wrong(f"{as_toml(text)} is no host:port", 'for example "127.0.0.1:8642"')
        return Address(host.strip("[]"), int(port))


class Cron(KeyKind[str]):
    """A cron expression of five fields."""

    expected = "a cron expression"
    blank = ""

    def _read(self, value: object, at: Place) -> str:  # noqa: ARG002 - not every kind looks around
        if not isinstance(value, str):
            raise self.wrong_type(value)
        try:
            check_cron(value)
        except ValueError as error:
            raise Wrong(str(error), CRON_HINT) from None
        return value


def check_pace(at: Place, every: float | None, cron: str | None) -> None:
    """Notes a problem where both `every` and `cron` are given."""
    if every is not None and cron is not None:
        at.child("cron").problem("every and cron are both given", "keep one of the two")


@dataclass(frozen=True, slots=True, kw_only=True)
class StateSettings(Table):
    """`[state]`."""

    url: Secret = entry(StateUrl(), default=Secret("sqlite:///state/syncd.db"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteSettings(Table):
    """`[sites.NAME]`: one ERPNext site."""

    url: str = entry(SiteUrl(), required=True)
    """`https://host`, without a slash at the end, or `sandbox:///FILE`."""
    auth: Auth = entry(Choice(Auth), default=Auth.TOKEN)
    key: Secret = entry(SecretText())
    secret: Secret = entry(SecretText())
    timezone: str = entry(Zone(auto=True), default="auto")
    """IANA name, or `auto`: the site is asked."""
    concurrency: int = entry(Whole(1, 64), default=4)
    requests_per_second: float | None = optional(Rate())
    timeout: float = entry(Duration(0.001), default=60.0)
    page_size: int = entry(Whole(1, 10_000), default=1_000)
    verify_tls: bool | Path = entry(TrustKind(), default=True)
    """Whether certificates are checked; a path is the CA bundle to check them by."""

    @property
    def is_sandbox(self) -> bool:
        """Whether the site is the embedded stand-in."""
        return self.url.startswith(f"{SANDBOX}:")

    def finish(self, at: Place) -> SiteSettings:
        """The sandbox has its own user; every other site needs key and secret."""
        if self.is_sandbox:
            user = Secret(SANDBOX_USER)
            return dataclasses.replace(self, key=self.key or user, secret=self.secret or user)
        if not at.sound("auth"):
            return self
        for name, value in (("key", self.key), ("secret", self.secret)):
            if not value and at.sound(name):
                at.child(name).problem(
                    "is missing",
                    f'write {name} = "${{env:ERPNEXT_{name.upper()}}}": the API {name} of the site\'s user',
                )
        if self.key and self.secret and at.sound("key", "secret") and not at.reading.offline:
            at.reading.redactor.add_login(self.key.reveal(), self.secret.reveal())
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings(Table):
    """`[sources.NAME]`: one external system."""

    type: str = entry(SourceType(), required=True)
    url: Secret = entry(DatabaseUrl(), required=True)

    @property
    def shown(self) -> str:
        """The URL as a person may see it: without its password. Raises `UsageError` when it is not resolved."""
        return mask_url(self.url.reveal())


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Table):
    """`[schedule]`: when passes run, unless a mapping says otherwise."""

    every: float | None = optional(Duration(SHORTEST_PASS))
    """Seconds between passes; None only where `cron` is set."""
    cron: str | None = optional(Cron())
    full_every: float = entry(Duration(1.0), default=UNITS["d"])
    overlap: float = entry(Duration(), default=10 * UNITS["m"])

    def finish(self, at: Place) -> Schedule:
        """One minute, unless the file says otherwise."""
        check_pace(at, self.every, self.cron)
        if self.every is None and self.cron is None:
            return dataclasses.replace(self, every=UNITS["m"])
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks(Table):
    """`[webhooks]`: where the daemon takes hints. Read, but not served by this version."""

    listen: Address = entry(Listen())
    public_url: str | None = optional(Text(references=True))
    secret: Secret | None = optional(SecretText())

    def finish(self, at: Place) -> Webhooks:
        """Says that nothing listens yet."""
        at.warn("webhooks are not served by this version yet", "changes are found on schedule; nothing else to do")
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Safety(Table):
    """`[safety]`: how much one pass may delete and change before it halts."""

    max_deletes: Limit = entry(LimitKind(), default=Limit(share=0.1))
    max_updates: Limit = entry(LimitKind(), default=Limit(share=0.5))


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSettings(Table):
    """`[reports]`."""

    directory: Path = entry(FilePath(), default=Path("state/reports"))
    keep: float = entry(Duration(UNITS["s"]), default=90 * UNITS["d"])

    def finish(self, at: Place) -> ReportSettings:
        """The directory of the default is the deployment's too."""
        return dataclasses.replace(self, directory=at.reading.directory / self.directory)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings(Table):
    """`[log]`."""

    level: LogLevel = entry(Choice(LogLevel), default=LogLevel.INFO)
    format: LogFormat = entry(Choice(LogFormat), default=LogFormat.AUTO)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Table):
    """The whole of syncd.toml."""

    state: StateSettings = entry(Section(StateSettings))
    sites: Mapping[str, SiteSettings] = entry(Named(SiteSettings))
    sources: Mapping[str, SourceSettings] = entry(Named(SourceSettings))
    schedule: Schedule = entry(Section(Schedule))
    webhooks: Webhooks | None = optional(Section(Webhooks))
    safety: Safety = entry(Section(Safety))
    reports: ReportSettings = entry(Section(ReportSettings))
    log: LogSettings = entry(Section(LogSettings))

    def finish(self, at: Place) -> Settings:
        """A deployment has at least one site and one source."""
        for name, entries, example in (
            ("sites", self.sites, '[sites.main] with url = "https://…", key and secret'),
            ("sources", self.sources, '[sources.shop] with type = "sql" and url = "…"'),
        ):
            if not entries and at.sound(name):
                at.child(name).problem("there is none", f"add {example}")
        return self
