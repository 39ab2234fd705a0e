"""Broken syncd.toml: the exact text each problem gets, with file, key, cause and next step."""

# ruff: noqa: E501 - texts stand whole, as they are printed

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.cases import Case, expect_texts, more, top

CASES = (
    top(
        "a value without quotes",
        'type = "sql"',
        "type = sql",
        'line 10, column 8: what stands after = is no TOML value (text needs quotes: type = "sql")',
    ),
    top(
        "true with a capital",
        "[sources.shop]",
        '[log]\nlevel = "info"\nverify = True\n[sources.shop]',
        "line 11, column 10: what stands after = is no TOML value (write verify = true)",
    ),
    top(
        "typographic quotes",
        '"sql"',
        "“sql”",
        "line 10, column 8: what stands after = is no TOML value (replace typographic quotes by \" or ')",
    ),
    top(
        "a text that is not closed",
        '"sql"',
        '"sql',
        'line 10, column 12: a text without its closing quote on the same line (close it, or use """ … """)',
    ),
    top(
        "a table's bracket is not closed",
        "[sources.shop]",
        "[sources.shop",
        "line 9, column 14: a [table] without its closing bracket (write [name])",
    ),
    top(
        "a key without a value",
        'type = "sql"',
        "type",
        "line 10, column 5: a key without = (a line is key = value, or [table], or # comment)",
    ),
    top(
        "a key given twice",
        'type = "sql"',
        'type = "sql"\ntype = "sql"',
        "line 11, column 13: this key is given a second time (keep one of the two)",
    ),
    top(
        "a table given twice",
        "[sources.shop]",
        "[sources.shop]\n[sources.shop]",
        "line 10, column 14: this [table] is declared a second time (put its keys under the first)",
    ),
    top(
        "a Windows path in double quotes",
        '"sqlite:///shop.db"',
        '"sqlite:///C:\\data\\shop.db"',
        "line 11, column 22: a backslash inside \"…\" begins no escape (write \\\\, or use single quotes: 'text')",
    ),
    top(
        "the secret without quotes is not shown",
        '"${env:ERPNEXT_SECRET}"',
        "5ecret",
        "line 7, column 11: something follows a complete value or [table] (one entry a line)",
    ),
    top(
        "a misspelt key",
        "key =",
        "kee =",
        'sites.main.kee: unknown key (did you mean "key"?)',
        'sites.main.key: is missing (write key = "${env:ERPNEXT_KEY}": the API key of the site\'s user)',
    ),
    top(
        "a misspelt table",
        "[sites.main]",
        "[site.main]",
        'site: unknown key (did you mean "sites"?)',
        'sites: there is none (add [sites.main] with url = "https://…", key and secret)',
    ),
    more(
        "a table nobody knows",
        "[telemetry]\non = true\n",
        "telemetry: unknown key (known keys: state, sites, sources, schedule, webhooks, safety, reports, log)",
    ),
    more(
        "a key in the wrong table",
        '[log]\nkeep = "90d"\n',
        "log.keep: unknown key (it belongs under [reports])",
    ),
    more(
        "a key at the top of nothing like it",
        "[schedule]\nxyzzy = 1\n",
        "schedule.xyzzy: unknown key (known keys: every, cron, full_every, overlap)",
    ),
    top(
        "no url",
        'url = "https://erp.example.com"\n',
        "",
        "sites.main.url: is missing (expected a URL)",
    ),
    top(
        "no key and no secret",
        'key = "${env:ERPNEXT_KEY}"\nsecret = "${env:ERPNEXT_SECRET}"\n',
        "",
        'sites.main.key: is missing (write key = "${env:ERPNEXT_KEY}": the API key of the site\'s user)',
        'sites.main.secret: is missing (write secret = "${env:ERPNEXT_SECRET}": the API secret of the site\'s user)',
    ),
    top(
        "no source",
        '[sources.shop]\ntype = "sql"\nurl = "sqlite:///shop.db"\n',
        "",
        'sources: there is none (add [sources.shop] with type = "sql" and url = "…")',
    ),
    top(
        "no type",
        'type = "sql"\n',
        "",
        'sources.shop.type: is missing (expected a source\'s type: "sql")',
    ),
    top(
        "a number in quotes",
        "[sources.shop]",
        'concurrency = "4"\n[sources.shop]',
        'sites.main.concurrency: expected an integer from 1 to 64, found the string "4" (without quotes: concurrency = 4)',
    ),
    top(
        "a number out of bounds",
        "[sources.shop]",
        "concurrency = 1000\n[sources.shop]",
        "sites.main.concurrency: expected an integer from 1 to 64, found the integer 1000",
    ),
    top(
        "true for a number",
        "[sources.shop]",
        "page_size = true\n[sources.shop]",
        "sites.main.page_size: expected an integer from 1 to 10000, found the boolean true",
    ),
    top(
        "a rate of nothing",
        "[sources.shop]",
        "requests_per_second = 0\n[sources.shop]",
        "sites.main.requests_per_second: expected a number above 0, found the integer 0",
    ),
    top(
        "a table of settings without a name",
        "[sites.main]",
        "[sites]",
        "sites: url, key, secret stand right under [sites] (put a name into it: [sites.main])",
    ),
    more(
        "a log level",
        '[log]\nlevel = "warn"\n',
        'log.level: level cannot be "warn" (did you mean "warning"?)',
    ),
    more(
        "a duration in words",
        '[schedule]\nevery = "one minute"\n',
        'schedule.every: "one minute" is not a duration (write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds)',
    ),
    more(
        "a unit nobody knows",
        '[schedule]\nevery = "5 minutes"\n',
        'schedule.every: "5 minutes": "minutes" is not a unit of time (write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds)',
    ),
    more(
        "an interval of nothing",
        "[schedule]\nevery = 0\n",
        "schedule.every: 0 is too short (the least is 0.1 seconds)",
    ),
    more(
        "a negative duration",
        "[schedule]\noverlap = -5\n",
        'schedule.overlap: -5 is not a duration (write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds)',
    ),
    more(
        "a duration of a thousand years",
        '[reports]\nkeep = "400000d"\n',
        'reports.keep: "400000d" is longer than a hundred years (write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds)',
    ),
    more(
        "a boolean for a duration",
        "[schedule]\nevery = true\n",
        'schedule.every: expected a duration, found the boolean true (write a number and one of ms, s, m, h, d, w ("30s", "10m", "1d"), or a number of seconds)',
    ),
    more(
        "every and cron",
        '[schedule]\nevery = "1m"\ncron = "* * * * *"\n',
        "schedule.cron: every and cron are both given (keep one of the two)",
    ),
    more(
        "a cron expression of four fields",
        '[schedule]\ncron = "* * * *"\n',
        'schedule.cron: a cron expression has 5 fields, this one has 4 (write minute, hour, day, month and weekday: "*/5 * * * *" is every five minutes)',
    ),
    more(
        "a minute that is none",
        '[schedule]\ncron = "75 * * * *"\n',
        'schedule.cron: "75" is not a minute (0 to 59) (write minute, hour, day, month and weekday: "*/5 * * * *" is every five minutes)',
    ),
    more(
        "a share as a fraction",
        "[safety]\nmax_deletes = 0.1\n",
        'safety.max_deletes: expected a share like "10%" or a whole number of records, found the float 0.1 (write max_deletes = "10%")',
    ),
    more(
        "a share without its sign",
        '[safety]\nmax_deletes = "10"\n',
        'safety.max_deletes: "10" is neither a share nor a count (write max_deletes = "10%" for a share, = 10 for a count)',
    ),
    more(
        "more than all",
        '[safety]\nmax_updates = "150%"\n',
        'safety.max_updates: "150%" is more than all (write a share ("10%") or a whole number of records (25))',
    ),
    more(
        "a negative count",
        "[safety]\nmax_deletes = -1\n",
        'safety.max_deletes: -1 is negative (write a share ("10%") or a whole number of records (25))',
    ),
    top(
        "a site without a scheme",
        '"https://erp.example.com"',
        '"erp.example.com"',
        'sites.main.url: this is no URL (for example "https://erp.example.com", or "sandbox:///state/sandbox.db" for the embedded stand-in)',
    ),
    top(
        "a site of another scheme",
        '"https://erp.example.com"',
        '"ftp://erp.example.com"',
        'sites.main.url: "ftp" is no scheme of a site\'s URL (for example "https://erp.example.com", or "sandbox:///state/sandbox.db" for the embedded stand-in)',
    ),
    top(
        "a site with a path",
        '"https://erp.example.com"',
        '"https://erp.example.com/app/customer"',
        'sites.main.url: only the site\'s address is wanted, no path (write "https://erp.example.com")',
    ),
    top(
        "credentials in a site's URL",
        '"https://erp.example.com"',
        '"https://bob:hunter22@erp.example.com"',
        "sites.main.url: credentials stand in the URL (take them out; write key and secret as references)",
    ),
    top(
        "a port that is none",
        '"https://erp.example.com"',
        '"https://erp.example.com:99999"',
        'sites.main.url: this is no URL: Port out of range 0-65535 (for example "https://erp.example.com")',
    ),
    top(
        "a sandbox without its third slash",
        '"https://erp.example.com"',
        '"sandbox://state/sandbox.db"',
        "sites.main.url: sandbox:// needs a third slash before the file (sandbox:///FILE, or sandbox:////FULL/PATH)",
    ),
    top(
        "a SQLite file without its third slash",
        '"sqlite:///shop.db"',
        '"sqlite://shop.db"',
        "sources.shop.url: sqlite:// needs a third slash before the file (sqlite:///FILE, or sqlite:////FULL/PATH)",
    ),
    top(
        "a database in memory",
        '"sqlite:///state/syncd.db"',
        '"sqlite:///:memory:"',
        'state.url: this names no file: nothing would be kept (for example "sqlite:///state/syncd.db")',
    ),
    top(
        "an old name of a database",
        '"sqlite:///shop.db"',
        '"postgres://shop@db/shop"',
        'sources.shop.url: "postgres" is no kind of database (did you mean "postgresql"?)',
    ),
    top(
        "a database that is no URL",
        '"sqlite:///shop.db"',
        '"shop.db"',
        'sources.shop.url: this is no URL (for example "sqlite:///shop.db": scheme, ://, place)',
    ),
    top(
        "a state store of another kind",
        '"sqlite:///state/syncd.db"',
        '"mysql://x@y/z"',
        'state.url: the state store is no "mysql" database '
        '(for example "sqlite:///state/syncd.db" or "postgresql://syncd@db/syncd")',
    ),
    more(
        "an address to listen on",
        '[webhooks]\nlisten = "8642"\n',
        'webhooks.listen: "8642" is no host:port (for example "127.0.0.1:8642")',
    ),
    top(
        "a misspelt time zone",
        "[sources.shop]",
        'timezone = "Europe/Berln"\n[sources.shop]',
        'sites.main.timezone: "Europe/Berln" is no time zone (did you mean "Europe/Berlin"?)',
    ),
    top(
        "a CA bundle that is not there",
        "[sources.shop]",
        'verify_tls = "ca.pem"\n[sources.shop]',
        'sites.main.verify_tls: the CA bundle "ca.pem" does not exist (name a PEM file, or write true)',
    ),
    top(
        "OAuth",
        'key = "${env:ERPNEXT_KEY}"\nsecret = "${env:ERPNEXT_SECRET}"\n',
        'auth = "oauth2"\nclient_id = "x"\n',
        'sites.main.client_id: "client_id" is not supported by this version yet (use auth = "token" with key and secret)',
        'sites.main.auth: "oauth2" is not supported by this version yet (use auth = "token" with an API key and secret of the site\'s user)',
    ),
    top(
        "a REST source",
        'type = "sql"\nurl = "sqlite:///shop.db"',
        'type = "rest"\nurl = "https://shop.example.com"',
        'sources.shop.type: "rest" is not supported by this version yet (use type = "sql")',
    ),
    top(
        "a type of source nobody knows",
        'type = "sql"',
        'type = "sqll"',
        'sources.shop.type: "sqll" is not a type of source (did you mean "sql"?)',
    ),
    top(
        "a driver that the state store does not take",
        '"sqlite:///state/syncd.db"',
        '"postgresql+asyncpg://syncd@db/syncd"',
        'state.url: the state store takes no driver "asyncpg" (write "postgresql://…")',
    ),
)


@pytest.mark.parametrize("case", CASES, ids=[case.what for case in CASES])
def test_every_broken_file_gets_its_text(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expect_texts(case, tmp_path, monkeypatch)
