import pytest

from syncd.adapters.sources.registry import open_source as open_by_type
from syncd.adapters.sources.sql import open_source
from syncd.errors import UnreachableError, UsageError
from tests.sources.shop import FixedClock, spec


def test_a_file_that_is_not_there_is_told_and_not_made(tmp_path):
    with pytest.raises(UnreachableError, match=r"nowhere\.db is not there"):
        open_source("sqlite:///nowhere.db", tmp_path, FixedClock())
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_vanishes_later_is_not_made_either(shop):
    endpoint = shop.endpoint()
    shop.path.rename(shop.path.with_name("moved.db"))
    with pytest.raises(UnreachableError):
        list(endpoint.scan())
    assert not shop.path.exists()


@pytest.mark.parametrize(
    ("case", "url", "words"),
    [
        ("no URL", "shop.db", "is no database URL"),
        ("an unknown database", "nosuch://user:s3cret@host/db", "names no database that syncd knows"),
        ("in memory", "sqlite://", "needs a file"),
        ("in memory by name", "sqlite:///:memory:", "needs a file"),
    ],
)
def test_urls_that_name_no_source(tmp_path, case, url, words):
    with pytest.raises(UsageError, match=words) as error:
        open_source(url, tmp_path, FixedClock())
    assert "s3cret" not in str(error.value)


def test_an_absolute_path_with_odd_characters(tmp_path, shop):
    odd = tmp_path / "sp ace#?%41.db"
    shop.path.rename(odd)
    url = f"sqlite:///{odd}".replace("%", "%25").replace("?", "%3F").replace("#", "%23")
    source = open_source(url, tmp_path / "elsewhere", FixedClock())
    assert source.entities() == ["customers"]
    source.close()


def test_sources_open_by_type(shop, tmp_path):
    source = open_by_type({"type": "sql", "url": "sqlite:///shop.db"}, tmp_path, FixedClock())
    assert source.entities() == ["customers"]
    assert source.endpoint(spec(), 10).capabilities().seen_by == "shop customers"
    source.close()
    with pytest.raises(UsageError, match="'sqll' is not known"):
        open_by_type({"type": "sqll"}, tmp_path, FixedClock())
