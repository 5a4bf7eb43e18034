//! What the benchmarks stand on.
//!
//! | file | what is in it |
//! |---|---|
//! | `tests` | the support of the tests: a machine, the real libpam, the real tool |
//! | `private.rs` | the private view of this machine on which everything runs |
//! | `built.rs` | the modules that a login is compared with, built now |
//! | `store.rs` | stores of any number of entries |
//! | `peers.rs` | what else lets people in by PAM |
//! | `child.rs` | forked children and what they have cost; the only unsafe code of the benchmarks |
//! | `login.rs` | one login through libpam, in a child of its own or in one that does many |
//! | `callgrind.rs` | how many instructions a login takes |
//! | `rounds.rs` | rows measured in turn, and the ratios of what was measured in the same round |
//! | `goal.rs` | what is to be reached, and whether it is |
//! | `report.rs` | tables, and where they are written |
//! | `picture.rs` | the same as a picture |

// Every benchmark compiles this for itself and uses its own part. A step that fails ends it.
#![allow(dead_code, unreachable_pub)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::indexing_slicing)]

pub mod built;
pub mod callgrind;
pub mod child;
pub mod goal;
pub mod login;
pub mod peers;
pub mod picture;
pub mod private;
pub mod report;
pub mod rounds;
pub mod store;
#[path = "../../tests/support/mod.rs"]
pub mod tests;
