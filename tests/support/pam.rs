//! libpam as an application sees it, with a conversation that is written down beforehand.
//!
//! The only unsafe code of the tests. `pam_start_confdir` reads its stacks from a directory that it is
//! given, so nothing here needs root or touches `/etc`.

#![allow(unsafe_code)]

use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

/// What libpam or a module returned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Code(pub i32);

impl Code {
    pub const SUCCESS: Code = Code(0);
    pub const PERM_DENIED: Code = Code(6);
    pub const AUTH_ERR: Code = Code(7);
    pub const AUTHINFO_UNAVAIL: Code = Code(9);
    pub const MAXTRIES: Code = Code(11);
    pub const ABORT: Code = Code(26);
    pub const BAD_ITEM: Code = Code(29);

    pub fn name(self) -> &'static str {
        usize::try_from(self.0)
            .ok()
            .and_then(|number| NAMES.get(number))
            .unwrap_or(&"?")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

/// One message of a module to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    pub style: i32,
    pub text: String,
}

pub const ECHO_OFF: i32 = 1;
pub const ECHO_ON: i32 = 2;

/// What the user, or the program that speaks for him, does when he is asked.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Bytes; a module sees them up to the first NUL.
    Text(Vec<u8>),
    /// A response without a text.
    Null,
    /// `PAM_CONV_ERR`.
    Error,
    /// `PAM_SUCCESS`, and no array of responses at all.
    Nothing,
}

impl From<&str> for Answer {
    fn from(text: &str) -> Answer {
        Answer::Text(text.into())
    }
}

/// One `pam_start` … `pam_end`.
pub struct Handle {
    pam: *mut c_void,
    // Owned; libpam holds the same address. Reached only between calls into libpam or from `converse`.
    script: *mut Script,
    last: c_int,
}

struct Script {
    answers: VecDeque<Answer>,
    prompts: Vec<Prompt>,
}

impl Handle {
    /// Begins a conversation about `user` (or nobody yet) under the stacks in `confdir`.
    pub fn start(confdir: &Path, service: &[u8], user: Option<&[u8]>) -> Handle {
        let script = Box::into_raw(Box::new(Script {
            answers: VecDeque::new(),
            prompts: Vec::new(),
        }));
        let conversation = Conversation {
            converse,
            data: script.cast(),
        };
        let [service, confdir] = [service, confdir.as_os_str().as_bytes()].map(c_string);
        let user = user.map(c_string);
        let user = user.as_ref().map_or(ptr::null(), |user| user.as_ptr());
        let mut pam = ptr::null_mut();
        // SAFETY: every pointer is valid for the call; libpam copies the strings and the conversation, and
        // `script` lives until `drop`.
        let code = unsafe {
            pam_start_confdir(
                service.as_ptr(),
                user,
                &conversation,
                confdir.as_ptr(),
                &mut pam,
            )
        };
        assert_eq!(Code(code), Code::SUCCESS, "pam_start_confdir");
        Handle {
            pam,
            script,
            last: code,
        }
    }

    /// Says what the next prompts are answered; one more prompt than answers is a conversation error.
    pub fn answer(&mut self, answers: impl IntoIterator<Item = Answer>) -> &mut Handle {
        // SAFETY: `script` is ours and libpam is not running.
        unsafe { (*self.script).answers = answers.into_iter().collect() };
        self
    }

    /// Answers the next prompt with a password, and only that one.
    pub fn password(&mut self, password: impl AsRef<[u8]>) -> &mut Handle {
        self.answer([Answer::Text(password.as_ref().to_vec())])
    }

    pub fn rhost(&mut self, rhost: impl AsRef<[u8]>) -> &mut Handle {
        self.set(PAM_RHOST, rhost.as_ref())
    }

    /// As sudo does, and modules that know a better name for him.
    pub fn user(&mut self, user: &str) -> &mut Handle {
        self.set(PAM_USER, user.as_bytes())
    }

    pub fn tty(&mut self, tty: &str) -> &mut Handle {
        self.set(PAM_TTY, tty.as_bytes())
    }

    fn set(&mut self, item: c_int, value: &[u8]) -> &mut Handle {
        let value = c_string(value);
        // SAFETY: the handle is live, and libpam copies the string.
        let code = unsafe { pam_set_item(self.pam, item, value.as_ptr().cast()) };
        assert_eq!(Code(code), Code::SUCCESS, "pam_set_item");
        self
    }

    pub fn authenticate(&mut self) -> Code {
        self.call(pam_authenticate, 0)
    }

    pub fn acct_mgmt(&mut self) -> Code {
        self.call(pam_acct_mgmt, 0)
    }

    pub fn setcred(&mut self) -> Code {
        self.call(pam_setcred, PAM_ESTABLISH_CRED)
    }

    pub fn open_session(&mut self) -> Code {
        self.call(pam_open_session, 0)
    }

    pub fn close_session(&mut self) -> Code {
        self.call(pam_close_session, 0)
    }

    pub fn chauthtok(&mut self) -> Code {
        self.call(pam_chauthtok, 0)
    }

    /// The operation of that name, or nothing.
    pub fn operation(&mut self, name: &str) -> Option<Code> {
        Some(match name {
            "authenticate" => self.authenticate(),
            "acct_mgmt" => self.acct_mgmt(),
            "setcred" => self.setcred(),
            "open_session" => self.open_session(),
            "close_session" => self.close_session(),
            "chauthtok" => self.chauthtok(),
            _ => return None,
        })
    }

    /// Everything the modules have said and asked so far.
    pub fn prompts(&self) -> Vec<Prompt> {
        // SAFETY: `script` is ours and libpam is not running.
        unsafe { (*self.script).prompts.clone() }
    }

    fn call(
        &mut self,
        function: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
        flags: c_int,
    ) -> Code {
        // SAFETY: the handle is live, and every one of these takes a handle and flags.
        self.last = unsafe { function(self.pam, flags) };
        Code(self.last)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: `pam_end` is called once; after it nobody but us knows `script`.
        unsafe {
            pam_end(self.pam, self.last);
            drop(Box::from_raw(self.script));
        }
    }
}

/// Answers the messages of a module from the script, and writes them down.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *const *const Message,
    responses: *mut *mut Response,
    data: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: `data` is the script that `start` gave; libpam hands over `count` pointers to messages.
    let (script, messages) = unsafe {
        (
            &mut *data.cast::<Script>(),
            std::slice::from_raw_parts(messages, count),
        )
    };
    // SAFETY: calloc of a plain array; libpam or the module frees it.
    let array: *mut Response = unsafe { calloc(count.max(1), size_of::<Response>()) }.cast();
    for (number, message) in messages.iter().enumerate() {
        // SAFETY: libpam's messages are valid, with a C string each.
        let (style, text) = unsafe { ((**message).style, CStr::from_ptr((**message).text)) };
        script.prompts.push(Prompt {
            style,
            text: text.to_string_lossy().into_owned(),
        });
        if style != ECHO_OFF && style != ECHO_ON {
            continue;
        }
        match script.answers.pop_front().unwrap_or(Answer::Error) {
            // SAFETY: `number` is below the count that the array was made for.
            Answer::Text(text) => unsafe { (*array.add(number)).text = copy(&text) },
            Answer::Null => {}
            Answer::Error => return PAM_CONV_ERR,
            Answer::Nothing => return 0,
        }
    }
    // SAFETY: libpam gives a place for the array.
    unsafe { *responses = array };
    0
}

/// `text` as a C string that `free` can take.
fn copy(text: &[u8]) -> *mut c_char {
    // SAFETY: the new block is one byte longer than the text, and zeroed.
    unsafe {
        let block: *mut c_char = calloc(text.len() + 1, 1).cast();
        ptr::copy_nonoverlapping(text.as_ptr().cast(), block, text.len());
        block
    }
}

fn c_string(text: &[u8]) -> CString {
    CString::new(text).expect("a C string holds no NUL")
}

const PAM_USER: c_int = 2;
const PAM_TTY: c_int = 3;
const PAM_RHOST: c_int = 4;
const PAM_CONV_ERR: c_int = 19;
const PAM_ESTABLISH_CRED: c_int = 2;

const NAMES: [&str; 32] = [
    "SUCCESS",
    "OPEN_ERR",
    "SYMBOL_ERR",
    "SERVICE_ERR",
    "SYSTEM_ERR",
    "BUF_ERR",
    "PERM_DENIED",
    "AUTH_ERR",
    "CRED_INSUFFICIENT",
    "AUTHINFO_UNAVAIL",
    "USER_UNKNOWN",
    "MAXTRIES",
    "NEW_AUTHTOK_REQD",
    "ACCT_EXPIRED",
    "SESSION_ERR",
    "CRED_UNAVAIL",
    "CRED_EXPIRED",
    "CRED_ERR",
    "NO_MODULE_DATA",
    "CONV_ERR",
    "AUTHTOK_ERR",
    "AUTHTOK_RECOVERY_ERR",
    "AUTHTOK_LOCK_BUSY",
    "AUTHTOK_DISABLE_AGING",
    "TRY_AGAIN",
    "IGNORE",
    "ABORT",
    "AUTHTOK_EXPIRED",
    "MODULE_UNKNOWN",
    "BAD_ITEM",
    "CONV_AGAIN",
    "INCOMPLETE",
];

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
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        confdir: *const c_char,
        handle: *mut *mut c_void,
    ) -> c_int;
    fn pam_end(handle: *mut c_void, status: c_int) -> c_int;
    fn pam_set_item(handle: *mut c_void, item: c_int, value: *const c_void) -> c_int;
    fn pam_authenticate(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_setcred(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_open_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_close_session(handle: *mut c_void, flags: c_int) -> c_int;
    fn pam_chauthtok(handle: *mut c_void, flags: c_int) -> c_int;
}

// libpam frees what it is answered, so it has to come from the C allocator.
unsafe extern "C" {
    fn calloc(count: usize, size: usize) -> *mut c_void;
}
