// SPDX-License-Identifier: GPL-3.0-or-later
//! Other programs, most of them named by the configuration: argument lists, no shell, bounded in time.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Much more than what is asked for.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// Runs a program that reads `input`, and waits for its end. What it prints goes to standard error.
pub(super) fn run(words: &[String], input: &[u8]) -> Result<ExitStatus, String> {
    let stderr = std::io::stderr().as_fd().try_clone_to_owned();
    let stderr = stderr.map_err(|error| error.to_string())?;
    let input = in_memory(input).map_err(|error| error.to_string())?;
    let mut child = start(words, input.into(), stderr.into(), Stdio::inherit())?;
    wait(&mut child, deadline())
}

/// What a program prints, if it does what it is asked by then. What it has started and left behind
/// is not waited for.
pub(super) fn ask(words: &[String], deadline: Instant) -> Option<String> {
    let answer = in_memory(b"").ok()?;
    let stdout = answer.try_clone().ok()?;
    let mut child = start(words, Stdio::null(), stdout.into(), Stdio::null()).ok()?;
    wait(&mut child, deadline)
        .ok()
        .filter(ExitStatus::success)?;
    let length = answer.metadata().ok()?.len().min(LONGEST_ANSWER);
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    answer.read_exact_at(&mut bytes, 0).ok()?;
    String::from_utf8(bytes).ok()
}

/// Until when a program that is started now may take.
pub(super) fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

/// A file without a name. Unlike a pipe it takes everything, whether or not somebody reads it.
fn in_memory(bytes: &[u8]) -> std::io::Result<File> {
    let mut file = File::from(memfd_create("app-passwd", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file)
}

/// Starts it in a process group of its own, so that what it starts can be ended with it.
fn start(words: &[String], stdin: Stdio, stdout: Stdio, stderr: Stdio) -> Result<Child, String> {
    let Some((program, arguments)) = words.split_first() else {
        return Err("it is empty".to_owned());
    };
    Command::new(program)
        .args(arguments)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .spawn()
        .map_err(|error| error.to_string())
}

fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                kill(child);
                return Err(format!(
                    "it took longer than {} s and was killed",
                    PATIENCE.as_secs()
                ));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Kills it and what it has started. It may have ended this very moment.
fn kill(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_program_that_fails_or_is_missing_is_told() {
        assert!(run(&words("true"), b"").unwrap().success());
        assert_eq!(run(&words("sh -c false"), b"").unwrap().code(), Some(1));
        let missing = run(&words("/no/such/program"), b"").unwrap_err();
        assert!(missing.contains("No such file"), "{missing}");
        assert!(run(&[], b"").is_err());
    }

    #[test]
    fn a_program_gets_its_input_and_need_not_read_it() {
        let input = vec![b'x'; 1 << 20];
        assert!(run(&words("grep -q x"), &input).unwrap().success());
        assert!(run(&words("true"), &input).unwrap().success());
    }

    #[test]
    fn the_answer_of_a_program_is_what_it_prints_if_it_succeeds() {
        let ask = |line| ask(&words(line), deadline());
        assert_eq!(ask("echo 1 hours"), Some("1 hours\n".to_owned()));
        assert_eq!(ask("sh -c false"), None);
        assert_eq!(ask("/no/such/program"), None);
    }

    #[test]
    fn an_answer_is_not_waited_for_longer_than_its_program_runs() {
        let ask = |script: &str| {
            let words = ["sh", "-c", script].map(str::to_owned);
            super::ask(&words, Instant::now() + Duration::from_secs(2))
        };
        let began = Instant::now();
        assert_eq!(ask("echo yes; sleep 5 &"), Some("yes\n".to_owned()));
        assert_eq!(ask("echo yes; sleep 5"), None);
        assert!(began.elapsed() < Duration::from_secs(4));
    }
}
