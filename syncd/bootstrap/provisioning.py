"""`syncd provision` over a deployment: what its sites need, and the rights that its mappings need there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from syncd.app.results import NeededRight, ProvisionStep
from syncd.bootstrap.connections import Connections
from syncd.config import Deployment
from syncd.core.mapping import MappingSpec

if TYPE_CHECKING:
    from syncd.adapters.erpnext import SiteClient
    from syncd.adapters.erpnext.needed import NeededRights


def provision(
    deployment: Deployment, connections: Connections, *, apply: bool, remove: bool, user: str | None
) -> list[ProvisionStep]:
    """What the sites of the deployment need; made, or removed, with `apply`.

    `user` is the integration user where another one runs this. Raises as the reads of a site.
    """
    from syncd.adapters.erpnext.provision import apply_provision, plan_provision, plan_removal, remove_provision

    done: list[ProvisionStep] = []
    for site, client, specs in _sites(deployment, connections):
        steps = plan_provision(client, specs, user=user)
        if remove:
            steps = remove_provision(client, steps) if apply else plan_removal(client, steps)
        elif apply:
            steps = apply_provision(client, steps)
        done.extend(
            ProvisionStep(
                site=site,
                what=step.what,
                why=step.why,
                state=step.state.value,
                error=deployment.redactor.redact(step.error),
            )
            for step in steps
        )
    return done


def rights(deployment: Deployment, connections: Connections, *, user: str | None) -> list[NeededRight]:
    """The rights that the mappings of each site need. Raises as the reads of a site."""
    from syncd.adapters.erpnext.needed import needed_rights

    return [
        _right(site, needed)
        for site, client, specs in _sites(deployment, connections)
        for needed in needed_rights(client, specs, user=user)
    ]


def _right(site: str, needed: NeededRights) -> NeededRight:
    return NeededRight(
        site=site,
        doctype=needed.doctype,
        level=needed.level,
        rights=tuple(right.value for right in needed.rights),
        mappings=needed.mappings,
        lacking=tuple(right.value for right in needed.lacking),
        roles=needed.roles,
        state="lacking" if needed.lacking else "unknown" if needed.unknown else "granted",
    )


def _sites(deployment: Deployment, connections: Connections) -> Iterator[tuple[str, SiteClient, list[MappingSpec]]]:
    """Each site that a mapping names, with its client and its mappings."""
    for site in deployment.settings.sites:
        specs = [spec for spec in deployment.mappings.values() if spec.site == site]
        if specs:
            yield site, connections.client(site), specs
