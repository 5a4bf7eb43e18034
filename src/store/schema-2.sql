-- Schema 2: whether the system knew the user when the entry was made. If it did, and knows the user
-- no more, the account is gone, and a new one may get its name. Mail users never had an account.
ALTER TABLE credential ADD COLUMN virtual INTEGER NOT NULL DEFAULT 0 CHECK (virtual IN (0, 1));
-- Of older entries it is not known. They count as mail users': what never was an account's must not
-- be revoked with those of deleted accounts.
UPDATE credential SET virtual = 1;
