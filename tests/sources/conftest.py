import pytest

from tests.sources.engines import ServerShop
from tests.sources.shop import Shop


@pytest.fixture
def open_shop(tmp_path):
    shops = []

    def build(*schema, **options):
        shop = Shop(tmp_path, *schema, **options)
        shops.append(shop)
        return shop

    yield build
    for shop in shops:
        shop.close()


@pytest.fixture
def shop(open_shop):
    return open_shop()


def _open(url):
    shops = []

    def build(*schema, **options):
        shop = ServerShop(url, *schema, **options)
        shops.append(shop)
        return shop

    yield build
    for shop in shops:
        shop.close()


@pytest.fixture
def open_postgres(postgres_url):
    yield from _open(postgres_url)


@pytest.fixture
def open_mariadb(mariadb_url):
    yield from _open(mariadb_url)


@pytest.fixture(params=["postgresql", "mariadb"])
def open_server(request):
    """A shop on each of the servers."""
    return request.getfixturevalue("open_postgres" if request.param == "postgresql" else "open_mariadb")


@pytest.fixture
def server(open_server):
    return open_server()
