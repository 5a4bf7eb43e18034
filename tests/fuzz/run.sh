#!/bin/sh
# Finds ways through the protocol of the helper's socket, and fails at the first that neither side should go:
#
#   run.sh COUNT
#
# Any stable Rust counts for libFuzzer what is reached, with the flags below; cargo-fuzz gives the same. They are for this
# target only, not for build scripts, so the target has to be named. A finding is left in the directory of the target.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
host=$(rustc -vV | sed -n 's/^host: //p')
target=${CARGO_TARGET_DIR:-$here/../../target}/fuzz
mkdir -p "$target/corpus"

counters='-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Ccodegen-units=1'
counters="$counters -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
counters="$counters -Cllvm-args=-sanitizer-coverage-trace-compares"
RUSTFLAGS=$counters cargo run --quiet --release --locked --manifest-path "$here/Cargo.toml" --target "$host" \
    --target-dir "$target" -- -runs="$1" -max_len=4096 -len_control=20 -dict="$here/words.dict" \
    -artifact_prefix="$target/" -verbosity=0 -print_final_stats=1 "$target/corpus"
