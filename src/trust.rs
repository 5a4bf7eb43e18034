// SPDX-License-Identifier: GPL-3.0-or-later
//! Which files we believe: those that nobody but root and ourselves can have written, judged for
//! every step of the path.
//!
//! A step must be owned by root or by the effective uid, and not be writable by others. A sticky
//! directory like `/tmp` may stand above an owned one: what we own in it, others cannot replace.
//! State must not be readable by others either, and no step of its path may be a symbolic link.
//! The configuration may be one: then every step of both paths must pass.
//!
//! To look first and open later is safe here: whoever could change a step in between is root or
//! ourselves.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::error::Error;

/// Links within links are followed this often, like the kernel does.
const MOST_LINKS: usize = 40;
const OTHERS_WRITE: u32 = 0o022;
const OTHERS_ANY: u32 = 0o077;
const STICKY: u32 = 0o1000;

/// Judges the directory that holds the state. `false`: there is none.
pub fn state_directory(dir: &Path) -> Result<bool, Error> {
    let mut path = PathBuf::new();
    for step in dir.components() {
        path.push(step);
        let Some(stat) = lstat(&path)? else {
            return Ok(false);
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Directory {
            return Err(untrusted(
                &path,
                "not a directory",
                "set state_dir to a path without symbolic links".to_owned(),
            ));
        }
        owned(&path, &stat)?;
        let last = path == dir;
        if stat.st_mode & OTHERS_WRITE != 0 && (last || stat.st_mode & STICKY == 0) {
            return Err(writable(&path));
        }
    }
    Ok(true)
}

/// Judges a file within a directory that has passed [`state_directory`]. `false`: there is none.
pub fn state_file(path: &Path) -> Result<bool, Error> {
    let Some(stat) = lstat(path)? else {
        return Ok(false);
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(untrusted(
            path,
            "not a regular file",
            format!(
                "restore it from a backup, or remove it: rm {}",
                path.display()
            ),
        ));
    }
    owned(path, &stat)?;
    if stat.st_mode & OTHERS_ANY != 0 {
        return Err(untrusted(
            path,
            "others may read or write it",
            format!("chmod 0600 {}", path.display()),
        ));
    }
    Ok(true)
}

/// Reads a file of at most `limit` bytes that only root or we can have written. `None`: there is
/// none. A link that leads nowhere is an error.
pub fn read(path: &Path, limit: u64) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = resolve(path)? else {
        return Ok(None);
    };
    regular(&path, limit, OFlags::NOFOLLOW).map(Some)
}

/// Reads a file of at most `limit` bytes, whoever can have written it: it must not decide anything.
pub fn read_unjudged(path: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    regular(path, limit, OFlags::empty())
}

fn regular(path: &Path, limit: u64, flags: OFlags) -> Result<Vec<u8>, Error> {
    // Non-blocking, so that a FIFO cannot hold us; what is not a regular file is refused below.
    let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let failed = |e| Error::io(path, e);
    let file = File::from(rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?);
    let stat = rustix::fs::fstat(&file).map_err(failed)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        let remedy = "put a file there, or nothing".to_owned();
        return Err(untrusted(path, "not a regular file", remedy));
    }
    let size = u64::try_from(stat.st_size).unwrap_or_default().min(limit);
    // With room for the end to be seen, and for what /proc says has no size.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default() + 64);
    let mut bounded = file.take(limit + 1);
    bounded
        .read_to_end(&mut bytes)
        .map_err(|e| Error::io(path, e))?;
    if bytes.len() as u64 > limit {
        let remedy = format!("at most {limit} bytes are read");
        return Err(untrusted(path, "too large", remedy));
    }
    Ok(bytes)
}

/// Judges the directory of a file that is to be made, and returns the path of the file without
/// links above it.
pub fn place_for(path: &Path) -> Result<PathBuf, Error> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        let remedy = "name a file".to_owned();
        return Err(untrusted(path, "not a regular file", remedy));
    };
    let resolved = resolve(directory)?;
    let directory = resolved.ok_or_else(|| Error::io(directory, Errno::NOENT))?;
    Ok(directory.join(name))
}

/// Judges every step of an absolute path and of the links in it, and returns the path without
/// links. `None`: there is nothing.
pub fn resolve(path: &Path) -> Result<Option<PathBuf>, Error> {
    if path.is_relative() {
        let remedy = "write it from / on".to_owned();
        return Err(untrusted(path, "not an absolute path", remedy));
    }
    let mut todo: Vec<PathBuf> = steps(path);
    let mut done = PathBuf::from("/");
    let mut links = 0;
    while let Some(step) = todo.pop() {
        if step == Path::new("..") {
            done.pop();
            continue;
        }
        let here = done.join(&step);
        let Some(stat) = lstat(&here)? else {
            if links == 0 {
                return Ok(None);
            }
            let remedy = format!("mend or remove the link {}", path.display());
            return Err(untrusted(
                &here,
                "a link leads to it, but there is nothing",
                remedy,
            ));
        };
        owned(&here, &stat)?;
        let is = FileType::from_raw_mode(stat.st_mode);
        if is == FileType::Symlink {
            links += 1;
            if links > MOST_LINKS {
                return Err(Error::io(path, Errno::LOOP));
            }
            let target = std::fs::read_link(&here).map_err(|e| Error::io(&here, e))?;
            if target.is_absolute() {
                done = PathBuf::from("/");
            }
            todo.extend(steps(&target));
            continue;
        }
        let sticky = is == FileType::Directory && stat.st_mode & STICKY != 0;
        if stat.st_mode & OTHERS_WRITE != 0 && !sticky {
            return Err(writable(&here));
        }
        done = here;
    }
    Ok(Some(done))
}

/// The steps of a path, the last one first.
fn steps(path: &Path) -> Vec<PathBuf> {
    let steps = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(PathBuf::from(name)),
        Component::ParentDir => Some(PathBuf::from("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    steps.rev().collect()
}

fn lstat(path: &Path) -> Result<Option<Stat>, Error> {
    match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(Error::io(path, io::Error::from(error))),
    }
}

fn owned(path: &Path, stat: &Stat) -> Result<(), Error> {
    if stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(untrusted(
        path,
        "not owned by root",
        format!("chown root {}", path.display()),
    ))
}

fn writable(path: &Path) -> Error {
    untrusted(
        path,
        "others may write it",
        format!("chmod go-w {}", path.display()),
    )
}

fn untrusted(path: &Path, problem: &'static str, remedy: String) -> Error {
    Error::Untrusted {
        path: path.to_owned(),
        problem,
        remedy,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn fresh() -> tempfile::TempDir {
        tempfile::Builder::new()
            .prefix("app-passwd-")
            .tempdir_in("/tmp")
            .unwrap()
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
        result.unwrap_err().to_string()
    }

    #[test]
    fn an_owned_directory_below_a_sticky_one_is_believed() {
        let dir = fresh();
        assert!(state_directory(dir.path()).unwrap());
        assert!(!state_directory(&dir.path().join("none")).unwrap());
        assert!(problem(state_directory(Path::new("/tmp"))).contains("others may write"));
    }

    #[test]
    fn a_directory_that_others_may_write_is_not_believed() {
        let dir = fresh();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).unwrap();
        for bits in [0o720, 0o702, 0o777] {
            mode(&inner, bits);
            assert!(problem(state_directory(&inner)).contains("inner: others may write"));
            assert!(
                problem(state_directory(&inner.join("none"))).contains("inner: others may write")
            );
        }
        mode(&inner, 0o1777);
        assert!(problem(state_directory(&inner)).contains("others may write"));
    }

    #[test]
    fn state_is_never_reached_through_a_link() {
        let dir = fresh();
        symlink("/etc", dir.path().join("link")).unwrap();
        assert!(problem(state_directory(&dir.path().join("link"))).contains("not a directory"));
        assert!(problem(state_file(&dir.path().join("link"))).contains("not a regular file"));
    }

    #[test]
    fn a_state_file_is_for_its_owner_only() {
        let dir = fresh();
        let file = dir.path().join("store.db");
        assert!(!state_file(&file).unwrap());
        fs::write(&file, "").unwrap();
        for (bits, believed) in [
            (0o600, true),
            (0o400, true),
            (0o640, false),
            (0o604, false),
            (0o620, false),
        ] {
            mode(&file, bits);
            assert_eq!(state_file(&file).is_ok(), believed, "{bits:o}");
        }
    }

    #[test]
    fn the_configuration_may_be_a_link_if_both_paths_pass() {
        let dir = fresh();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        fs::create_dir(&real).unwrap();
        fs::write(real.join("file"), "x").unwrap();
        mode(&real.join("file"), 0o644);
        symlink("real/../real/file", &link).unwrap();
        assert_eq!(read(&link, 10).unwrap().unwrap(), b"x");
        mode(&real, 0o777);
        assert!(problem(read(&link, 10)).contains("real: others may write"));
        mode(&real, 0o755);
        mode(&real.join("file"), 0o666);
        assert!(problem(read(&link, 10)).contains("file: others may write"));
    }

    #[test]
    fn a_file_is_made_only_where_nobody_else_can_replace_it() {
        let dir = fresh();
        let (inner, link) = (dir.path().join("inner"), dir.path().join("link"));
        fs::create_dir(&inner).unwrap();
        symlink("inner", &link).unwrap();
        assert_eq!(
            place_for(&link.join("file")).unwrap(),
            fs::canonicalize(&inner).unwrap().join("file")
        );
        assert!(place_for(Path::new("/tmp/file")).is_ok());
        mode(&inner, 0o777);
        assert!(problem(place_for(&link.join("file"))).contains("inner: others may write"));
        assert!(problem(place_for(&dir.path().join("none/file"))).contains("none"));
        assert!(problem(place_for(Path::new("/"))).contains("not a regular file"));
    }

    #[test]
    fn reading_is_bounded_and_never_waits() {
        let dir = fresh();
        let path = dir.path().join("file");
        assert!(read(&path, 10).unwrap().is_none());
        fs::write(&path, "0123456789").unwrap();
        assert!(read(&path, 10).unwrap().is_some());
        assert!(problem(read(&path, 9)).contains("too large"));
        let nowhere = dir.path().join("nowhere");
        symlink("/no/such/file", &nowhere).unwrap();
        assert!(problem(read(&nowhere, 10)).contains("there is nothing"));
        assert!(problem(read(Path::new("file"), 10)).contains("not an absolute path"));
        let (one, two) = (dir.path().join("one"), dir.path().join("two"));
        symlink(&one, &two).unwrap();
        symlink(&two, &one).unwrap();
        assert!(read(&one, 10).is_err());
        let fifo = dir.path().join("fifo");
        rustix::fs::mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR, 0).unwrap();
        assert!(problem(read(&fifo, 10)).contains("not a regular file"));
    }
}
