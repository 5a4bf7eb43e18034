-- Schema 2: since when an entry is refused for the reason that it was last refused for.
ALTER TABLE refused ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE refused SET since = at;
