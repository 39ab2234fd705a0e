"""Plans as files of a deployment: written for their owner alone, and carried out only where they were made for."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from syncd import __version__
from syncd.config import fingerprint
from syncd.core.plan_file import PlanFile, PlanFileError, PlannedMapping, PlannedRecord, decode_plan, encode_plan
from syncd.errors import UsageError

if TYPE_CHECKING:
    from syncd.config import Deployment

ANEW = "Nothing was done. Make a new plan: `syncd plan --out FILE`."


def plan_file(
    deployment: Deployment, names: Sequence[str], records: Sequence[PlannedRecord], *, full: bool, made: datetime
) -> PlanFile:
    """A plan over the mappings `names` of a deployment, with all that tells what it was made for."""
    return PlanFile(
        version=__version__,
        made=made,
        full=full,
        mappings=tuple(_described(deployment, name) for name in names),
        records=tuple(records),
    )


def _described(deployment: Deployment, name: str) -> PlannedMapping:
    """A mapping with the places of both sides; no secret of theirs."""
    spec = deployment.mappings[name]
    settings = deployment.settings
    source = deployment.redactor.redact(settings.sources[spec.source].url.reveal())
    return PlannedMapping(
        name=name,
        fingerprint=fingerprint(spec),
        erpnext=f"{settings.sites[spec.site].url} {spec.doctype}",
        source=f"{source} {spec.entity}",
    )


def write_plan(file: Path, plan: PlanFile, *, force: bool) -> None:
    """Write a plan, mode 0600: it holds the values that are to be written. Raises `UsageError` where a file of that
    name is there, unless `force` lets it go, and where it cannot be written."""
    content = encode_plan(plan)
    try:
        if force:
            _replace(file, content)
        else:
            descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            try:
                with os.fdopen(descriptor, "wb") as stream:
                    stream.write(content)
            except OSError:
                file.unlink(missing_ok=True)
                raise
    except FileExistsError as error:
        raise there_already(file) from error
    except OSError as error:
        raise UsageError(
            f"{file}: the plan could not be written: {error.strerror or error}", hint="Name another file with --out."
        ) from error


def there_already(file: Path) -> UsageError:
    """Why a file that is there is not written over."""
    return UsageError(
        f"{file}: there is a file of that name", hint="Name another one with --out, or let it go with --force."
    )


def _replace(file: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=".syncd-plan-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
        Path(name).replace(file)
    finally:
        Path(name).unlink(missing_ok=True)


def read_plan(file: Path, deployment: Deployment) -> PlanFile:
    """The plan in a file. Raises `UsageError` for one that is none, or was made by another version, for other mappings
    or for other places: nothing of it is carried out then."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{file}: the plan cannot be read: {error.strerror or error}",
            hint="`syncd plan --out FILE` writes one.",
        ) from error
    try:
        plan = decode_plan(content)
    except PlanFileError as error:
        raise UsageError(f"{file}: the file {error}", hint=ANEW) from error
    if plan.version != __version__:
        raise UsageError(
            f"{file}: the plan was made by syncd {plan.version}, and this is {__version__}, which may decide otherwise",
            hint=ANEW,
        )
    for mapping in plan.mappings:
        _fits(file, mapping, deployment)
    return plan


def _fits(file: Path, planned: PlannedMapping, deployment: Deployment) -> None:
    """Raise `UsageError` where the deployment is not what the plan was made for."""
    name = planned.name
    spec = deployment.mappings.get(name)
    if spec is None:
        raise UsageError(f"{file}: the plan is over the mapping {name}, which is not there", hint=ANEW)
    if not spec.enabled:
        hint = f"Set enabled = true in {spec.file}. Nothing was done."
        raise UsageError(f"{file}: the plan is over the mapping {name}, which is not enabled", hint=hint)
    now = _described(deployment, name)
    for side, then, here in (("ERPNext", planned.erpnext, now.erpnext), ("the source", planned.source, now.source)):
        if then != here:
            raise UsageError(
                f"{file}: the plan for {name} was made for another place: {side} was {then}, and is {here} here",
                hint=ANEW,
            )
    if planned.fingerprint != now.fingerprint:
        raise UsageError(f"{file}: {spec.file} was changed since the plan was made", hint=ANEW)
