"""Which DocType behaves how."""

from __future__ import annotations

from . import Controller
from .customisation import CustomFieldController, DocTypeController, PropertySetterController
from .items import ItemController, ItemPriceController
from .parties import AddressController, ContactController, CustomerController, SupplierController
from .payments import PaymentEntryController
from .selling import SalesInvoiceController, SalesOrderController
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
    "Sales Order": SalesOrderController(),
    "Sales Invoice": SalesInvoiceController(),
}
