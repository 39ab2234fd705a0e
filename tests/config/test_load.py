"""Good deployments: defaults, the contract's own examples, where files are looked for, and what spans several files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from syncd.config import load
from syncd.config.settings import Auth, LogFormat, LogLevel
from syncd.core.guards import Limit
from syncd.core.mapping import Create, ErpnextDeleted, LeftScope, SourceDeleted, Touch, WriteBack
from syncd.core.model import Direction, Wins
from syncd.errors import ConfigError, UsageError
from tests.config.cases import CUSTOMER, ENVIRONMENT, MAPPING, SETTINGS, TOP, lay_out


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lay_out(tmp_path, {})
    return tmp_path


def test_defaults_are_the_contracts(good: Path) -> None:
    deployment = load(environment=ENVIRONMENT)
    settings, site = deployment.settings, deployment.settings.sites["main"]
    assert (site.auth, site.timezone, site.concurrency, site.requests_per_second) == (Auth.TOKEN, "auto", 4, None)
    assert (site.timeout, site.page_size, site.verify_tls) == (60.0, 1000, True)
    assert (settings.schedule.every, settings.schedule.cron) == (60.0, None)
    assert (settings.schedule.full_every, settings.schedule.overlap) == (86_400.0, 600.0)
    assert (settings.safety.max_deletes, settings.safety.max_updates) == (Limit(share=0.1), Limit(share=0.5))
    assert (settings.reports.directory, settings.reports.keep) == (good / "state/reports", 90 * 86_400.0)
    assert (settings.log.level, settings.log.format) == (LogLevel.INFO, LogFormat.AUTO)
    assert settings.webhooks is None
    spec = deployment.mappings["customer"]
    assert (spec.site, spec.direction, spec.every, spec.cron, spec.enabled) == (
        "main",
        Direction.BOTH,
        None,
        None,
        True,
    )
    assert (spec.write_back, spec.touch, spec.timezone, spec.wins) == (WriteBack.AUTO, Touch.AUTO, "UTC", Wins.MANUAL)
    assert (spec.source_deleted, spec.erpnext_deleted) == (SourceDeleted.IGNORE, ErpnextDeleted.IGNORE)
    assert (spec.left_scope, spec.create) == (LeftScope.PAUSE, Create.BOTH)
    assert deployment.warnings == []


@pytest.mark.parametrize(
    ("direction", "create", "why"),
    [
        ("both", Create.BOTH, "both ways: partners on both sides"),
        ("to_erpnext", Create.ERPNEXT, "one way: partners where it leads"),
        ("to_source", Create.SOURCE, "the other way likewise"),
    ],
)
def test_partners_are_created_where_the_direction_leads(good: Path, direction: str, create: Create, why: str) -> None:
    lay_out(good, {CUSTOMER: MAPPING.replace("[erpnext]", f'direction = "{direction}"\n[erpnext]')})
    spec = load(environment=ENVIRONMENT).mappings["customer"]
    assert spec.create is create, why
    assert {field.direction for field in spec.fields} == {Direction(direction)}, "fields take the mapping's direction"


def test_create_both_is_cut_to_the_direction_with_a_warning(good: Path) -> None:
    content = MAPPING.replace("[erpnext]", 'direction = "to_erpnext"\n[erpnext]').replace(
        "by =", 'create = "both"\nby ='
    )
    lay_out(good, {CUSTOMER: content})
    deployment = load(environment=ENVIRONMENT)
    assert deployment.mappings["customer"].create is Create.ERPNEXT
    assert [str(warning) for warning in deployment.warnings] == [
        (
            'mappings/customer.toml: match.create: "both" acts as "erpnext": the mapping\'s direction "to_erpnext" '
            'writes nothing into the source (write "erpnext")'
        )
    ]


def test_the_sandbox_has_its_own_user(good: Path) -> None:
    lay_out(good, {TOP: SETTINGS.split("[sites.main]")[0] + '[sites.main]\nurl = "sandbox:///s.db"\n'
                   '[sources.shop]\ntype = "sql"\nurl = "sqlite:///shop.db"\n'})  # fmt: skip
    site = load(environment={}).settings.sites["main"]
    assert site.is_sandbox
    assert (site.key.reveal(), site.secret.reveal()) == ("full", "full")


def test_a_disabled_mapping_is_read_but_not_enabled(good: Path) -> None:
    disabled = MAPPING.replace("[erpnext]", "enabled = false\n[erpnext]")
    lay_out(good, {"mappings/lead.toml": disabled.replace('"Customer"', '"Lead"')})
    deployment = load(environment=ENVIRONMENT)
    assert list(deployment.mappings) == ["customer", "lead"]
    assert deployment.enabled == ("customer",)


def test_problems_of_all_files_come_at_once(good: Path) -> None:
    files: dict[str, str | bytes] = {
        TOP: SETTINGS.replace("[state]", "[stat]"),
        CUSTOMER: MAPPING.replace("entity", "entitty"),
        "mappings/broken.toml": "[mapping\n",
        "mappings/item.toml": MAPPING.replace('"shop"', '"shopp"').replace('"id"', "1"),
    }
    lay_out(good, files)
    with pytest.raises(ConfigError) as caught:
        load(environment={"ERPNEXT_KEY": "k" * 15})
    assert str(caught.value).splitlines() == [
        'syncd.toml: stat: unknown key (did you mean "state"?)',
        (
            "syncd.toml: sites.main.secret: the environment variable ERPNEXT_SECRET is not set "
            "(set it where syncd is started: export ERPNEXT_SECRET=…)"
        ),
        "mappings/broken.toml: line 1, column 9: a [table] without its closing bracket (write [name])",
        'mappings/customer.toml: mapping.entitty: unknown key (did you mean "entity"?)',
        "mappings/customer.toml: mapping.entity: is missing (expected a string)",
        (
            "mappings/item.toml: source.id: expected a string or an array of strings, found the integer 1 "
            '(for example id = ["one", "two"])'
        ),
        'mappings/item.toml: mapping.source: syncd.toml has no source "shopp" (did you mean "shop"?)',
    ]


def test_mappings_are_checked_when_syncd_toml_cannot_be_read(good: Path) -> None:
    lay_out(good, {TOP: "[state\n", CUSTOMER: MAPPING.replace("entity", "entitty")})
    with pytest.raises(ConfigError) as caught:
        load(environment=ENVIRONMENT)
    assert [(problem.file, problem.key) for problem in caught.value.problems] == [
        (TOP, ""),
        (CUSTOMER, "mapping.entitty"),
        (CUSTOMER, "mapping.entity"),
    ]


SEVERAL = SETTINGS + '\n[sites.test]\nurl = "http://127.0.0.1:8000"\nkey = "${env:ERPNEXT_KEY}"\n' + (
    'secret = "${env:ERPNEXT_SECRET}"\n\n[sources.crm]\ntype = "sql"\nurl = "sqlite:///crm.db"\n'
)  # fmt: skip
ON_MAIN = MAPPING.replace("[erpnext]", 'site = "main"\n[erpnext]')


@pytest.mark.parametrize(
    ("files", "expect", "what"),
    [
        (
            {TOP: SEVERAL},
            "mappings/customer.toml: mapping.site: is missing, and syncd.toml has several sites (name one: main, test)",
            "which of several sites",
        ),
        (
            {TOP: SEVERAL, CUSTOMER: ON_MAIN, "mappings/lead.toml": ON_MAIN.replace('"shop"', '"crm"')},
            (
                'mappings/lead.toml: erpnext.external_id: "syncd_shop_id" of Customer already holds the ids of shop '
                'customers (mapping "customer") (give each its own field, like "syncd_crm_customers_id")'
            ),
            "two sources share one external id field",
        ),
        (
            {"mappings/customer-copy.toml": MAPPING},
            (
                'mappings/customer.toml: mapping: the mapping "customer-copy" pairs the same Customer with the same '
                "shop customers (set enabled = false in one of them, or give them different filters)"
            ),
            "a mapping copied to another file",
        ),
        (
            {"mappings/two words.toml": MAPPING.replace('"customers"', '"leads"').replace("shop_id", "lead_id")},
            (
                'mappings/two words.toml: "two words" cannot be a mapping\'s name '
                "(rename the file: letters, digits, _, . and -)"
            ),
            "a name that cannot be typed on a command line",
        ),
        (
            {CUSTOMER: MAPPING.encode() + b"language = 'fran\xe7ais'\n"},
            "mappings/customer.toml: line 19 is not UTF-8 text (save the file as UTF-8)",
            "a file in another encoding",
        ),
    ],
)
def test_what_spans_files(good: Path, files: dict[str, str | bytes], expect: str, what: str) -> None:
    lay_out(good, files)
    with pytest.raises(ConfigError) as caught:
        load(environment=ENVIRONMENT)
    assert [str(problem) for problem in caught.value.problems] == [expect], what


@pytest.mark.parametrize(
    ("files", "what"),
    [
        ({TOP: SEVERAL, CUSTOMER: ON_MAIN, "mappings/b.toml": ON_MAIN.replace('"main"', '"test"')}, "another site"),
        (
            {"mappings/b.toml": MAPPING.replace("[source]", 'filters = [["disabled", "=", 0]]\n[source]')},
            "the same entity, with other filters",
        ),
        ({"mappings/b.toml": MAPPING.replace("[erpnext]", "enabled = false\n[erpnext]")}, "a disabled copy"),
        ({"mappings/.#customer.toml": "an editor's lock", "mappings/customer.toml~": "old"}, "editors' files"),
        ({TOP: b"\xef\xbb\xbf" + SETTINGS.encode()}, "a byte order mark"),
        ({TOP: SETTINGS.replace("\n", "\r\n")}, "line ends of Windows"),
    ],
)
def test_what_is_in_order(good: Path, files: dict[str, str | bytes], what: str) -> None:
    lay_out(good, files)
    assert "customer" in load(environment=ENVIRONMENT).mappings, what


@pytest.mark.parametrize(
    ("change", "expect"),
    [
        (
            ('external_id = "syncd_shop_id"\n\n', ""),
            (
                "mappings/customer.toml: erpnext.external_id: without it, and without a match rule, no document is "
                "created: after a lost answer nothing would tell which was made for which record "
                '(add external_id = "syncd_shop_id"; `syncd provision --apply` makes the field)'
            ),
        ),
        (
            ('modified = "updated_at"\n\n[match]\nby = [["tax_id"]]', '[conflict]\nwins = "newest"'),
            (
                'mappings/customer.toml: conflict.wins: "newest" needs the stamps of the source: without them every '
                'difference is a conflict (add modified = "updated_at" under [source])'
            ),
        ),
    ],
)
def test_warnings_of_mappings(good: Path, change: tuple[str, str], expect: str) -> None:
    assert change[0] in MAPPING
    content = MAPPING.replace(*change)
    if "external_id" in expect:
        content = content.replace('by = [["tax_id"]]', "")
    lay_out(good, {CUSTOMER: content})
    assert [str(warning) for warning in load(environment=ENVIRONMENT).warnings] == [expect]


@pytest.mark.parametrize(
    ("extra", "expect"),
    [
        (
            'verify_tls = false\n[sources.crm]\ntype = "sql"\nurl = "sqlite:///crm.db"\n',
            (
                "sites.test.verify_tls: the site's certificate is not checked: anybody in between can read the secret "
                "(set it to true)"
            ),
        ),
    ],
)
def test_an_unchecked_certificate_is_a_warning(good: Path, extra: str, expect: str) -> None:
    site = '[sites.test]\nurl = "https://e.example.com"\nkey = "${env:ERPNEXT_KEY}"\nsecret = "${env:ERPNEXT_SECRET}"\n'
    lay_out(good, {TOP: SETTINGS + site + extra, CUSTOMER: ON_MAIN})
    assert [str(warning) for warning in load(environment=ENVIRONMENT).warnings] == [f"syncd.toml: {expect}"]


def test_http_to_another_machine_is_a_warning(good: Path) -> None:
    lay_out(good, {TOP: SETTINGS.replace("https://", "http://")})
    assert [warning.message for warning in load(environment=ENVIRONMENT).warnings] == [
        "http sends the secret readably over the network"
    ]


def test_a_deployment_without_mappings_says_so(good: Path) -> None:
    (good / CUSTOMER).unlink()
    assert [str(warning) for warning in load(environment=ENVIRONMENT).warnings] == [
        ("syncd.toml: there are no mappings: nothing is synced (add mappings/NAME.toml, one file for each mapping)")
    ]


def test_where_syncd_toml_is_looked_for(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lay_out(good / "other", {TOP: SETTINGS + '[log]\nlevel = "debug"\n'})
    third = lay_out(good / "third", {TOP: SETTINGS + '[log]\nlevel = "error"\n'})
    named = {**ENVIRONMENT, "SYNCD_CONFIG": str(other)}
    assert load(environment=ENVIRONMENT).settings.log.level is LogLevel.INFO, "./syncd.toml"
    assert load(environment=named).settings.log.level is LogLevel.DEBUG, "SYNCD_CONFIG"
    assert load(third, environment=named).settings.log.level is LogLevel.ERROR, "--config comes first"
    assert load(third.parent, environment=named).settings.log.level is LogLevel.ERROR, "a folder means its syncd.toml"
    monkeypatch.setenv("SYNCD_CONFIG", str(other))
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    assert load().settings.log.level is LogLevel.DEBUG, "the process's environment, unless one is given"


def test_files_are_named_as_the_user_knows_them(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(good / "shop", {CUSTOMER: "x"})
    with pytest.raises(ConfigError) as below:
        load(Path("shop/syncd.toml"), environment=ENVIRONMENT)
    assert below.value.problems[0].file == "shop/mappings/customer.toml"
    monkeypatch.chdir(good / "mappings")
    with pytest.raises(ConfigError) as elsewhere:
        load(good / "shop" / TOP, environment=ENVIRONMENT)
    assert elsewhere.value.problems[0].file == str(good / "shop/mappings/customer.toml")


def test_relative_paths_start_at_the_file(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (good / "ca.pem").write_text("…")
    content = (
        SETTINGS.replace("[sources.shop]", 'verify_tls = "ca.pem"\n[sources.shop]') + '[reports]\ndirectory = "r"\n'
    )
    lay_out(good, {TOP: content})
    monkeypatch.chdir(good / "mappings")
    deployment = load(Path("../syncd.toml"), environment=ENVIRONMENT)
    verify, directory = deployment.settings.sites["main"].verify_tls, deployment.settings.reports.directory
    assert isinstance(verify, Path)
    assert verify.resolve() == good / "ca.pem"
    assert directory.resolve() == good / "r"
    assert deployment.path("state").resolve() == good / "state"


def test_no_syncd_toml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(environment={})
    assert str(caught.value) == (
        "syncd.toml: there is no such file (`syncd init` makes one; or name yours with --config or SYNCD_CONFIG)"
    )


def test_offline_reading_does_without_secrets(good: Path) -> None:
    source = SETTINGS.replace('"sqlite:///shop.db"', '"${env:SHOP_URL}"')
    lay_out(good, {TOP: source})
    deployment = load(environment={}, offline=True)
    assert [(warning.key, warning.warning) for warning in deployment.warnings] == [
        ("sites.main.key", True),
        ("sites.main.secret", True),
        ("sources.shop.url", True),
    ]
    with pytest.raises(UsageError, match=r"sites\.main\.secret in syncd\.toml could not be resolved"):
        deployment.settings.sites["main"].secret.reveal()
    with pytest.raises(ConfigError):
        load(environment={})


def test_reading_needs_no_heavy_library() -> None:
    """`syncd --help`, `status` and `plan` start with it."""
    code = "import sys, syncd.config; print(*sorted(sys.modules))"
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    loaded = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    heavy = {"pydantic", "sqlalchemy", "sqlmodel", "httpx", "keyring", "rich", "phonenumbers", "pycountry", "alembic"}
    assert heavy.isdisjoint(loaded.stdout.split())
