//! A small PAM client: what sshd or Dovecot does with libpam, for the tests and the demo.

fn main() {}
