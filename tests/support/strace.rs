//! Programs under `strace`: what calls they make, and what they do when one fails or is their last.

use std::fs;
use std::path::Path;
use std::process::Command;

/// `command`, whose calls go to the file `trace`.
pub fn traced(command: Command, calls: &str, trace: &Path) -> Command {
    let trace = trace.to_str().unwrap();
    wrapped(
        "strace",
        &["-f", "-o", trace, "-e", &format!("trace={calls}"), "--"],
        command,
    )
}

/// What `traced` has written.
pub fn trace_in(trace: &Path) -> String {
    String::from_utf8_lossy(&fs::read(trace).unwrap()).into_owned()
}

/// `command`, killed when it makes `call` for the `nth` time.
pub fn killed(command: Command, call: &str, nth: usize) -> Command {
    injected(command, call, &format!("signal=SIGKILL:when={nth}"))
}

/// `command`, whose `nth` call of `call` fails with `error`.
pub fn failing(command: Command, call: &str, error: &str, nth: usize) -> Command {
    injected(command, call, &format!("error={error}:when={nth}"))
}

fn injected(command: Command, call: &str, fault: &str) -> Command {
    let [trace, inject] = [format!("trace={call}"), format!("inject={call}:{fault}")];
    let options = [
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        &trace,
        "-e",
        &inject,
        "--",
    ];
    wrapped("strace", &options, command)
}

/// `program options... command...`
pub fn wrapped(program: &str, options: &[&str], command: Command) -> Command {
    let mut wrapped = Command::new(program);
    wrapped
        .args(options)
        .arg(command.get_program())
        .args(command.get_args());
    wrapped
}
