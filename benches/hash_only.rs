//! A PAM module that lets everybody in who gives 24 letters, for the price of one hash at the default cost: what
//! a login cannot do without. The benchmark takes it from a login of ours; what remains is the price of the rest.
//!
//! It is made of the very files that the module is made of, but has no `pam.rs`, whose entry points would be in
//! its way.

#![allow(dead_code, unreachable_pub)] // of those files it uses little
#![allow(clippy::unwrap_used)] // no login goes through it

/// The files.
#[path = "../src"]
pub mod ours {
    pub mod clock;
    pub mod credential;
    pub mod hash;
    pub mod password;
}

use ours::{clock, credential, hash, password};

use credential::UserName;
use hash::{Cost, Hash, Key};
use pamsm::{Pam, PamError, PamFlags, PamLibExt, PamServiceModule, pam_module};
use password::AppPassword;

struct HashOnly;

pam_module!(HashOnly);

impl PamServiceModule for HashOnly {
    fn authenticate(pam: Pam, _: PamFlags, _: Vec<String>) -> PamError {
        let typed = pam.get_authtok(None).unwrap().unwrap();
        let password = AppPassword::parse(typed.to_bytes()).unwrap();
        let user = UserName::parse("demo").unwrap();
        let proof = Key::new([7; Key::LEN]).proof(&user, &password).unwrap();
        Hash::of(&proof, [3; 16], Cost::default()).unwrap();
        PamError::SUCCESS
    }
}
