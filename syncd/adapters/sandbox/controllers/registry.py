"""Which DocType behaves how."""

from __future__ import annotations

from . import Controller
from .customisation import CustomFieldController, DocTypeController, PropertySetterController
from .invoices import PurchaseInvoiceController, SalesInvoiceController
from .items import ItemController, ItemPriceController
from .journals import JournalEntryController
from .parties import AddressController, ContactController, CustomerController, SupplierController
from .payments import PaymentEntryController
from .selling import DeliveryNoteController, SalesOrderController
from .templates import TaxTemplateController
from .trees import AccountController, CostCenterController, TreeController, WarehouseController

CONTROLLERS: dict[str, Controller] = {
    "Customer": CustomerController(),
    "Supplier": SupplierController(),
    "Contact": ContactController(),
    "Address": AddressController(),
    "Item": ItemController(),
    "Item Price": ItemPriceController(),
    "Custom Field": CustomFieldController(),
    "Property Setter": PropertySetterController(),
    "DocType": DocTypeController(),
    "Account": AccountController(),
    "Cost Center": CostCenterController(),
    "Warehouse": WarehouseController(),
    "Customer Group": TreeController(),
    "Supplier Group": TreeController(),
    "Item Group": TreeController(),
    "Territory": TreeController(),
    "Payment Entry": PaymentEntryController(),
    "Journal Entry": JournalEntryController(),
    "Delivery Note": DeliveryNoteController(),
    "Purchase Invoice": PurchaseInvoiceController(),
    "Sales Taxes and Charges Template": TaxTemplateController(),
    "Purchase Taxes and Charges Template": TaxTemplateController(),
    "Sales Order": SalesOrderController(),
    "Sales Invoice": SalesInvoiceController(),
}
