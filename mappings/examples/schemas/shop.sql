-- A shop: customers with their contacts and addresses, articles with prices, orders, invoices and payments.
-- SQLite; other databases want their own types. Two columns of each table are for syncd:
--   updated_at  moves with every change (an index on it makes polls cheap),
--   erp_name    is where syncd notes the document's name: creation in ERPNext is then found again, whatever happens.

CREATE TABLE customers (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'company' CHECK (kind IN ('company', 'person', 'partners')),
    country     TEXT,                     -- ISO 3166: US, DE
    vat         TEXT,
    website     TEXT,
    lang        TEXT,                     -- ISO 639: en, de
    notes       TEXT,
    blocked     TEXT NOT NULL DEFAULT 'no' CHECK (blocked IN ('yes', 'no')),
    contact_id  INTEGER,                  -- whom to ask first: a contact of this customer, so the two refer to each other
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX customers_updated_at ON customers (updated_at, id);

CREATE TABLE contacts (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    first_name  TEXT NOT NULL,
    last_name   TEXT,
    job         TEXT,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX contacts_updated_at ON contacts (updated_at, id);

CREATE TABLE contact_emails (
    contact_id  INTEGER NOT NULL REFERENCES contacts (id),
    position    INTEGER NOT NULL,
    email       TEXT NOT NULL,
    main        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (contact_id, position)
);

CREATE TABLE contact_phones (
    contact_id  INTEGER NOT NULL REFERENCES contacts (id),
    position    INTEGER NOT NULL,
    number      TEXT NOT NULL,
    main        INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (contact_id, position)
);

CREATE TABLE addresses (
    id          INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    label       TEXT NOT NULL,            -- "Head office", "Warehouse 2"
    kind        TEXT NOT NULL DEFAULT 'billing' CHECK (kind IN ('billing', 'shipping', 'other')),
    line1       TEXT NOT NULL,
    line2       TEXT,
    postcode    TEXT,
    city        TEXT NOT NULL,
    region      TEXT,
    country     TEXT NOT NULL,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX addresses_updated_at ON addresses (updated_at, id);

CREATE TABLE products (
    id          INTEGER PRIMARY KEY,
    sku         TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL,
    details     TEXT,
    category    TEXT NOT NULL DEFAULT 'goods' CHECK (category IN ('goods', 'supplies', 'services')),
    unit        TEXT NOT NULL DEFAULT 'piece' CHECK (unit IN ('piece', 'box', 'hour')),
    stocked     INTEGER NOT NULL DEFAULT 1,
    active      INTEGER NOT NULL DEFAULT 1,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX products_updated_at ON products (updated_at, id);

CREATE TABLE prices (
    id          INTEGER PRIMARY KEY,
    product_id  INTEGER NOT NULL REFERENCES products (id),
    list        TEXT NOT NULL CHECK (list IN ('sale', 'purchase')),
    cents       INTEGER NOT NULL,
    valid_from  TEXT,                     -- 2026-01-31
    valid_to    TEXT,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX prices_updated_at ON prices (updated_at, id);

CREATE TABLE orders (
    id          INTEGER PRIMARY KEY,
    number      TEXT NOT NULL UNIQUE,     -- what the customer calls it
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    ordered_on  TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'placed' CHECK (state IN ('placed', 'confirmed', 'packed', 'cancelled')),
    total_cents INTEGER,                  -- as ERPNext adds it up
    progress    TEXT,                     -- ERPNext's status: To Deliver and Bill, Completed, …
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX orders_updated_at ON orders (updated_at, id);

CREATE TABLE order_lines (
    order_id    INTEGER NOT NULL REFERENCES orders (id),
    line_no     INTEGER NOT NULL,
    product_id  INTEGER NOT NULL REFERENCES products (id),
    quantity    REAL NOT NULL,
    unit_cents  INTEGER NOT NULL DEFAULT 0,
    deliver_by  TEXT NOT NULL,
    PRIMARY KEY (order_id, line_no)
);

CREATE TABLE invoices (
    id          INTEGER PRIMARY KEY,
    number      TEXT NOT NULL UNIQUE,
    customer_id INTEGER NOT NULL REFERENCES customers (id),
    issued_on   TEXT NOT NULL,
    due_on      TEXT,
    note        TEXT,
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'issued', 'void')),
    total_cents INTEGER,                  -- these three come from ERPNext
    owed_cents  INTEGER,
    progress    TEXT,                     -- Unpaid, Partly Paid, Paid, Overdue, …
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX invoices_updated_at ON invoices (updated_at, id);

CREATE TABLE invoice_lines (
    invoice_id  INTEGER NOT NULL REFERENCES invoices (id),
    line_no     INTEGER NOT NULL,
    product_id  INTEGER NOT NULL REFERENCES products (id),
    quantity    REAL NOT NULL,
    unit_cents  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (invoice_id, line_no)
);

CREATE TABLE payments (
    id          INTEGER PRIMARY KEY,
    invoice_id  INTEGER NOT NULL REFERENCES invoices (id),
    paid_on     TEXT NOT NULL,
    cents       INTEGER NOT NULL,
    method      TEXT NOT NULL CHECK (method IN ('card', 'transfer')),
    reference   TEXT NOT NULL,            -- the bank's or the card processor's
    state       TEXT NOT NULL DEFAULT 'booked' CHECK (state IN ('pending', 'booked', 'bounced')),
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX payments_updated_at ON payments (updated_at, id);
