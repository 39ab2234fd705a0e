import pytest

from tests.servers import CI, absent


def test_a_part_that_is_missing_skips_its_tests_by_name_and_fails_them_in_ci(monkeypatch):
    monkeypatch.delenv(CI, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"MariaDB is not there \(apt-get install it\)"):
        absent("MariaDB", "apt-get install it")
    monkeypatch.setenv(CI, "1")
    with pytest.raises(pytest.fail.Exception, match="MariaDB is not there"):
        absent("MariaDB", "apt-get install it")
