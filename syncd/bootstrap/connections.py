"""The sites, sources and sandboxes of a deployment, opened when they are first needed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from syncd.bootstrap.clock import SystemClock
from syncd.config.settings import Auth, SiteSettings
from syncd.core.mapping import LifecycleSpec, MappingSpec

if TYPE_CHECKING:
    from syncd.adapters.erpnext import SiteClient
    from syncd.adapters.sandbox import SandboxServer
    from syncd.adapters.sources.registry import Source
    from syncd.config import Deployment
    from syncd.ports.endpoint import Endpoint


class Connections:
    """The sites, sources and the embedded sandbox of a deployment, opened when they are first needed."""

    def __init__(self, deployment: Deployment, clock: SystemClock) -> None:
        self._deployment = deployment
        self._clock = clock
        self._clients: dict[str, SiteClient] = {}
        self._sources: dict[str, Source] = {}
        self._sandboxes: dict[str, SandboxServer] = {}

    def client(self, site: str) -> SiteClient:
        """The client of one site; the embedded sandbox is started for its own."""
        if site not in self._clients:
            from syncd.adapters.erpnext import BasicAuth, TokenAuth, connect

            settings = self._deployment.settings.sites[site]
            key, secret = settings.key.reveal(), settings.secret.reveal()
            auth = (
                BasicAuth(key=key, secret=secret) if settings.auth is Auth.BASIC else TokenAuth(key=key, secret=secret)
            )
            verify = settings.verify_tls if isinstance(settings.verify_tls, bool) else str(settings.verify_tls)
            self._clients[site] = connect(
                self._url(site, settings),
                auth=auth,
                timeout=settings.timeout,
                concurrency=settings.concurrency,
                requests_per_second=settings.requests_per_second,
                verify=verify,
                zone=None if settings.timezone == "auto" else settings.timezone,
                clock=self._clock,
            )
        return self._clients[site]

    def source(self, name: str) -> Source:
        """One external system."""
        if name not in self._sources:
            from syncd.adapters.sources.registry import open_source

            settings = self._deployment.settings.sources[name]
            described = {"type": settings.type, "url": settings.url.reveal()}
            self._sources[name] = open_source(described, self._deployment.directory, self._clock)
        return self._sources[name]

    def fitted(self, spec: MappingSpec) -> MappingSpec:
        """The mapping with a lifecycle where its DocType can be submitted, whether or not the file speaks of one.

        Without `[lifecycle]` nothing is submitted, cancelled or amended for the source; what people do is followed.
        """
        from syncd.adapters.erpnext import is_submittable

        if spec.group:
            return spec
        submittable = is_submittable(self.client(spec.site), spec.doctype)
        if spec.lifecycle is not None or not submittable:
            return spec
        return replace(spec, lifecycle=LifecycleSpec())

    def erpnext(self, spec: MappingSpec, run: str, *, page_size: int | None = None) -> Endpoint:
        """The mapping's DocType, or what its documents are grouped to. `page_size` None: the site's."""
        from syncd.adapters.erpnext import ErpnextEndpoint, GroupEndpoint

        size = page_size or self._deployment.settings.sites[spec.site].page_size
        if spec.group:
            return GroupEndpoint(self.client(spec.site), spec, page_size=size)
        return ErpnextEndpoint(self.client(spec.site), spec, page_size=size, run=run)

    def entity(self, spec: MappingSpec) -> Endpoint:
        """The mapping's table."""
        page_size = self._deployment.settings.sites[spec.site].page_size
        from syncd.app.computing import with_computed

        return with_computed(spec, self.source(spec.source).endpoint(spec, page_size))

    def _url(self, site: str, settings: SiteSettings) -> str:
        if not settings.is_sandbox:
            return settings.url
        from syncd.adapters.sandbox import SandboxServer

        if site not in self._sandboxes:
            path = self._deployment.path(settings.url.partition("://")[2].removeprefix("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            self._sandboxes[site] = SandboxServer(path)
            self._sandboxes[site].start()
        return self._sandboxes[site].url

    def close(self) -> None:
        """Close connections, then the servers they go to."""
        for client in self._clients.values():
            client.close()
        for source in self._sources.values():
            source.close()
        for sandbox in self._sandboxes.values():
            sandbox.stop()
        self._clients, self._sources, self._sandboxes = {}, {}, {}
