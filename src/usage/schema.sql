-- Schema 1 of usage.db. Times are seconds since 1970-01-01T00:00:00Z. Nothing here decides who
-- gets in but `idle_expiry`; the file can be deleted at any time.

-- Since when there are notes: what was not used before is not idle for that.
CREATE TABLE birth (at INTEGER NOT NULL) STRICT;

-- The last noted use of an entry by each service.
CREATE TABLE used (
    entry   INTEGER NOT NULL,
    service TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    origin  TEXT,               -- an address, or what the host said instead
    uid     INTEGER NOT NULL,   -- of the host that asked
    count   INTEGER NOT NULL,
    PRIMARY KEY (entry, service)
) STRICT, WITHOUT ROWID;

-- The last noted refusal of an entry.
CREATE TABLE refused (
    entry   INTEGER NOT NULL PRIMARY KEY,
    service TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    origin  TEXT,
    uid     INTEGER NOT NULL,
    reason  TEXT    NOT NULL,
    count   INTEGER NOT NULL
) STRICT;
