//! Tables in Markdown, and where they are written: `benches/results`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub type Row = Vec<String>;

pub fn row<T: ToString>(cells: impl IntoIterator<Item = T>) -> Row {
    cells.into_iter().map(|cell| cell.to_string()).collect()
}

/// A page of results that is begun with where they come from.
pub struct Page {
    name: &'static str,
    text: String,
}

impl Page {
    pub fn begin(name: &'static str, title: &str, rounds: usize) -> Page {
        let text = format!(
            "# {title}\n\n`cargo bench --bench {name}`, {rounds} rounds, {}, on {}.\n\
             Medians. Times are those of this machine; what carries over to another are the ratios, each the median of \
             the ratios within one round.\n",
            said(&mut Command::new("date"), &["+%Y-%m-%d"]),
            machine()
        );
        Page { name, text }
    }

    pub fn text(&mut self, text: &str) {
        self.text += &format!("\n{text}\n");
    }

    pub fn table<T: ToString>(&mut self, head: &[T], rows: &[Row]) {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        self.text += "\n";
        self.text += &line(&row(head.iter().map(T::to_string)));
        self.text += &line(&row(head.iter().map(|_| "---")));
        rows.iter().for_each(|row| self.text += &line(row));
    }

    /// Writes a picture down, and shows it here.
    pub fn picture(&mut self, name: &str, picture: &str) {
        write(name, picture);
        self.text(&format!("![]({name})"));
    }

    /// Prints the page and writes it down.
    pub fn end(self) {
        println!("{}", self.text);
        write(&format!("{}.md", self.name), &self.text);
    }
}

/// Writes a file of results.
fn write(name: &str, text: &str) {
    let results = results();
    fs::create_dir_all(&results).unwrap();
    fs::write(results.join(name), text).unwrap();
}

fn results() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/results")
}

/// Three digits that mean something; a small ratio as a fraction, which says more.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size.is_nan() => "-".to_owned(),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ if (0.001..0.1).contains(&value) => format!("1/{:.0}", 1.0 / value),
        _ => format!("{value:.2}"),
    }
}

/// The machine, as far as it matters.
fn machine() -> String {
    let file = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = file("/proc/cpuinfo");
    let models: Vec<&str> = values(&cpus, "model name").collect();
    let release = file("/etc/os-release");
    let system = values(&release, "PRETTY_NAME").next().unwrap_or("Linux");
    let huge = file("/sys/kernel/mm/transparent_hugepage/enabled");
    let huge = huge
        .split(['[', ']'])
        .nth(1)
        .unwrap_or("unknown")
        .to_owned();
    format!(
        "{} x {}, {}, Linux {}, transparent huge pages `{huge}`",
        models.len(),
        models.first().unwrap_or(&"an unknown processor"),
        system.trim_matches('"'),
        file("/proc/sys/kernel/osrelease").trim(),
    )
}

/// What stands behind `key` and `:` or `=`.
fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = &'a str> {
    let value = move |line: &'a str| {
        let rest = line.strip_prefix(key)?.trim_start();
        Some(rest.strip_prefix([':', '='])?.trim())
    };
    text.lines().filter_map(value)
}

/// What a program says.
pub fn said(program: &mut Command, arguments: &[&str]) -> String {
    let output = program.args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
