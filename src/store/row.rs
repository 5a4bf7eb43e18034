// SPDX-License-Identifier: GPL-3.0-or-later
//! Rows of the store, read into the types of the core. A row that does not fit them is damaged.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, Params, Row, Statement};

use super::connection::{raw, schema_of};
use super::{Contents, Damaged, Entries, NumberedKey, WholeEntry, error};
use crate::clock::Timestamp;
use crate::credential::{
    Credential, CredentialId, Label, Network, Revocation, RevokedWhy, ServiceName, UserName,
};
use crate::error::Error;
use crate::hash::{Hash, Key};

/// In the order in which [`RawCredential`] reads them. What is selected beside them comes behind.
const COLUMNS: &str = "id, user, label, services, networks, created_at, created_by, expires, \
                       disabled, revoked_at, revoked_by, revoked_why, replaces, replaced_by";

/// All keys, the store's own first.
pub(super) fn keys(connection: &Connection) -> rusqlite::Result<Vec<NumberedKey>> {
    let sql = "SELECT id, secret FROM key ORDER BY id";
    raw(connection, sql, [], |row| {
        Ok(NumberedKey {
            id: row.get(0)?,
            key: Key::new(row.get(1)?),
        })
    })
}

/// The entries that `condition` selects, in the order in which they were made. One that is damaged
/// is an error.
pub(super) fn select(
    connection: &Connection,
    path: &Path,
    condition: &str,
    params: impl Params,
) -> Result<Vec<Credential>, Error> {
    let Entries { sound, damaged } = select_sound(connection, path, condition, params)?;
    damaged
        .into_iter()
        .next()
        .map_or(Ok(sound), |damaged| Err(damaged.error))
}

/// The same, but one damaged entry does not hide the others.
pub(super) fn select_sound(
    connection: &Connection,
    path: &Path,
    condition: &str,
    params: impl Params,
) -> Result<Entries, Error> {
    let sql = format!("SELECT {COLUMNS} FROM credential WHERE {condition} ORDER BY id");
    let select = || gather(&mut connection.prepare(&sql)?, path, params);
    let gathered = select().map_err(|e| error(path, e));
    gathered.map(|(entries, _)| entries)
}

/// Selects the entries after that of the number `?1`, at most `?2`.
pub(super) fn prepare_page(connection: &Connection) -> rusqlite::Result<Statement<'_>> {
    connection.prepare(&format!(
        "SELECT {COLUMNS} FROM credential WHERE id > ?1 ORDER BY id LIMIT ?2"
    ))
}

/// What the statement selects, and the number of the last one, sound or damaged.
pub(super) fn gather(
    statement: &mut Statement<'_>,
    path: &Path,
    params: impl Params,
) -> rusqlite::Result<(Entries, Option<CredentialId>)> {
    let mut rows = statement.query(params)?;
    let mut entries = Entries::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let row = RawCredential::read(row)?;
        let is_live = row.revoked.is_none();
        last = Some(CredentialId(row.id));
        match row.parse(path) {
            Ok(entry) => entries.sound.push(entry),
            Err(error) => entries.damaged.push(Damaged { error, is_live }),
        }
    }
    Ok((entries, last))
}

/// The entries of one user or of all.
pub(super) fn entries(
    connection: &Connection,
    path: &Path,
    user: Option<&UserName>,
) -> Result<Entries, Error> {
    let user = user.map(UserName::as_str);
    select_sound(connection, path, is_of(user), [user])
}

/// The condition for the entries of one user, who is `?1`, or of all. One for both could not use the
/// index.
const fn is_of(user: Option<&str>) -> &'static str {
    match user {
        Some(_) => "user = ?1",
        None => "?1 IS NULL",
    }
}

/// The user's entries with this tag under this key. The first look is at the index alone, which
/// ends it for all wrong passwords but one in 65,536 for each entry.
pub(super) fn with_tag(
    connection: &Connection,
    path: &Path,
    user: &UserName,
    key: i64,
    tag: u16,
) -> Result<Vec<(Credential, Hash)>, Error> {
    // Without the name of the index SQLite weighs all of them, and once more when it sees the values.
    let probe =
        "SELECT id FROM credential INDEXED BY credential_by_tag WHERE user = ?1 AND tag = ?2";
    let ids = raw(connection, probe, (user.as_str(), tag), |row| {
        row.get::<_, i64>(0)
    });
    let mut found = Vec::new();
    for id in ids.map_err(|e| error(path, e))? {
        found.extend(with_hash(connection, path, id, key)?);
    }
    Ok(found)
}

/// Whether the user has, or had, any entry.
pub(super) fn is_known(connection: &Connection, user: &UserName) -> rusqlite::Result<bool> {
    let probe = "SELECT 1 FROM credential INDEXED BY credential_by_tag WHERE user = ?1 LIMIT 1";
    connection.prepare(probe)?.exists([user.as_str()])
}

fn with_hash(
    connection: &Connection,
    path: &Path,
    id: i64,
    key: i64,
) -> Result<Option<(Credential, Hash)>, Error> {
    let sql = format!("SELECT {COLUMNS}, hash FROM credential WHERE id = ?1 AND key = ?2");
    let read = |row: &Row<'_>| {
        let hash = Hash::parse(text(row, 14)?);
        let hash = hash.map_err(|e| Error::damaged(path, CredentialId(id), e));
        let entry = RawCredential::read(row)?.parse(path);
        Ok(hash.and_then(|hash| Ok((entry?, hash))))
    };
    let found = connection.query_row(&sql, (id, key), read).optional();
    found.map_err(|e| error(path, e))?.transpose()
}

/// The entries of one user or of all, with what their passwords are found and proved by.
pub(super) fn whole(
    connection: &Connection,
    path: &Path,
    user: Option<&UserName>,
) -> Result<Vec<WholeEntry>, Error> {
    let user = user.map(UserName::as_str);
    let is_virtual = is_virtual(connection).map_err(|e| error(path, e))?;
    let sql = format!(
        "SELECT {COLUMNS}, key, tag, hash, {is_virtual} AS virtual FROM credential
         WHERE {} ORDER BY id",
        is_of(user)
    );
    let failed = |e| error(path, e);
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let mut rows = statement.query([user]).map_err(failed)?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let (raw, proof) = RawCredential::read(row)
            .and_then(|raw| Ok((raw, RawProof::read(row)?)))
            .map_err(failed)?;
        entries.push(proof.parse(raw.parse(path)?, path)?);
    }
    Ok(entries)
}

/// The users with live entries whom the system knew when these were made. A name that is damaged
/// is passed over: what it is cannot be asked.
pub(super) fn accounts(connection: &Connection, path: &Path) -> Result<Vec<UserName>, Error> {
    let names = is_virtual(connection).and_then(|is_virtual| {
        let sql = format!(
            "SELECT DISTINCT user FROM credential WHERE revoked_at IS NULL AND NOT {is_virtual}"
        );
        raw(connection, &sql, [], |row| row.get::<_, String>(0))
    });
    let names = names.map_err(|e| error(path, e))?;
    Ok(names
        .iter()
        .filter_map(|name| UserName::parse(name).ok())
        .collect())
}

/// Whether the system did not know the user, in SQL. Schema 1 says nothing of it: see what leads
/// from there to the next.
fn is_virtual(connection: &Connection) -> rusqlite::Result<&'static str> {
    Ok(match schema_of(connection)? {
        1 => "1",
        _ => "virtual",
    })
}

/// The numbers of the user's entries that are not revoked.
pub(super) fn live_ids(
    connection: &Connection,
    user: &UserName,
) -> rusqlite::Result<Vec<CredentialId>> {
    let sql = "SELECT id FROM credential WHERE user = ?1 AND revoked_at IS NULL";
    raw(connection, sql, [user.as_str()], |row| {
        row.get(0).map(CredentialId)
    })
}

/// How much there is.
pub(super) fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let sql = "SELECT count(*), count(revoked_at),
                      (SELECT at FROM event ORDER BY id DESC LIMIT 1) FROM credential";
    connection.query_row(sql, [], |row| {
        let count = |column| {
            let count: rusqlite::Result<i64> = row.get(column);
            count.map(|count| usize::try_from(count).unwrap_or_default())
        };
        Ok(Contents {
            entries: count(0)?,
            revoked: count(1)?,
            last_change: row.get::<_, Option<_>>(2)?.map(Timestamp::from_seconds),
        })
    })
}

/// What an entry is known by in another state of the store, where its number may be another's.
pub(super) struct Likeness {
    pub(super) user: String,
    pub(super) tag: u16,
    pub(super) hash: String,
}

impl Likeness {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            user: row.get("user")?,
            tag: row.get("tag")?,
            hash: row.get("hash")?,
        })
    }
}

/// What is remembered about a revoked entry, as it stands in the store.
pub(super) struct Tombstone {
    pub(super) entry: Likeness,
    pub(super) at: i64,
    pub(super) by: String,
    pub(super) why: String,
}

impl Tombstone {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            entry: Likeness::read(row)?,
            at: row.get("revoked_at")?,
            by: row.get("revoked_by")?,
            why: row.get("revoked_why")?,
        })
    }
}

/// All revoked entries.
pub(super) fn tombstones(connection: &Connection) -> rusqlite::Result<Vec<Tombstone>> {
    let sql = "SELECT user, tag, hash, revoked_at, revoked_by, revoked_why FROM credential
               WHERE revoked_at IS NOT NULL ORDER BY id";
    raw(connection, sql, [], Tombstone::read)
}

/// All entries that are disabled and not revoked.
pub(super) fn disabled(connection: &Connection) -> rusqlite::Result<Vec<Likeness>> {
    let sql = "SELECT user, tag, hash FROM credential
               WHERE disabled AND revoked_at IS NULL ORDER BY id";
    raw(connection, sql, [], Likeness::read)
}

/// The last number that was given in each table.
pub(super) fn last_numbers(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    let sql = "SELECT name, seq FROM sqlite_sequence";
    raw(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// The last number that was given in one table; 0: none was.
pub(super) fn last_number(connection: &Connection, table: &str) -> rusqlite::Result<i64> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?1";
    let last = connection.query_row(sql, [table], |row| row.get(0));
    Ok(last.optional()?.unwrap_or_default())
}

/// The labels that are taken, each with its user: those of live entries without a successor.
pub(super) fn labels(connection: &Connection) -> rusqlite::Result<Vec<(String, String)>> {
    let sql = "SELECT user, label FROM credential WHERE revoked_at IS NULL AND replaced_by IS NULL";
    raw(connection, sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Each hash, and the entry that has it.
pub(super) fn hashes(connection: &Connection) -> rusqlite::Result<Vec<(String, CredentialId)>> {
    let sql = "SELECT hash, id FROM credential";
    raw(connection, sql, [], |row| {
        Ok((row.get(0)?, CredentialId(row.get(1)?)))
    })
}
/// A text, where it lies. Who keeps it makes a copy.
fn text<'row>(row: &'row Row<'_>, column: usize) -> rusqlite::Result<&'row str> {
    Ok(row.get_ref(column)?.as_str()?)
}

/// What is selected behind [`COLUMNS`].
struct RawProof<'row> {
    key: i64,
    tag: u16,
    hash: &'row str,
    is_virtual: bool,
}

impl<'row> RawProof<'row> {
    fn read(row: &'row Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            key: row.get(14)?,
            tag: row.get(15)?,
            hash: text(row, 16)?,
            is_virtual: row.get(17)?,
        })
    }

    fn parse(self, entry: Credential, path: &Path) -> Result<WholeEntry, Error> {
        let hash = Hash::parse(self.hash);
        Ok(WholeEntry {
            key: self.key,
            tag: self.tag,
            hash: hash.map_err(|e| Error::damaged(path, entry.id, e))?,
            is_virtual: self.is_virtual,
            entry,
        })
    }
}

struct RawCredential<'row> {
    id: i64,
    user: &'row str,
    label: &'row str,
    services: &'row str,
    networks: &'row str,
    created_at: i64,
    created_by: &'row str,
    expires: Option<i64>,
    disabled: bool,
    revoked: Option<(i64, &'row str, &'row str)>,
    replaces: Option<i64>,
    replaced_by: Option<i64>,
}

impl<'row> RawCredential<'row> {
    /// By their places: to look for each by its name takes longer than to read it.
    fn read(row: &'row Row<'_>) -> rusqlite::Result<Self> {
        let revoked = match row.get(9)? {
            Some(at) => Some((at, text(row, 10)?, text(row, 11)?)),
            None => None,
        };
        Ok(Self {
            id: row.get(0)?,
            user: text(row, 1)?,
            label: text(row, 2)?,
            services: text(row, 3)?,
            networks: text(row, 4)?,
            created_at: row.get(5)?,
            created_by: text(row, 6)?,
            expires: row.get(7)?,
            disabled: row.get(8)?,
            revoked,
            replaces: row.get(12)?,
            replaced_by: row.get(13)?,
        })
    }

    fn parse(self, path: &Path) -> Result<Credential, Error> {
        let id = CredentialId(self.id);
        let damaged = |what| Error::damaged(path, id, what);
        let services = parts(self.services).map(ServiceName::parse).collect();
        let networks = parts(self.networks).map(Network::parse).collect();
        let revoked = match self.revoked {
            None => None,
            Some((at, by, why)) => {
                let word = RevokedWhy::parse(why);
                let why =
                    word.ok_or_else(|| Error::damaged(path, id, "unknown reason of revocation"))?;
                let (at, by) = (Timestamp::from_seconds(at), by.to_owned());
                Some(Revocation { at, by, why })
            }
        };
        Ok(Credential {
            id,
            user: UserName::parse(self.user).map_err(damaged)?,
            label: Label::parse(self.label).map_err(damaged)?,
            services: Result::map_err(services, damaged)?,
            networks: Result::map_err(networks, damaged)?,
            created: Timestamp::from_seconds(self.created_at),
            created_by: self.created_by.to_owned(),
            expires: self.expires.map(Timestamp::from_seconds),
            disabled: self.disabled,
            revoked,
            replaces: self.replaces.map(CredentialId),
            replaced_by: self.replaced_by.map(CredentialId),
        })
    }
}

/// The parts of a list, as it is stored.
fn parts(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').filter(|part| !part.is_empty())
}
