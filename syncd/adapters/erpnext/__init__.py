"""The ERPNext side: one site through its REST API."""

from syncd.adapters.erpnext.auth import Auth, BasicAuth, TokenAuth
from syncd.adapters.erpnext.client import SiteClient
from syncd.adapters.erpnext.endpoint import ErpnextEndpoint
from syncd.adapters.erpnext.groups import GroupEndpoint
from syncd.adapters.erpnext.meta import is_submittable
from syncd.ports.endpoint import Clock

__all__ = [
    "Auth",
    "BasicAuth",
    "ErpnextEndpoint",
    "GroupEndpoint",
    "SiteClient",
    "TokenAuth",
    "connect",
    "is_submittable",
]


def connect(
    base_url: str,
    *,
    auth: Auth,
    timeout: float = 60.0,
    concurrency: int = 4,
    requests_per_second: float | None = None,
    verify: bool | str = True,
    zone: str | None = None,
    clock: Clock,
) -> SiteClient:
    """A client for one site; nothing is sent yet.

    `timeout` in seconds for each attempt; `verify` True, False, or the path of a CA bundle; `zone` the IANA zone of the
    site's stamps, None to ask the site.
    """
    return SiteClient(
        base_url,
        auth,
        timeout=timeout,
        concurrency=concurrency,
        requests_per_second=requests_per_second,
        verify=verify,
        zone=zone,
        clock=clock,
    )
