"""A mapping as its TOML file says it, with the defaults filled in (contract, "mappings/NAME.toml")."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from syncd.core.model import Direction, Raw, Side, Wins

COMPUTED = "="
"""First character of the name of a virtual column: what `compute` made of a row's other columns."""


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


class ChangedAfterSubmit(Enum):
    """What happens when the source changes what ERPNext no longer lets change."""

    HOLD = "hold"
    AMEND = "amend"
    ERPNEXT = "erpnext"


class SubmitFails(Enum):
    """What becomes of a document whose submission the site refuses."""

    HOLD = "hold"
    ROLLBACK = "rollback"


class Reopened(Enum):
    """What happens when the source went back to draft while ERPNext's document is submitted."""

    HOLD = "hold"
    AMEND = "amend"


class DraftVoided(Enum):
    """What happens to a draft that the source cancelled."""

    DELETE = "delete"
    HOLD = "hold"


class CancelLinked(Enum):
    """What happens when a document is to be cancelled and other submitted documents refer to it."""

    HOLD = "hold"
    UNLINK = "unlink"


OWN: Final = "syncd_"
"""How the custom fields are called that syncd makes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One line of `[fields]` or `[tables.NAME.fields]`. Exactly one of `source` and `constant` is set.

    A computed field has as its source the virtual column `=FIELDNAME`, which nobody but syncd knows: its value is made
    of the columns that the expression names, when a row is read.
    """

    erpnext: str
    source: str | None = None
    converters: tuple[str, ...] = ()
    values: Mapping[str, str] | None = None
    default: Raw = None
    constant: Raw = None
    direction: Direction = Direction.BOTH
    wins: Wins = Wins.MANUAL
    enforce: bool = False
    link: str | None = None
    """The mapping through whose pairs the source's id becomes an ERPNext name, and back."""
    compute: str | None = None
    """The CEL expression of a computed field; `direction` is `to_erpnext` then."""
    inputs: tuple[str, ...] = ()
    """The source's columns that `compute` names."""

    @property
    def is_own_link(self) -> bool:
        """Whether it is a Link field that syncd itself makes (`provision`), for what a DocType has no field for."""
        return self.link is not None and self.erpnext.startswith(OWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSpec:
    """One `[tables.NAME]`: a child table of the DocType. Exactly one of `source` and `entity` is set."""

    erpnext: str
    """Fieldname of the Table field."""
    fields: tuple[FieldSpec, ...]
    source: str | None = None
    """The column that holds the rows as a nested list (of objects, or as JSON text)."""
    entity: str | None = None
    """The related table that holds the rows."""
    parent: tuple[str, ...] = ()
    """Columns of `entity` that hold the id of the record."""
    key: tuple[str, ...] = ()
    """Source fields that tell one row from another; none: position."""
    direction: Direction = Direction.BOTH
    wins: Wins = Wins.MANUAL

    @property
    def slot(self) -> str:
        """The name under which the source's rows stand in its layout of images: no column is called so."""
        return f"{self.source or self.entity}[]" if self.source or self.entity else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleSpec:
    """`[lifecycle]`, for DocTypes that can be submitted.

    `field` None: the source says nothing of its documents' state; nothing is submitted, cancelled or amended for it,
    and what people do in ERPNext is followed.
    """

    field: str | None = None
    draft: tuple[str, ...] = ()
    submitted: tuple[str, ...] = ()
    cancelled: tuple[str, ...] = ()
    changed_after_submit: ChangedAfterSubmit = ChangedAfterSubmit.HOLD
    submit_fails: SubmitFails = SubmitFails.HOLD
    reopened: Reopened = Reopened.HOLD
    draft_voided: DraftVoided = DraftVoided.DELETE
    cancel_linked: CancelLinked = CancelLinked.HOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateMethod:
    """`[create]`: ERPNext builds the document. In `args`, `{field}` stands for the mapped value."""

    method: str
    args: Mapping[str, Raw] = field(default_factory=dict)


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
    tables: tuple[TableSpec, ...] = ()
    lifecycle: LifecycleSpec | None = None
    """Set for every DocType that can be submitted, once the site told so (`bootstrap.binding`)."""
    create_method: CreateMethod | None = None
    group: tuple[str, ...] = ()
    """ERPNext's documents that agree in these fields are one record, and the rows of its one table (`[erpnext] group`).
    """

    @property
    def writes_external_id(self) -> bool:
        """Whether the source's id is put into documents that ERPNext made or that were adopted.

        `auto` means: when the source has no column for the ERPNext name. `to_source` writes nothing into ERPNext.
        """
        if self.external_id is None or not self.direction.reaches(Side.ERPNEXT):
            return False
        return self.write_back is WriteBack.ALWAYS or (self.write_back is WriteBack.AUTO and self.erpnext_name is None)

    @property
    def renews_external_id(self) -> bool:
        """Whether a document whose row got another id is told so."""
        reaches = self.external_id is not None and self.direction.reaches(Side.ERPNEXT)
        return reaches and self.write_back is not WriteBack.NEVER

    def linked(self) -> Iterator[tuple[TableSpec | None, FieldSpec]]:
        """Every field with a `link`, with the table it stands in (None: the document itself)."""
        yield from ((None, entry) for entry in self.fields if entry.link is not None)
        yield from ((table, entry) for table in self.tables for entry in table.fields if entry.link is not None)
