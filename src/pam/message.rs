// SPDX-License-Identifier: GPL-3.0-or-later
//! The one thing that the module says to a person without asking anything. `pamsm` cannot do it
//! soundly; libpam can, also where the host has no conversation or it fails, and frees whatever comes
//! back.

#![expect(unsafe_code, reason = "libpam is a C library")]

use std::ffi::{CString, c_char, c_int, c_void};
use std::ptr;

use pamsm::Pam;

const PAM_TEXT_INFO: c_int = 4;

unsafe extern "C" {
    fn pam_prompt(
        handle: *const c_void,
        style: c_int,
        response: *mut *mut c_char,
        format: *const c_char,
        ...
    ) -> c_int;
}

/// Says `text`. Whether it arrives changes nothing.
pub(super) fn say(pam: &Pam, text: &str) {
    let Ok(text) = CString::new(text) else {
        return; // a NUL, which none of our sentences has
    };
    // SAFETY: `Pam` is `repr(transparent)` over libpam's handle, which outlives the call. The format
    // takes one string, which is NUL-terminated; libpam copies it. Without a place for a response
    // libpam wipes and frees what the host answers.
    unsafe {
        let handle = std::mem::transmute_copy::<Pam, *const c_void>(pam);
        pam_prompt(
            handle,
            PAM_TEXT_INFO,
            ptr::null_mut(),
            c"%s".as_ptr(),
            text.as_ptr(),
        );
    }
}
