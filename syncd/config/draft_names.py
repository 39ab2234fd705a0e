"""Which column's name stands for which ERPNext field: names brought to one form, and what people call things."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher

from syncd.ports.endpoint import FieldInfo

EXACT, LABEL, SHORT, KNOWN, RELATED, ALIKE = 100, 95, 90, 80, 70, 50
"""How well a name fits, from the very fieldname down to one that only looks alike."""
_LOOKS_ALIKE = 0.84

_SPELLINGS: Mapping[str, str] = {
    **dict.fromkeys(("nr", "num", "number", "nbr"), "no"),
    **dict.fromkeys(("tel", "telephone", "fon"), "phone"),
    **dict.fromkeys(("mail", "emailaddress"), "email"),
    **dict.fromkeys(("qty",), "quantity"),
    **dict.fromkeys(("addr", "adr"), "address"),
    **dict.fromkeys(("cust", "cst"), "customer"),
    **dict.fromkeys(("lang",), "language"),
    **dict.fromkeys(("curr", "ccy"), "currency"),
    **dict.fromkeys(("desc", "descr"), "description"),
    **dict.fromkeys(("cat",), "category"),
    **dict.fromkeys(("organisation", "org"), "organization"),
    **dict.fromkeys(("cell", "cellphone", "mobil"), "mobile"),
    **dict.fromkeys(("wt",), "weight"),
    **dict.fromkeys(("pct", "percentage"), "percent"),
}
_JOINED = {"e_mail": "email", "web_site": "website", "u_r_l": "url", "v_a_t": "vat", "tax_i_d": "tax_id"}

_CALLED: Mapping[str, str] = {
    "name": "full_name display_name",
    "tax_id": "vat vat_id vat_no vat_code vatid ust_id ustid ust_idno tax_no tax_code taxid gstin ein tin",
    "language": "language_code locale",
    "country": "country_code country_iso iso_country country_name iso2 nation",
    "website": "url web homepage home_page www site_url web_url website_url",
    "email_id": "email email_address contact_email",
    "phone": "phone_no phoneno",
    "mobile_no": "mobile mobile_phone phone_mobile mobilephone",
    "type": "kind",
    "group": "category segment",
    "details": "notes note remarks remark comment comments memo",
    "description": "details long_description text",
    "currency": "currency_code",
    "disabled": "blocked inactive is_disabled is_blocked is_inactive archived is_archived locked",
    "code": "sku article_no product_code product_no part_no article_code item_no",
    "stock_uom": "uom unit unit_of_measure",
    "standard_rate": "price unit_price list_price selling_price sales_price net_price",
    "commission_rate": "commission commission_percent",
    "weight_per_unit": "weight",
    "brand": "brand_name",
    "pincode": "zip zip_code zipcode postal_code postcode post_code plz",
    "address_line1": "street address address1 address_1 street1 street_1 line1 line_1 street_address",
    "address_line2": "address2 address_2 street2 street_2 line2 line_2",
    "city": "town",
    "state": "province",
    "first_name": "first firstname given_name forename",
    "middle_name": "middle middlename",
    "last_name": "last lastname surname family_name",
    "company_name": "company organization organization_name firm",
    "job_title": "position job",
    "no_of_employees": "employees employee_count headcount",
    "annual_revenue": "revenue turnover",
    "customs_tariff_no": "hs_code tariff_no tariff_code",
    "country_of_origin": "origin origin_country",
    "min_order_quantity": "moq minimum_order_quantity",
    "salutation": "form_of_address",
    "item_code": "sku article_no product_code product_no product article",
    "rate": "price unit_price net_price price_each",
    "po_no": "reference customer_reference po_number purchase_order order_reference",
    "po_date": "reference_date",
    "transaction_date": "order_date ordered_on ordered_at placed_on placed_at day",
    "posting_date": "invoice_date invoiced_on invoiced_at booked_on booked_at booking_date day",
    "due_date": "due_on payable_until due",
    "delivery_date": "deliver_by delivery_on ship_by wanted_on",
    "debit_in_account_currency": "debit debit_amount",
    "credit_in_account_currency": "credit credit_amount",
    "account": "account_name ledger_account gl_account",
    "user_remark": "remark remarks memo text booking_text",
    "address_title": "title label name",
    "uom": "unit unit_of_measure",
}
"""Fieldname without the DocType's name → what people call such a column, in normal form."""
_RELATED: Mapping[str, str] = {
    "name": "company company_name title label firm organization",
    "territory": "country country_code country_iso iso_country country_name iso2",
    "code": "no",
    "valuation_rate": "cost cost_price purchase_price",
}
"""The same, for columns that may as well be something else."""

ACTIVE = frozenset({"active", "is_active", "enabled", "is_enabled"})
"""Columns that say the opposite of `disabled`."""
COUNTRY = frozenset({"country", *_CALLED["country"].split(), "origin", "origin_country", "country_of_origin"})
ID = frozenset({"id", "uuid", "guid", "key", "pk", "rowid", "oid"})
MODIFIED = (
    *("updated_at", "modified_at", "updated", "modified", "last_modified", "last_updated", "changed_at", "last_change"),
    *("updated_on", "modified_on", "changed_on", "update_time", "modify_time", "update_date", "modified_date"),
    *("date_modified", "date_updated", "last_modified_at", "last_updated_at", "last_update", "mtime", "changed"),
    *("updated_ts", "modified_ts", "updated_date", "last_modified_date", "updatedat", "modifiedat", "ts_modified"),
)
"""What the stamp of the last change is called, the likeliest first."""
DELETED = (
    *("deleted_at", "deleted", "is_deleted", "deleted_on", "removed_at", "is_removed", "date_deleted", "trashed_at"),
    *("delete_flag", "deletedat"),
)
ERPNEXT_NAME = re.compile(r"(erp|erpnext|frappe)(_(\w+_)?(ref|reference|name|id|no|code|key|docname))?")
POSITION = ("line_no", "position", "pos", "line", "row_no", "row", "idx", "sort", "sequence", "seq", "item_no", "no")
"""What the number of a row within its record is called, the likeliest first."""
STATE = (
    *("status", "state", "order_status", "order_state", "invoice_status", "document_status", "booking_status"),
    *("workflow_state", "stage", "phase"),
)
"""What the column is called that says whether a document is a draft, submitted or cancelled."""
ROWS: Mapping[str, frozenset[str]] = {
    "items": frozenset({"line", "item", "position", "article", "product", "detail", "row", "entry"}),
    "accounts": frozenset({"line", "account", "entry", "posting", "booking", "row", "position", "split"}),
    "taxes": frozenset({"tax", "vat", "duty", "charge"}),
    "payment_schedule": frozenset({"installment", "instalment", "schedule", "term"}),
    "sales_team": frozenset({"seller", "agent", "team"}),
    "references": frozenset({"reference", "allocation", "settlement"}),
    "email_ids": frozenset({"email", "mail"}),
    "phone_nos": frozenset({"phone", "number"}),
    "barcodes": frozenset({"barcode", "ean", "gtin", "code"}),
    "uoms": frozenset({"unit", "uom", "conversion"}),
}
"""Table fields of ERPNext, and what the last word of a table of such rows is, in the singular."""
HUNDREDTHS = ("_cents", "_cent", "_pence", "_minor")


def normal(name: str) -> str:
    """A name in one form: words in small letters without accents, joined by `_` (`CustName` → `customer_name`)."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", plain)
    joined = "_".join(re.findall(r"[^\W_]+", parted.casefold()))
    joined = _JOINED.get(joined, joined)
    return "_".join(_SPELLINGS.get(word, word) for word in joined.split("_"))


def singular(word: str) -> str:
    """The singular of an English plural; other words as they are."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith("sses"):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word


class Columns:
    """The columns' names without what they only repeat: the table's name, a prefix that most of them share."""

    def __init__(self, names: Iterable[str], entity: str, doctype: str) -> None:
        names = list(names)
        normals = {name: normal(name) for name in names}
        firsts = [form.split("_")[0] for form in normals.values() if "_" in form]
        shared = {word for word in firsts if len(names) > 2 and firsts.count(word) * 3 >= len(names) * 2}
        table = normal(entity)
        self.prefixes = tuple(dict.fromkeys([table, singular(table), normal(doctype), *sorted(shared)]))
        self.normals = normals

    def forms(self, name: str) -> tuple[str, ...]:
        """The forms of a column's name, the fullest first; never empty text."""
        full = self.normals[name]
        forms = [full, *(full.removeprefix(f"{prefix}_") for prefix in self.prefixes if prefix)]
        forms += [form.removesuffix(ending) for form in forms for ending in HUNDREDTHS if form.endswith(ending)]
        return tuple(dict.fromkeys(form for form in forms if form))


def likeness(field: FieldInfo, doctype: str, forms: tuple[str, ...]) -> int:
    """How well a column with these forms fits a field by name; 0: not at all."""
    name, label = normal(field.name), normal(field.label)
    prefix = f"{normal(doctype)}_"
    short = {name.removeprefix(prefix), label.removeprefix(prefix), name.removeprefix("default_")}
    short |= {word.removeprefix("default_") for word in short} | {name.removeprefix("is_")}
    if forms[0] == name:
        return EXACT
    if forms[0] == label or name in forms:
        return LABEL
    if short & set(forms):
        return SHORT
    names = {name, *short}
    if any(set(_CALLED.get(each, "").split()) & set(forms) for each in names):
        return KNOWN
    if name == "disabled" and ACTIVE & set(forms):
        return KNOWN
    if any(set(_RELATED.get(each, "").split()) & set(forms) for each in names):
        return RELATED
    return ALIKE if len(forms[-1]) > 3 and any(_alike(forms[-1], each) for each in {name, label, *short}) else 0


def _alike(one: str, other: str) -> bool:
    """Whether two names are nearly the same; the two quick answers spare most of the comparing."""
    compared = SequenceMatcher(None, one, other)
    bounds = (compared.real_quick_ratio, compared.quick_ratio, compared.ratio)
    return all(bound() >= _LOOKS_ALIKE for bound in bounds)
