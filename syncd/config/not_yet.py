"""Keys and values of the contract that later versions will read.

They are recognised, so that nobody looks for a spelling mistake, and refused. Whoever builds one deletes its line.
`*` stands for any name; `key=value` for one value of a key; a value of a URL is its scheme.
"""

from __future__ import annotations

from collections.abc import Mapping

NOT_YET: Mapping[str, str] = {
    "sites.*.auth=oauth2": 'use auth = "token" with an API key and secret of the site\'s user',
    "sites.*.auth=password": 'use auth = "token" with an API key and secret of the site\'s user',
    "sites.*.client_id": 'use auth = "token" with key and secret',
    "sites.*.client_secret": 'use auth = "token" with key and secret',
    "sites.*.scope": 'use auth = "token" with key and secret',
    "sites.*.username": 'use auth = "token" with key and secret',
    "sites.*.password": 'use auth = "token" with key and secret',
    "sources.*.type=rest": 'use type = "sql"',
    "sources.*.type=files": 'use type = "sql"',
    "sources.*.type=erpnext": 'use type = "sql"',
    "tables.*.fields.*.compute": "map the column itself, or compute it in a view of the source",
}
"""Dotted key → what to do until then."""
