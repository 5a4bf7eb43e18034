#!/bin/sh
# Prints one line when there is no Rust toolchain, or an older one than Cargo.toml asks for; else nothing.
set -eu
cd "$(dirname "$0")/.."

needed=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2)
command -v cargo >/dev/null || found=

older=$(printf '%s\n' "$needed" "${found:-0}" | sort -V | head -n 1)
[ "$older" = "$needed" ] ||
    echo "Rust $needed or newer is needed, and PATH holds ${found:-none};" \
        "to get it: curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh (and then: . ~/.cargo/env)"
