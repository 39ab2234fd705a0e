"""A mapping compiled against the types of both sides: field by field the functions that compare and convert.

Deciding on a record then looks nothing up. `syncd.core.spec` holds the mapping as it is written; its names can be
imported from here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from syncd.core.convert import Lens, build_lens
from syncd.core.links import LinkBook, LinkLens, NewKey
from syncd.core.model import Baseline, Image, Missing, Raw, Side
from syncd.core.spec import (
    COMPUTED,
    CancelLinked,
    ChangedAfterSubmit,
    Create,
    CreateMethod,
    DraftVoided,
    ErpnextDeleted,
    FieldSpec,
    LeftScope,
    LifecycleSpec,
    MappingSpec,
    Reopened,
    SourceDeleted,
    SubmitFails,
    TableSpec,
    Touch,
    WriteBack,
)
from syncd.core.values import FieldType, InvalidValue, Kind, Value, canonical, coerce, to_raw

__all__ = [
    "AMENDED_FROM",
    "COMPUTED",
    "DOCSTATUS",
    "CancelLinked",
    "ChangedAfterSubmit",
    "CompiledField",
    "CompiledMapping",
    "CompiledTable",
    "Create",
    "CreateMethod",
    "DraftVoided",
    "ErpnextDeleted",
    "FieldSpec",
    "LeftScope",
    "LifecycleSpec",
    "MappingSpec",
    "Reopened",
    "SourceDeleted",
    "SubmitFails",
    "TableSpec",
    "Touch",
    "Types",
    "WriteBack",
    "columns",
    "compile_mapping",
    "constants",
    "layout",
    "table_layout",
]

DOCSTATUS, AMENDED_FROM = "docstatus", "amended_from"
"""Fields that stand in the images of every DocType that can be submitted, mapped or not."""


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
            converted = self.lens.to_erpnext(value)
        else:
            converted = self.lens.to_source(value)
        return converted if isinstance(converted, NewKey) else coerce(converted, self._type(to))

    def give(self, value: Value, to: Side) -> Value:
        """As `convert`, for a value that is to be written: nothing new may link to a record that is held or ended.

        Raises `InvalidValue`, `UnresolvedLinkError` among them.
        """
        if isinstance(self.lens, LinkLens):
            self.lens.check(to.other, value)
        return self.convert(value, to)

    def raw(self, value: Value, side: Side) -> Raw:
        """A canonical value of `side` as that side is given it."""
        return value if isinstance(value, NewKey) else to_raw(value, self._type(side))

    def agree(self, erpnext: Value, source: Value) -> bool:
        """Whether two canonical values, one of each side, are the same (contract, "Same value")."""
        if source is None and self.default is not None and self.lens.same(erpnext, self.default):
            return True
        never_null = self.erpnext_type.zero_is_empty or self.source_type.zero_is_empty
        if never_null and None in {erpnext, source} and not erpnext and not source:
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
class CompiledTable:
    """One child table. Positions of its fields are positions in the images of its rows."""

    spec: TableSpec
    erpnext_at: int
    source_at: int
    """Where the rows stand in the sides' images."""
    erpnext_fields: tuple[str, ...]
    source_fields: tuple[str, ...]
    fields: tuple[CompiledField, ...]

    @property
    def name(self) -> str:
        """The fieldname of the table in ERPNext."""
        return self.spec.erpnext

    def at(self, side: Side) -> int:
        """Where the rows stand in images of `side`."""
        return self.erpnext_at if side is Side.ERPNEXT else self.source_at

    def slot(self, side: Side) -> str:
        """What the table is called in the layout of `side`."""
        return self.spec.erpnext if side is Side.ERPNEXT else self.spec.slot

    def names(self, side: Side) -> tuple[str, ...]:
        """The layout of the rows of `side`."""
        return self.erpnext_fields if side is Side.ERPNEXT else self.source_fields


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
    tables: tuple[CompiledTable, ...] = ()
    books: Mapping[str, LinkBook] = field(default_factory=dict)
    """What is known of the pairs of the mappings that links lead to, by mapping."""
    allowed: frozenset[str] = frozenset()
    """See `Types.allowed`."""

    @property
    def name(self) -> str:
        """The mapping's name: the stem of its file."""
        return self.spec.name

    def names(self, side: Side) -> tuple[str, ...]:
        """The layout of images of `side`."""
        return self.erpnext_fields if side is Side.ERPNEXT else self.source_fields

    def stored_names(self, side: Side) -> tuple[str, ...]:
        """The layout as the state store keeps it: with each table stand the fields of its rows.

        So that stored rows of another layout are never taken for rows of this one.
        """
        tables = {table.slot(side): f"{table.slot(side)}({','.join(table.names(side))})" for table in self.tables}
        return tuple(tables.get(name, name) for name in self.names(side))

    def zone(self, side: Side) -> str:
        """IANA zone of naive stamps of `side`."""
        return self.erpnext_zone if side is Side.ERPNEXT else self.source_zone

    def docstatus(self, image: Image | Baseline) -> int:
        """What an image of ERPNext says of the document's state; 0 where the DocType cannot be submitted."""
        held = self._held(image, DOCSTATUS)
        return held if isinstance(held, int) else 0

    def amended_from(self, image: Image | Baseline) -> str | None:
        """The name of the cancelled document that this one stands for."""
        held = self._held(image, AMENDED_FROM)
        return str(held) if held else None

    def asks(self, image: Image | Baseline) -> Raw:
        """The value of the source's lifecycle column in an image of the source; None where there is none."""
        spec = self.spec.lifecycle
        if spec is None or spec.field is None or not image:
            return None
        held = image[self.source_fields.index(spec.field)]
        return None if isinstance(held, Missing) else held

    def _held(self, image: Image | Baseline, name: str) -> Raw | Missing:
        return image[self.erpnext_fields.index(name)] if self.spec.lifecycle is not None and image else None


def layout(spec: MappingSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What images hold: (ERPNext fieldnames, source columns), each once, in the file's order.

    Tables stand behind the fields (in the source under `TableSpec.slot`), then the source's computed columns.
    """
    flowing = [entry for entry in spec.fields if entry.source is not None]
    erpnext = [entry.erpnext for entry in flowing]
    source = [entry.source for entry in flowing if entry.source is not None and entry.compute is None]
    source += [column for entry in flowing for column in entry.inputs]
    if spec.lifecycle is not None:
        erpnext += [DOCSTATUS, AMENDED_FROM]
        source += [spec.lifecycle.field] if spec.lifecycle.field is not None else []
    erpnext += [table.erpnext for table in spec.tables]
    source += [table.slot for table in spec.tables]
    source += [entry.source for entry in flowing if entry.source is not None and entry.compute is not None]
    return tuple(dict.fromkeys(erpnext)), tuple(dict.fromkeys(source))


def columns(spec: MappingSpec) -> tuple[str, ...]:
    """The source's own columns among its layout: without tables and without computed columns."""
    slots = {table.slot for table in spec.tables}
    return tuple(name for name in layout(spec)[1] if name not in slots and not name.startswith(COMPUTED))


def table_layout(table: TableSpec) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What images of a table's rows hold: (ERPNext fieldnames, source columns with those of the key)."""
    flowing = [entry for entry in table.fields if entry.source is not None]
    erpnext = tuple(dict.fromkeys(entry.erpnext for entry in flowing))
    source = tuple(dict.fromkeys([entry.source for entry in flowing if entry.source is not None] + list(table.key)))
    return erpnext, source


@dataclass(frozen=True, slots=True, kw_only=True)
class Types:
    """The types of one side's fields, and of the columns of its tables by the table's ERPNext fieldname."""

    fields: Mapping[str, FieldType]
    tables: Mapping[str, Mapping[str, FieldType]] = field(default_factory=dict)
    allowed: frozenset[str] = frozenset()
    """ERPNext's fields that may change after submission: `remarks`, `items` (rows come and go), `items.qty`."""


def compile_mapping(
    spec: MappingSpec,
    erpnext_types: Mapping[str, FieldType] | Types,
    source_types: Mapping[str, FieldType] | Types,
    *,
    erpnext_zone: str,
) -> CompiledMapping:
    """Bind `spec` to the types of both sides.

    Raises KeyError for a field a side does not have and `InvalidValue` for a converter, constant or default that does
    not fit; `syncd.config` and `check` turn both into problems with file and key before this is called.
    """
    erpnext = erpnext_types if isinstance(erpnext_types, Types) else Types(fields=erpnext_types)
    source = source_types if isinstance(source_types, Types) else Types(fields=source_types)
    erpnext_fields, source_fields = layout(spec)
    books = {entry.link: LinkBook(entry.link) for _, entry in spec.linked() if entry.link is not None}
    tables = []
    for table in spec.tables:
        names = table_layout(table)
        types = (erpnext.tables[table.erpnext], source.tables[table.erpnext])
        tables.append(
            CompiledTable(
                spec=table,
                erpnext_at=erpnext_fields.index(table.erpnext),
                source_at=source_fields.index(table.slot),
                erpnext_fields=names[0],
                source_fields=names[1],
                fields=_compile_fields(table.fields, names, types, books, f"tables.{table.erpnext}.fields"),
            )
        )
    return CompiledMapping(
        spec=spec,
        erpnext_fields=erpnext_fields,
        source_fields=source_fields,
        fields=_compile_fields(
            spec.fields, (erpnext_fields, source_fields), (erpnext.fields, source.fields), books, "fields"
        ),
        constants=constants(spec.fields, erpnext.fields, "fields"),
        erpnext_zone=erpnext_zone,
        source_zone=spec.timezone,
        tables=tuple(tables),
        books=books,
        allowed=erpnext.allowed,
    )


def _compile_fields(
    fields: Sequence[FieldSpec],
    names: tuple[tuple[str, ...], tuple[str, ...]],
    types: tuple[Mapping[str, FieldType], Mapping[str, FieldType]],
    books: Mapping[str, LinkBook],
    where: str,
) -> tuple[CompiledField, ...]:
    compiled = []
    for entry in fields:
        if entry.source is None:
            continue
        erpnext_type = types[0][entry.erpnext]
        source_type = types[1][entry.source] if entry.compute is None else replace(erpnext_type, zero_is_empty=False)
        compiled.append(
            CompiledField(
                spec=entry,
                erpnext_at=names[0].index(entry.erpnext),
                source_at=names[1].index(entry.source),
                erpnext_type=erpnext_type,
                source_type=source_type,
                lens=_lens(entry, source_type, erpnext_type, books),
                default=_fixed(f"{where}.{entry.erpnext}", "default", entry.default, erpnext_type),
            )
        )
    return tuple(compiled)


def _lens(entry: FieldSpec, source_type: FieldType, erpnext_type: FieldType, books: Mapping[str, LinkBook]) -> Lens:
    if entry.link is None:
        return build_lens(entry.converters, entry.values, source_type, erpnext_type)
    inner = build_lens(entry.converters, entry.values, source_type, FieldType(kind=Kind.TEXT, name="id"))
    return LinkLens(inner=inner, book=books[entry.link], invertible=inner.invertible, loses=inner.loses)


def constants(fields: Sequence[FieldSpec], types: Mapping[str, FieldType], where: str) -> dict[str, Raw]:
    """The constants among `fields` as ERPNext takes them. Raises `InvalidValue`, naming the key."""
    return {
        entry.erpnext: to_raw(
            _fixed(f"{where}.{entry.erpnext}", "constant", entry.constant, types[entry.erpnext]), types[entry.erpnext]
        )
        for entry in fields
        if entry.source is None
    }


def _fixed(where: str, name: str, raw: Raw, erpnext_type: FieldType) -> Value:
    """A value that stands in the mapping file, in canonical form; raises `InvalidValue`, naming the key."""
    try:
        return coerce(canonical(raw, erpnext_type), erpnext_type)
    except InvalidValue as error:
        raise InvalidValue(f"{where}.{name}: {error.reason}") from None
