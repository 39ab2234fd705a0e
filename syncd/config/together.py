"""What is wrong between mappings: none of their files alone can tell."""

from __future__ import annotations

from collections.abc import Mapping

from syncd.config.problems import Place, suggestion
from syncd.config.toml import as_toml
from syncd.core.model import Side
from syncd.core.spec import MappingSpec


def check_together(specs: Mapping[str, MappingSpec], places: Mapping[str, Place]) -> None:
    """Notes what is wrong between mappings: the same records mapped twice, one id field for several entities."""
    seen_records: dict[object, str] = {}
    seen_ids: dict[object, MappingSpec] = {}
    for name, spec in specs.items():
        records = (
            spec.site,
            spec.doctype,
            spec.source,
            spec.entity,
            spec.erpnext_filters,
            as_toml(spec.source_filters),
        )
        twin = seen_records.setdefault(records, name) if spec.enabled else name
        if twin != name:
            places[name].child("mapping").problem(
                f"the mapping {as_toml(twin)} pairs the same {spec.doctype} with the same {spec.source} {spec.entity}",
                "set enabled = false in one of them, or give them different filters",
            )
        if spec.external_id is None:
            continue
        first = seen_ids.setdefault((spec.site, spec.doctype, spec.external_id), spec)
        if (first.source, first.entity) != (spec.source, spec.entity):
            places[name].child("erpnext").child("external_id").problem(
                f"{as_toml(spec.external_id)} of {spec.doctype} already holds the ids of {first.source} {first.entity} "
                f"(mapping {as_toml(first.name)})",
                f'give each its own field, like "syncd_{spec.source}_{spec.entity}_id"',
            )


def check_links(specs: Mapping[str, MappingSpec], places: Mapping[str, Place]) -> None:
    """Notes links that cannot lead to anything. `places` has every mapping file, `specs` those that could be read."""
    for name, spec in specs.items():
        for table, field in spec.linked():
            lines = places[name] if table is None else places[name].child("tables").child(table.erpnext, chosen=True)
            place = lines.child("fields").child(field.erpnext, chosen=True).child("link")
            target = specs.get(field.link or "")
            if field.link not in places:
                others = [each for each in places if each != name]
                hint = suggestion(field.link or "", others, plural="mappings")
                place.problem(f"there is no mapping {as_toml(field.link)}", hint or "add its file to mappings/")
            elif target is not None:
                sound = places[name].child("mapping").sound("site", "source")
                _check_target(spec, target, place, named_soundly=sound)


def _check_target(spec: MappingSpec, target: MappingSpec, at: Place, *, named_soundly: bool) -> None:
    """`named_soundly`: site and source of `spec` are there, so that others can be told from them."""
    named = f"the mapping {as_toml(target.name)}"
    if named_soundly and target.site and target.site != spec.site:
        at.problem(
            f"{named} is of the site {as_toml(target.site)}, this one of {as_toml(spec.site)}",
            "link to a mapping of the same site: a name means nothing on another one",
        )
    if named_soundly and target.source and target.source != spec.source:
        at.problem(
            f"{named} is of the source {as_toml(target.source)}, this one of {as_toml(spec.source)}",
            "link to a mapping of the same source: an id means nothing in another one",
        )
    if len(target.source_id) > 1:
        at.problem(
            f"{named} has an id of {len(target.source_id)} columns, and a link has one",
            "link to a mapping whose [source] id is one column",
        )
    if spec.enabled and not target.enabled:
        at.warn(
            f"{named} is not enabled: records that link to one without a pair wait for it",
            f"set enabled = true in {target.file}",
        )


def check_rows(specs: Mapping[str, MappingSpec], places: Mapping[str, Place]) -> None:
    """Notes tables whose rows another mapping writes as records of its own."""
    writing = {
        (spec.source, spec.entity): spec
        for spec in specs.values()
        if spec.enabled and spec.direction.reaches(Side.SOURCE)
    }
    for name, spec in specs.items():
        for table in spec.tables if spec.enabled else ():
            other = writing.get((spec.source, table.entity or ""))
            own = table.entity == spec.entity  # each record is its own one row
            if other is not None and not own and table.direction.reaches(Side.SOURCE):
                places[name].child("tables").child(table.erpnext, chosen=True).child("rows").child("entity").problem(
                    f"the mapping {as_toml(other.name)} writes the records of {other.source} {other.entity} as well",
                    'let one of them only read: direction = "to_erpnext"',
                )
