-- Schema 2: whether the system knew the user when the entry was made. If it did, and knows the user
-- no more, the account is gone, and a new one may get its name. Mail users never had an account.
ALTER TABLE credential ADD COLUMN virtual INTEGER NOT NULL DEFAULT 0 CHECK (virtual IN (0, 1));
