//! App-specific passwords for Linux accounts.
