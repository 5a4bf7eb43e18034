//! The tool `app-passwd`.

fn main() {}
