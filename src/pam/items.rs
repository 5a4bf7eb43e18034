// SPDX-License-Identifier: GPL-3.0-or-later
//! What `pamsm` cannot read from a handle, or ask libpam for.

#![expect(unsafe_code, reason = "libpam is a C library")]

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr;

use pamsm::Pam;

const PAM_SUCCESS: c_int = 0;
const PAM_TTY: c_int = 3;

unsafe extern "C" {
    fn pam_get_item(handle: *const c_void, item: c_int, value: *mut *const c_void) -> c_int;
    fn pam_modutil_getpwuid(handle: *const c_void, uid: c_uint) -> *const Account;
}

/// `struct passwd`, which begins with the name; the rest is not looked at.
#[repr(C)]
struct Account {
    name: *const c_char,
}

/// The name of a uid.
pub(super) fn name_of(pam: &Pam, uid: u32) -> Option<&CStr> {
    // SAFETY: `Pam` is `repr(transparent)` over libpam's handle, which outlives the borrow. What is
    // found is kept by libpam until the handle ends, with a NUL-terminated name.
    unsafe {
        let handle = std::mem::transmute_copy::<Pam, *const c_void>(pam);
        let account = pam_modutil_getpwuid(handle, uid).as_ref()?;
        (!account.name.is_null()).then(|| CStr::from_ptr(account.name))
    }
}

/// `PAM_TTY`, which some hosts set to their own name.
pub(super) fn tty(pam: &Pam) -> Option<&CStr> {
    let mut value = ptr::null();
    // SAFETY: `Pam` is `repr(transparent)` over libpam's handle, which outlives the borrow. An
    // item, if there is one, is a NUL-terminated string that libpam keeps until the item is set
    // again; that takes a call into libpam, and its caller copies it before the next one.
    unsafe {
        let handle = std::mem::transmute_copy::<Pam, *const c_void>(pam);
        let found = pam_get_item(handle, PAM_TTY, &mut value) == PAM_SUCCESS && !value.is_null();
        found.then(|| CStr::from_ptr(value.cast::<c_char>()))
    }
}
