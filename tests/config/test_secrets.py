"""References, the type that does not print, literal secrets, and redaction in every form a secret travels in."""

from __future__ import annotations

import base64
import copy
import json
import pickle
import sys
import types
from dataclasses import asdict
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from syncd.config import Redactor, Secret, load
from syncd.config.secrets import References, Unresolved, mask_url, url_secrets
from syncd.errors import ConfigError
from tests.config.cases import ENVIRONMENT, SETTINGS, TOP, lay_out


@pytest.fixture
def keyring(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], str]:
    entries = {("syncd", "erpnext"): "aus-dem-ring"}

    class KeyringError(Exception):
        pass

    def get_password(service: str, user: str) -> str | None:
        if service == "locked":
            raise KeyringError("the keyring\nis locked")
        return entries.get((service, user))

    errors = types.ModuleType("keyring.errors")
    errors.KeyringError = KeyringError  # type: ignore[attr-defined]
    module = types.ModuleType("keyring")
    module.get_password = get_password  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    return entries


@pytest.fixture
def references(tmp_path: Path, keyring: dict[tuple[str, str], str]) -> References:
    (tmp_path / "secret.txt").write_text("first line \n")
    (tmp_path / "windows.txt").write_bytes(b"from windows\r\n")
    (tmp_path / "two.txt").write_text("ends in two\n\n")
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "huge").write_bytes(b"x" * 70_000)
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "erpnext_secret").write_text("vom-systemd\n")
    environment = {"NAME": "value", "EMPTY": "", "CREDENTIALS_DIRECTORY": str(tmp_path / "credentials")}
    return References(tmp_path, environment)


@pytest.mark.parametrize(
    ("text", "value", "what"),
    [
        ("${env:NAME}", "value", "a variable of the environment"),
        ("${ env : NAME }", "value", "blanks do not count"),
        ("a${env:NAME}b${env:NAME}", "avaluebvalue", "references within a longer text"),
        ("${file:secret.txt}", "first line ", "a file loses its line break, and nothing else"),
        ("${file:windows.txt}", "from windows", "a line break of Windows"),
        ("${file:two.txt}", "ends in two\n", "one line break only"),
        ("${credential:erpnext_secret}", "vom-systemd", "a credential of systemd"),
        ("${keyring:syncd/erpnext}", "aus-dem-ring", "an entry of the keyring"),
        ("no $reference {here}", "no $reference {here}", "other text stays"),
    ],
)
def test_references_resolve(references: References, text: str, value: str, what: str) -> None:
    assert references.resolve(text).text == value, what


@pytest.mark.parametrize(
    ("text", "reason", "hint"),
    [
        ("${env:MISSING}", "the environment variable MISSING is not set", "export MISSING=…"),
        ("${env:EMPTY}", "the environment variable EMPTY is set, but empty", "export EMPTY=…"),
        ("${NAME}", "${NAME} is not a reference to a secret", "did you mean ${env:NAME}?"),
        ("${envv:NAME}", "${envv:NAME} is not a reference to a secret", "did you mean ${env:NAME}?"),
        ("${vault:a/b}", "${vault:a/b} is not a reference to a secret", "${env:NAME}, ${file:PATH}"),
        ("${env:}", "${env:} names nothing", "${env:NAME}, ${file:PATH}"),
        ("${file:gone.txt}", "the secret's file gone.txt does not exist", "relative to syncd.toml's folder"),
        ("${file:credentials}", "the secret's file credentials cannot be read: Is a directory", "let syncd's user"),
        ("${file:empty.txt}", "the secret's file empty.txt is empty", "write the secret into it"),
        ("${file:binary}", "the secret's file binary is not UTF-8 text", "store the secret as text"),
        ("${file:huge}", "the secret's file huge is larger than 64 KiB: that is no secret", "relative to"),
        ("${credential:gone}", "the credential gone does not exist", "add LoadCredential=gone:PATH to the unit"),
        ("${credential:../secret.txt}", "the credential's name ../secret.txt has a /", "write the name alone"),
        ("${keyring:syncd}", "${keyring:syncd} names no entry", "write ${keyring:SERVICE/NAME}"),
        ("${keyring:syncd/gone}", "the keyring holds nothing for syncd/gone", "keyring set syncd gone"),
        ("${keyring:locked/x}", "the keyring could not be asked for locked/x: the keyring is locked", "unlock it"),
    ],
)
def test_references_that_lead_nowhere(references: References, text: str, reason: str, hint: str) -> None:
    with pytest.raises(Unresolved) as caught:
        references.resolve(text)
    assert caught.value.reason == reason
    assert hint in caught.value.hint


def test_a_credential_needs_systemd(tmp_path: Path) -> None:
    with pytest.raises(Unresolved) as caught:
        References(tmp_path, {}).resolve("${credential:erpnext_secret}")
    assert caught.value.reason == "the credential erpnext_secret cannot be looked up: CREDENTIALS_DIRECTORY is not set"
    assert "LoadCredential=erpnext_secret:PATH" in caught.value.hint


def test_a_secret_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret("geheim-geheim")
    for shown in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        repr([secret]),
    ):
        assert "geheim" not in shown
        assert "***" in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret.reveal() == "geheim-geheim"
    assert secret == Secret("geheim-geheim")
    assert secret != Secret("anders")
    assert not Secret("")
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {})
    deployment = load(environment=ENVIRONMENT)
    assert not any(value in repr(deployment) for value in ENVIRONMENT.values())
    with pytest.raises(TypeError):
        asdict(deployment.settings)


@pytest.mark.parametrize(
    ("old", "new", "expect"),
    [
        (
            'secret = "${env:ERPNEXT_SECRET}"',
            'secret = "offen-im-text"',
            (
                "syncd.toml: sites.main.secret: this is the secret itself (write a reference instead: ${env:NAME}, "
                "${file:PATH}, ${credential:NAME} or ${keyring:SERVICE/NAME})"
            ),
        ),
        (
            '"sqlite:///shop.db"',
            '"mysql://shop:offen-im-text@db/shop"',
            (
                "syncd.toml: sources.shop.url: the URL holds the password itself (write a reference instead: "
                "${env:NAME}, ${file:PATH}, ${credential:NAME} or ${keyring:SERVICE/NAME})"
            ),
        ),
        (
            '"sqlite:///shop.db"',
            '"mssql://db/shop?password=offen-im-text"',
            (
                "syncd.toml: sources.shop.url: the URL holds the password itself (write a reference instead: "
                "${env:NAME}, ${file:PATH}, ${credential:NAME} or ${keyring:SERVICE/NAME})"
            ),
        ),
    ],
)
def test_literal_secrets_work_and_are_warned_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, expect: str
) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {TOP: SETTINGS.replace(old, new)})
    deployment = load(environment=ENVIRONMENT)
    assert [str(warning) for warning in deployment.warnings] == [expect]
    assert deployment.redactor.redact("it is offen-im-text!") == "it is ***!"


@pytest.mark.parametrize(
    ("old", "new", "expect", "what"),
    [
        (
            "${env:ERPNEXT_SECRET}",
            "${env:ERPNEXT_SECRT}",
            (
                "sites.main.secret: the environment variable ERPNEXT_SECRT is not set "
                "(set it where syncd is started: export ERPNEXT_SECRT=…)"
            ),
            "not set",
        ),
        (
            '"${env:ERPNEXT_SECRET}"',
            "12345678",
            (
                "sites.main.secret: expected a string with a reference to a secret, like ${env:NAME}, "
                "found something else (write a reference instead: "
                "${env:NAME}, ${file:PATH}, ${credential:NAME} or ${keyring:SERVICE/NAME})"
            ),
            "a number: not shown",
        ),
        (
            "${env:ERPNEXT_SECRET}",
            "two\\nlines-long",
            (
                "sites.main.secret: the secret has a line break or another control character "
                "(store it as one line of text)"
            ),
            "a line break would break the request's header",
        ),
        (
            '"sqlite:///shop.db"',
            '"mysgl://shop:offen-im-text@db/shop"',
            'sources.shop.url: "mysgl" is no kind of database (did you mean "mysql"?)',
            "a broken URL with a password: not shown",
        ),
    ],
)
def test_broken_secrets_show_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, expect: str, what: str
) -> None:
    assert old in SETTINGS
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {TOP: SETTINGS.replace(old, new)})
    with pytest.raises(ConfigError) as caught:
        load(environment=ENVIRONMENT)
    assert str(caught.value) == f"syncd.toml: {expect}", what
    assert not any(value in str(caught.value) for value in ("12345678", "offen-im-text", "lines-long"))


def test_a_secret_that_repeats_in_another_problem_is_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {TOP: SETTINGS + f'[log]\nlevel = "{ENVIRONMENT["ERPNEXT_KEY"]}"\n'})
    with pytest.raises(ConfigError) as caught:
        load(environment=ENVIRONMENT)
    assert 'level cannot be "***"' in str(caught.value)


def test_a_file_that_everybody_reads_is_warned_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {TOP: SETTINGS.replace("${env:ERPNEXT_SECRET}", "${file:secret.txt}")})
    (tmp_path / "secret.txt").write_text("geheim-geheim\n")
    (tmp_path / "secret.txt").chmod(0o600)
    deployment = load(environment=ENVIRONMENT)
    assert deployment.warnings == []
    assert deployment.settings.sites["main"].secret.reveal() == "geheim-geheim"
    (tmp_path / "secret.txt").chmod(0o644)
    assert [warning.message for warning in load(environment=ENVIRONMENT).warnings] == [
        "every user of this machine may read the secret in secret.txt"
    ]


HARD = 'pä"ss/w+o rd&<1>\\%'


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (f"refused {HARD}!", "as it is"),
        (f"GET /?token={quote(HARD, safe='')}", "percent-encoded"),
        (f"GET /{quote(HARD)}", "percent-encoded, with its slash"),
        (f"GET /?token={quote_plus(HARD)}", "percent-encoded, with + for blanks"),
        (f"GET /?token={quote(HARD, safe='').lower().replace('%c3%a4', '%c3%a4')}", "in small hex digits"),
        (json.dumps({"secret": HARD}), "in JSON"),
        (json.dumps({"secret": HARD}, ensure_ascii=False), "in JSON with other letters as they are"),
        (repr(HARD), "as Python shows it"),
        ("<td>pä&quot;ss/w+o rd&amp;&lt;1&gt;\\%</td>", "in HTML"),
        (f"Basic {base64.b64encode(f'key:{HARD}'.encode()).decode()}", "in a header of basic authentication"),
        (base64.b64encode(HARD.encode()).decode(), "in base64"),
    ],
)
def test_redaction_of_every_form(text: str, what: str) -> None:
    redactor = Redactor()
    redactor.add(HARD)
    redactor.add_login("key", HARD)
    redacted = redactor.redact(text)
    assert "***" in redacted, what
    for part in ("ss/w", "ss%2Fw", "ss%2fw", "o rd", "o+rd", "o%20rd", text.removeprefix("Basic ")):
        assert part not in redacted, what


def test_redaction_takes_the_longest_and_leaves_the_rest() -> None:
    redactor = Redactor()
    assert redactor.redact("nothing known yet") == "nothing known yet"
    redactor.add("abcdef")
    redactor.add("abcdefghij")
    redactor.add("short")
    assert redactor.redact("abcdefghij abcdef short") == "*** *** short"
    assert "abcdef" not in repr(redactor)


def test_short_logins_are_redacted_in_their_header() -> None:
    redactor = Redactor()
    redactor.add_login("full", "full")
    assert redactor.redact("Authorization: Basic ZnVsbDpmdWxs; full") == "Authorization: Basic ***; full"


@pytest.mark.parametrize(
    ("url", "shown", "secrets"),
    [
        ("mysql://u:p%40ss@h/d", "mysql://u:***@h/d", ("p%40ss", "p@ss")),
        ("mysql://u@h/d", "mysql://u@h/d", ()),
        ("postgresql://h/d?user=u&password=p+w&x=1", "postgresql://h/d?user=u&password=***&x=1", ("p+w", "p w")),
        ("sqlite:///a@b:c.db", "sqlite:///a@b:c.db", ()),
        ("no url", "***", ()),
    ],
)
def test_urls_are_shown_without_their_secrets(url: str, shown: str, secrets: tuple[str, ...]) -> None:
    assert mask_url(url) == shown
    assert url_secrets(url) == secrets


def test_references_in_a_url_hide_the_password_and_leave_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    url = "postgresql://${env:DB_USER}:${env:DB_PASSWORD}@${env:DB_HOST}:5432/shop"
    lay_out(tmp_path, {TOP: SETTINGS.replace("sqlite:///shop.db", url)})
    environment = {**ENVIRONMENT, "DB_USER": "shop_user", "DB_PASSWORD": "pr1vat-wort", "DB_HOST": "db.example.com"}
    deployment = load(environment=environment)
    assert deployment.warnings == []
    assert deployment.settings.sources["shop"].shown == "postgresql://shop_user:***@db.example.com:5432/shop"
    text = "shop_user at db.example.com with pr1vat-wort"
    assert deployment.redactor.redact(text) == "shop_user at db.example.com with ***"
