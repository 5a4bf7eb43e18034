// SPDX-License-Identifier: GPL-3.0-or-later
//! libpam, as an application calls it: one question, whether somebody is who they say they are.
//!
//! Unsafe code, and all that there is of it in the tool. The crates that wrap this either generate
//! their bindings when they are built, which takes libclang, or do not wipe what was answered; and the
//! part of libpam that is needed here is five functions.

#![allow(unsafe_code)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{self, NonNull};
use std::slice;

use zeroize::{Zeroize, Zeroizing};

/// Whom PAM is asked about, by which service, and what it is told beside.
pub(super) struct Request<'a> {
    pub(super) service: &'a str,
    pub(super) user: &'a str,
    /// The account that asks.
    pub(super) ruser: Option<&'a str>,
    /// The machine that asks.
    pub(super) rhost: Option<&'a str>,
}

/// What a module has to say.
#[derive(Clone, Copy)]
pub(super) enum Style {
    /// A question whose answer is not to be seen.
    Hidden,
    /// A question.
    Shown,
    /// It went wrong.
    Warn,
    /// It is so.
    Tell,
}

/// Takes what a module says, and returns what is answered. `None`: nobody is there any more.
pub(super) type Voice<'a> = &'a mut dyn FnMut(Style, &str) -> Option<Zeroizing<String>>;

/// What libpam returned instead of success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused(pub(super) c_int);

/// Has PAM authenticate somebody and look whether the account may be used now. Returns who it is, as
/// PAM says then: a module may know them by another name.
pub(super) fn vouch(request: &Request<'_>, mut voice: Voice<'_>) -> Result<String, Refused> {
    let [service, user] = [request.service, request.user].map(c_string);
    let (service, user) = (service?, user?);
    let conversation = Conversation {
        converse,
        data: (&raw mut voice).cast(),
    };
    let mut pam = ptr::null_mut();
    // SAFETY: every pointer is valid during the call, and libpam copies what they point to; `voice`,
    // whose address it keeps, is there until `handle` is dropped.
    let started = unsafe { pam_start(service.as_ptr(), user.as_ptr(), &conversation, &mut pam) };
    require_success(started)?;
    let mut handle = Handle { pam, last: started };
    // What hosts without a terminal of their own say.
    handle.tell(PAM_TTY, Some(request.service))?;
    handle.tell(PAM_RUSER, request.ruser)?;
    handle.tell(PAM_RHOST, request.rhost)?;
    handle.call(pam_authenticate)?;
    handle.call(pam_acct_mgmt)?;
    handle.user()
}

/// One that takes a handle and flags.
type Operation = unsafe extern "C" fn(*mut c_void, c_int) -> c_int;

/// From `pam_start` to `pam_end`.
struct Handle {
    pam: *mut c_void,
    last: c_int,
}

impl Handle {
    fn tell(&mut self, item: c_int, value: Option<&str>) -> Result<(), Refused> {
        let Some(value) = value else { return Ok(()) };
        let value = c_string(value)?;
        // SAFETY: the handle is live, and libpam copies the string.
        self.last = unsafe { pam_set_item(self.pam, item, value.as_ptr().cast()) };
        require_success(self.last)
    }

    fn call(&mut self, operation: Operation) -> Result<(), Refused> {
        // SAFETY: the handle is live, and each operation takes one, and flags.
        self.last = unsafe { operation(self.pam, PAM_DISALLOW_NULL_AUTHTOK) };
        require_success(self.last)
    }

    fn user(&self) -> Result<String, Refused> {
        let mut user: *const c_void = ptr::null();
        // SAFETY: the handle is live, and libpam writes an address there, of a string of its own.
        require_success(unsafe { pam_get_item(self.pam, PAM_USER, &mut user) })?;
        let user = NonNull::new(user.cast_mut()).ok_or(Refused(PAM_CONV_ERR))?;
        // SAFETY: it is a C string, which stays as it is until libpam is called again.
        let user = unsafe { CStr::from_ptr(user.as_ptr().cast()) };
        let user = user.to_str().map_err(|_| Refused(PAM_CONV_ERR))?;
        Ok(user.to_owned())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: it is called once, and nothing uses the handle afterwards.
        unsafe { pam_end(self.pam, self.last) };
    }
}

fn require_success(code: c_int) -> Result<(), Refused> {
    match code {
        PAM_SUCCESS => Ok(()),
        code => Err(Refused(code)),
    }
}

fn c_string(text: &str) -> Result<CString, Refused> {
    CString::new(text).map_err(|_| Refused(PAM_CONV_ERR))
}

/// What libpam's modules call. They free what they get.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    if !(1..=MOST_MESSAGES).contains(&count) || messages.is_null() || responses.is_null() {
        return PAM_CONV_ERR;
    }
    // SAFETY: `data` is the address that `vouch` gave, of what nobody else uses meanwhile; a module
    // hands over `count` addresses of messages.
    let (voice, messages) = unsafe {
        (
            &mut *data.cast::<Voice<'_>>(),
            slice::from_raw_parts(messages, count),
        )
    };
    let Some(mut answers) = Answers::new(count) else {
        return PAM_BUF_ERR;
    };
    for (number, message) in messages.iter().enumerate() {
        // SAFETY: a module's messages are valid, with a C string each, if there is one.
        let Some((style, text)) = (unsafe { read(*message) }) else {
            return PAM_CONV_ERR;
        };
        let Some(answer) = voice(style, &text) else {
            return PAM_CONV_ERR;
        };
        let asks = matches!(style, Style::Hidden | Style::Shown);
        if asks && answers.put(number, answer.as_bytes()).is_none() {
            return PAM_CONV_ERR;
        }
    }
    // SAFETY: there is room for an address, as was looked at above.
    unsafe { *responses = answers.give() };
    PAM_SUCCESS
}

/// What a message says. `None`: it is none that is known here.
///
/// # Safety
/// The address is null or that of a message, whose text is null or a C string.
unsafe fn read(message: *const Message) -> Option<(Style, String)> {
    // SAFETY: as the caller says.
    let message = unsafe { message.as_ref()? };
    let style = match message.style {
        1 => Style::Hidden,
        2 => Style::Shown,
        3 => Style::Warn,
        4 => Style::Tell,
        _ => return None,
    };
    if message.text.is_null() {
        return Some((style, String::new()));
    }
    // SAFETY: as the caller says.
    let text = unsafe { CStr::from_ptr(message.text) };
    Some((style, text.to_string_lossy().into_owned()))
}

/// The answers to some messages, in memory of the C library's. What is not given away is wiped.
struct Answers {
    array: NonNull<Response>,
    count: usize,
}

impl Answers {
    fn new(count: usize) -> Option<Self> {
        // SAFETY: calloc of a plain array of addresses and numbers, for which zeros are good.
        let array = unsafe { calloc(count, size_of::<Response>()) };
        let array = NonNull::new(array.cast())?;
        Some(Self { array, count })
    }

    fn each(&mut self) -> &mut [Response] {
        // SAFETY: the array is ours, and has so many.
        unsafe { slice::from_raw_parts_mut(self.array.as_ptr(), self.count) }
    }

    /// `None`: no module would take that.
    fn put(&mut self, number: usize, answer: &[u8]) -> Option<()> {
        if answer.len() >= LONGEST_ANSWER || answer.contains(&0) {
            return None;
        }
        // SAFETY: calloc of bytes, one more than the answer has, so that it ends with a zero.
        let text: *mut u8 = unsafe { calloc(answer.len() + 1, 1) }.cast();
        let text = NonNull::new(text)?;
        // SAFETY: the block is that long, and nobody else's.
        unsafe { text.copy_from_nonoverlapping(NonNull::from(answer).cast(), answer.len()) };
        self.each().get_mut(number)?.text = text.as_ptr().cast();
        Some(())
    }

    /// To whoever frees it.
    fn give(self) -> *mut Response {
        let given = self.array.as_ptr();
        std::mem::forget(self);
        given
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        for answer in self.each() {
            let text = answer.text;
            if text.is_null() {
                continue;
            }
            // SAFETY: it is one of the blocks of `put`, up to its zero, and nobody uses it afterwards.
            unsafe {
                slice::from_raw_parts_mut(text.cast::<u8>(), CStr::from_ptr(text).count_bytes())
                    .zeroize();
                free(text.cast());
            }
        }
        // SAFETY: the array is ours, and nobody uses it afterwards.
        unsafe { free(self.array.as_ptr().cast()) };
    }
}

const PAM_SUCCESS: c_int = 0;
const PAM_BUF_ERR: c_int = 5;
const PAM_CONV_ERR: c_int = 19;
const PAM_USER: c_int = 2;
const PAM_TTY: c_int = 3;
const PAM_RHOST: c_int = 4;
const PAM_RUSER: c_int = 8;
const PAM_DISALLOW_NULL_AUTHTOK: c_int = 1;
/// `PAM_MAX_NUM_MSG`
const MOST_MESSAGES: usize = 32;
/// `PAM_MAX_RESP_SIZE`
const LONGEST_ANSWER: usize = 512;

#[repr(C)]
struct Message {
    style: c_int,
    text: *const c_char,
}

#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

#[repr(C)]
struct Conversation {
    converse: unsafe extern "C" fn(
        c_int,
        *const *const Message,
        *mut *mut Response,
        *mut c_void,
    ) -> c_int,
    data: *mut c_void,
}

#[link(name = "pam")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut c_void, item: c_int, value: *const c_void) -> c_int;
    fn pam_get_item(handle: *const c_void, item: c_int, value: *mut *const c_void) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
}

// Who frees an answer does it with the C library.
unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
    fn free(block: *mut c_void);
}
