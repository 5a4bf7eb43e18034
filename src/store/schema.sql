-- Schema 1 of store.db. Times are seconds since 1970-01-01T00:00:00Z.

-- What makes tags and hashes; see src/hash.rs. Normally one row; entries that come from another
-- machine bring theirs.
CREATE TABLE key (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    secret  BLOB    NOT NULL CHECK (length(secret) = 32),
    created INTEGER NOT NULL
) STRICT;

-- One row for each app password. Revoked ones stay, until they are purged, to be recognised.
CREATE TABLE credential (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,  -- never reused
    user        TEXT    NOT NULL,                   -- as PAM presents it
    label       TEXT    NOT NULL,
    key         INTEGER NOT NULL REFERENCES key (id),
    tag         INTEGER NOT NULL CHECK (tag BETWEEN 0 AND 65535),
    hash        TEXT    NOT NULL,                   -- PHC string
    services    TEXT    NOT NULL,                   -- names, separated by commas
    networks    TEXT    NOT NULL,                   -- the same; none: from anywhere
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    expires     INTEGER,
    disabled    INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    revoked_at  INTEGER,
    revoked_by  TEXT,
    revoked_why TEXT,
    replaces    INTEGER,                            -- the entry whose successor this is
    replaced_by INTEGER,                            -- the successor of this entry
    CHECK ((revoked_at IS NULL) = (revoked_by IS NULL)),
    CHECK ((revoked_at IS NULL) = (revoked_why IS NULL))
) STRICT;

-- A login is one probe of this. Not unique: two passwords may share a tag.
CREATE INDEX credential_by_tag ON credential (user, tag);

-- A label names one live entry. One that has a successor makes room for it.
CREATE UNIQUE INDEX credential_by_label ON credential (user, label)
    WHERE revoked_at IS NULL AND replaced_by IS NULL;

-- Who did what. Written in the transaction of the change, never altered. What concerns the store as
-- a whole has the user '' and the entry 0, which no user and no entry can have.
CREATE TABLE event (
    id     INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    by     TEXT    NOT NULL,
    action TEXT    NOT NULL,
    user   TEXT    NOT NULL,
    entry  INTEGER NOT NULL,
    detail TEXT    NOT NULL
) STRICT;
