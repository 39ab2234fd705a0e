from tests.servers import mariadb, mariadb_url, postgres, postgres_url

__all__ = ["mariadb", "mariadb_url", "postgres", "postgres_url"]
