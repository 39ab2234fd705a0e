"""A mapping, as read (`MappingSpec`) and as compiled against the types of both sides (`CompiledMapping`).

The spec is what the TOML file says with its defaults filled in (contract, "mappings/NAME.toml"). Compiling it needs the
types of both sides, which the endpoints' schemas give; the result holds, field by field, the functions that compare and
convert, so that deciding on a record looks nothing up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from syncd.core.convert import Lens, build_lens
from syncd.core.model import Direction, Raw, Side, Wins
from syncd.core.values import FieldType, InvalidValue, Value, canonical, coerce, to_raw


class Create(Enum):
    """Where missing partners are created."""

    BOTH = "both"
    ERPNEXT = "erpnext"
    SOURCE = "source"
    NONE = "none"

    def allows(self, side: Side) -> bool:
        """Whether partners may be created on `side`."""
        return self is Create.BOTH or self.value == side.value


class WriteBack(Enum):
    """Whether the source's id is put into documents that ERPNext made."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Touch(Enum):
    """Who sets the source's modified column when syncd writes."""

    AUTO = "auto"
    NEVER = "never"


class SourceDeleted(Enum):
    """What happens in ERPNext when the source's record was deleted."""

    IGNORE = "ignore"
    DELETE = "delete"
    CANCEL = "cancel"
    DISABLE = "disable"


class ErpnextDeleted(Enum):
    """What happens in the source when the document was deleted in ERPNext."""

    IGNORE = "ignore"
    DELETE = "delete"
    MARK = "mark"


class LeftScope(Enum):
    """What happens to a pair whose record no longer fits the filters."""

    PAUSE = "pause"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One line of `[fields]`. Exactly one of `source` and `constant` is set."""

    erpnext: str
    source: str | None = None
    converters: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None
    default: Raw = None
    constant: Raw = None
    direction: Direction = Direction.BOTH
    wins: Wins = Wins.MANUAL
    enforce: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSpec:
    """One mapping file with its defaults filled in. `file` is the path as the user knows it, for messages."""

    name: str
    file: str
    doctype: str
    source: str
    entity: str
    site: str
    fields: tuple[FieldSpec, ...]
    source_id: tuple[str, ...]
    direction: Direction = Direction.BOTH
    every: float | None = None
    """Seconds between passes; None: the schedule's."""
    cron: str | None = None
    enabled: bool = True
    erpnext_filters: tuple[tuple[Raw | tuple[Raw, ...], ...], ...] = ()
    external_id: str | None = None
    write_back: WriteBack = WriteBack.AUTO
    modified: str | None = None
    touch: Touch = Touch.AUTO
    timezone: str = "UTC"
    deleted: str | None = None
    erpnext_name: str | None = None
    source_filters: Mapping[str, Raw] = field(default_factory=dict)
    match: tuple[tuple[str, ...], ...] = ()
    create: Create = Create.BOTH
    wins: Wins = Wins.MANUAL
    source_deleted: SourceDeleted = SourceDeleted.IGNORE
    erpnext_deleted: ErpnextDeleted = ErpnextDeleted.IGNORE
    left_scope: LeftScope = LeftScope.PAUSE

    @property
    def writes_external_id(self) -> bool:
        """Whether the source's id is put into documents that ERPNext made or that were adopted.

        `auto` means: when the source has no column for the ERPNext name. `to_source` writes nothing into ERPNext.
        """
        if self.external_id is None or not self.direction.reaches(Side.ERPNEXT):
            return False
        return self.write_back is WriteBack.ALWAYS or (self.write_back is WriteBack.AUTO and self.erpnext_name is None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledField:
    """One mapped field with its two types and the lens between them.

    `erpnext_at` and `source_at` are positions in the sides' images.
    """

    spec: FieldSpec
    erpnext_at: int
    source_at: int
    erpnext_type: FieldType
    source_type: FieldType
    lens: Lens
    default: Value = None
    """`default` in canonical form; None: there is none."""

    @property
    def name(self) -> str:
        """The ERPNext fieldname, by which people and reports call the field."""
        return self.spec.erpnext

    def read(self, side: Side, raw: Raw) -> Value:
        """A side's raw value in canonical form; raises `InvalidValue`."""
        return canonical(raw, self._type(side))

    def convert(self, value: Value, to: Side) -> Value:
        """A canonical value of the other side as one of side `to`; raises `InvalidValue` when it cannot hold it."""
        if to is Side.ERPNEXT:
            if value is None and self.default is not None:
                return self.default
            return coerce(self.lens.to_erpnext(value), self.erpnext_type)
        return coerce(self.lens.to_source(value), self.source_type)

    def raw(self, value: Value, side: Side) -> Raw:
        """A canonical value of `side` as that side is given it."""
        return to_raw(value, self._type(side))

    def agree(self, erpnext: Value, source: Value) -> bool:
        """Whether two canonical values, one of each side, are the same (contract, "Same value")."""
        if source is None and self.default is not None and self.lens.same(erpnext, self.default):
            return True
        if source is None and self.erpnext_type.zero_is_empty and not erpnext:
            return True
        if erpnext is None and self.source_type.zero_is_empty and not source:
            return True
        try:
            return self.lens.same(erpnext, self.lens.to_erpnext(source))
        except InvalidValue:
            return self._gives(erpnext, source)

    def _gives(self, erpnext: Value, source: Value) -> bool:
        """Whether the source holds what ERPNext's value becomes there: all that a one-way converter can tell."""
        try:
            return coerce(self.lens.to_source(erpnext), self.source_type) == source
        except InvalidValue:
            return False

    def is_empty(self, side: Side, value: Value) -> bool:
        """Whether a canonical value of `side` says nothing: empty, a 0 for want of NULL, markup around no text."""
        if value is None or (self._type(side).zero_is_empty and not value):
            return True
        try:
            return (self.lens.key(value) if side is Side.ERPNEXT else self.lens.to_erpnext(value)) is None
        except InvalidValue:
            return False

    def changed(self, side: Side, before: Raw, now: Raw) -> bool:
        """Whether `side` went from one raw value to another that is not the same (contract, "Same value")."""
        try:
            old, new = self.read(side, before), self.read(side, now)
        except InvalidValue:
            return before != now
        if self._type(side).zero_is_empty:
            old, new = old or None, new or None
        if old == new:
            return False
        try:
            forms = (old, new) if side is Side.ERPNEXT else (self.lens.to_erpnext(old), self.lens.to_erpnext(new))
        except InvalidValue:
            return True
        return not self.lens.same(*forms)

    def _type(self, side: Side) -> FieldType:
        return self.erpnext_type if side is Side.ERPNEXT else self.source_type


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledMapping:
    """A mapping bound to the types of both sides.

    `erpnext_fields` and `source_fields` are the layout of images: what each side is asked for, in order. Constants
    belong to neither: they are written at creation only.
    """

    spec: MappingSpec
    erpnext_fields: tuple[str, ...]
    source_fields: tuple[str, ...]
    fields: tuple[CompiledField, ...]
    constants: Mapping[str, Raw]
    erpnext_zone: str
    source_zone: str

    @property
    def name(self) -> str:
        """The mapping's name: the stem of its file."""
        return self.spec.name

    def names(self, side: Side) -> tuple[str, ...]:
        """The layout of images of `side`."""
        return self.erpnext_fields if side is Side.ERPNEXT else self.source_fields

    def zone(self, side: Side) -> str:
        """IANA zone of naive stamps of `side`."""
        return self.erpnext_zone if side is Side.ERPNEXT else self.source_zone


def layout(spec: MappingSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The fields each side is asked for: (ERPNext fieldnames, source columns), each once, in the file's order."""
    flowing = [entry for entry in spec.fields if entry.source is not None]
    erpnext = tuple(dict.fromkeys(entry.erpnext for entry in flowing))
    source = tuple(dict.fromkeys(entry.source for entry in flowing if entry.source is not None))
    return erpnext, source


def compile_mapping(
    spec: MappingSpec,
    erpnext_types: Mapping[str, FieldType],
    source_types: Mapping[str, FieldType],
    *,
    erpnext_zone: str,
) -> CompiledMapping:
    """Bind `spec` to the types of both sides.

    Raises KeyError for a field a side does not have and `InvalidValue` for a converter, constant or default that does
    not fit; `syncd.config` and `check` turn both into problems with file and key before this is called.
    """
    erpnext_fields, source_fields = layout(spec)
    compiled = []
    for entry in spec.fields:
        if entry.source is None:
            continue
        erpnext_type, source_type = erpnext_types[entry.erpnext], source_types[entry.source]
        compiled.append(
            CompiledField(
                spec=entry,
                erpnext_at=erpnext_fields.index(entry.erpnext),
                source_at=source_fields.index(entry.source),
                erpnext_type=erpnext_type,
                source_type=source_type,
                lens=build_lens(entry.converters, entry.values, source_type, erpnext_type),
                default=_fixed(entry.erpnext, "default", entry.default, erpnext_type),
            )
        )
    constants = {
        entry.erpnext: to_raw(
            _fixed(entry.erpnext, "constant", entry.constant, erpnext_types[entry.erpnext]),
            erpnext_types[entry.erpnext],
        )
        for entry in spec.fields
        if entry.source is None
    }
    return CompiledMapping(
        spec=spec,
        erpnext_fields=erpnext_fields,
        source_fields=source_fields,
        fields=tuple(compiled),
        constants=constants,
        erpnext_zone=erpnext_zone,
        source_zone=spec.timezone,
    )


def _fixed(name: str, key: str, raw: Raw, erpnext_type: FieldType) -> Value:
    """A value that stands in the mapping file, in canonical form; raises `InvalidValue`, naming the key."""
    try:
        return coerce(canonical(raw, erpnext_type), erpnext_type)
    except InvalidValue as error:
        raise InvalidValue(f"fields.{name}.{key}: {error.reason}") from None
