"""The HTTP connections to one site."""

from __future__ import annotations

import ssl
from http.cookiejar import DefaultCookiePolicy
from importlib.metadata import PackageNotFoundError, version
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from syncd.adapters.erpnext.auth import Auth
from syncd.errors import AccessError, UnreachableError


def open_http(
    base_url: str, auth: Auth, *, concurrency: int, verify: bool | str, transport: httpx.BaseTransport | None
) -> httpx.Client:
    """A client with `concurrency` kept connections that sends no cookie back.

    Every answer of a site sets cookies, and a session would win over the token. The environment's proxies are used
    except for loopback. `verify` may be the path of a CA bundle; raises `UnreachableError` when it cannot be read, and
    `AccessError` for credentials that no site reads: more than two words of the header make a guest of the user.
    """
    header = auth.header()
    if not header.isascii() or not header.isprintable() or header.count(" ") != 1:
        raise AccessError(
            f"the credentials for {base_url} hold blanks or characters that no API key has",
            hint="copy key and secret of this site's user anew, without a line break, and without quotes in a file",
        )
    client = httpx.Client(
        headers={"Accept": "application/json", "Authorization": header, "User-Agent": f"syncd/{_version()}"},
        verify=_trusted(verify) if isinstance(verify, str) else verify,
        trust_env=not _loopback(base_url),
        limits=httpx.Limits(max_connections=max(concurrency, 1), max_keepalive_connections=max(concurrency, 1)),
        follow_redirects=False,
        transport=transport,
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    return client


def _trusted(bundle: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        raise UnreachableError(
            f"the CA bundle {bundle} cannot be read: {error}",
            hint="give verify_tls of this site the path of a PEM file, or true",
        ) from error


def _loopback(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _version() -> str:
    try:
        return version("syncd")
    except PackageNotFoundError:
        return "0"
