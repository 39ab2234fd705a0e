-- A CRM's leads. SQLite. updated_at and erp_name as in shop.sql.

CREATE TABLE leads (
    id          INTEGER PRIMARY KEY,
    first_name  TEXT,
    last_name   TEXT,
    company     TEXT,
    email       TEXT,
    phone       TEXT,
    stage       TEXT NOT NULL DEFAULT 'new'
        CHECK (stage IN ('new', 'open', 'contacted', 'interested', 'deal', 'offered', 'lost', 'won', 'unwanted')),
    industry    TEXT,
    country     TEXT,
    revenue     NUMERIC,
    unsubscribed INTEGER NOT NULL DEFAULT 0,
    erp_name    TEXT UNIQUE,
    updated_at  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now'))
);
CREATE INDEX leads_updated_at ON leads (updated_at, id);
