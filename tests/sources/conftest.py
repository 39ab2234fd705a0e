import pytest

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
