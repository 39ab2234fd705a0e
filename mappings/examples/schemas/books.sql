-- What stands beside ERPNext in a bookkeeping department: suppliers and the bills they send, payroll, and a copy of the
-- chart of accounts and of the ledger for reports. SQLite. updated_at and erp_name as in shop.sql.

CREATE TABLE accounts (                   -- filled from ERPNext; bills and payroll refer to it
    id          INTEGER PRIMARY KEY,
    number      TEXT,
    name        TEXT NOT NULL,
    parent_id   INTEGER REFERENCES accounts (id),
    is_group    INTEGER NOT NULL DEFAULT 0,
    root_type   TEXT,                     -- Asset, Liability, Equity, Income, Expense
    kind        TEXT,                     -- Bank, Receivable, Tax, …
    currency    TEXT,
    active      INTEGER NOT NULL DEFAULT 1,
    erp_name    TEXT UNIQUE
);

CREATE TABLE cost_centers (               -- filled from ERPNext
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    parent_id   INTEGER REFERENCES cost_centers (id),
    is_group    INTEGER NOT NULL DEFAULT 0,
    erp_name    TEXT UNIQUE
);

CREATE TABLE suppliers (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    kind        TEXT NOT NULL DEFAULT 'company' CHECK (kind IN ('company', 'person', 'partners')),
    country     TEXT,
    vat         TEXT,
    website     TEXT,
    notes       TEXT,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX suppliers_updated_at ON suppliers (updated_at, id);

CREATE TABLE bills (
    id          INTEGER PRIMARY KEY,
    supplier_id INTEGER NOT NULL REFERENCES suppliers (id),
    number      TEXT NOT NULL,            -- the supplier's
    dated       TEXT NOT NULL,
    due_on      TEXT,
    approved    INTEGER NOT NULL DEFAULT 0,
    approved_on TEXT,
    state       TEXT NOT NULL DEFAULT 'checked' CHECK (state IN ('checked', 'booked', 'withdrawn')),
    owed_cents  INTEGER,                  -- these two come from ERPNext
    progress    TEXT,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX bills_updated_at ON bills (updated_at, id);

CREATE TABLE bill_lines (
    bill_id     INTEGER NOT NULL REFERENCES bills (id),
    line_no     INTEGER NOT NULL,
    what        TEXT NOT NULL,
    quantity    REAL NOT NULL DEFAULT 1,
    unit_cents  INTEGER NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES accounts (id),
    center_id   INTEGER REFERENCES cost_centers (id),
    PRIMARY KEY (bill_id, line_no)
);

CREATE TABLE payrolls (
    id          INTEGER PRIMARY KEY,
    period      TEXT NOT NULL UNIQUE,     -- 2026-01
    pay_date    TEXT NOT NULL,
    memo        TEXT,
    state       TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'reversed')),
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX payrolls_updated_at ON payrolls (updated_at, id);

CREATE TABLE payroll_legs (
    payroll_id  INTEGER NOT NULL REFERENCES payrolls (id),
    leg_no      INTEGER NOT NULL,
    account_id  INTEGER NOT NULL REFERENCES accounts (id),
    center_id   INTEGER REFERENCES cost_centers (id),
    debit_cents INTEGER NOT NULL DEFAULT 0,
    credit_cents INTEGER NOT NULL DEFAULT 0,
    text        TEXT,
    PRIMARY KEY (payroll_id, leg_no)
);

CREATE TABLE ledger_vouchers (            -- filled from ERPNext: one row for each voucher that is in the ledger
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL,            -- Sales Invoice, Payment Entry, …
    number      TEXT NOT NULL,
    dated       TEXT NOT NULL,
    erp_name    TEXT UNIQUE
);

CREATE TABLE ledger_entries (             -- and its entries
    voucher_id  INTEGER NOT NULL REFERENCES ledger_vouchers (id),
    line_no     INTEGER NOT NULL,
    account     TEXT NOT NULL,
    center      TEXT,
    party_kind  TEXT,
    party       TEXT,
    debit_cents INTEGER NOT NULL DEFAULT 0,
    credit_cents INTEGER NOT NULL DEFAULT 0,
    reversed    INTEGER NOT NULL DEFAULT 0, -- the voucher was cancelled: leave these out of sums
    PRIMARY KEY (voucher_id, line_no)
);
