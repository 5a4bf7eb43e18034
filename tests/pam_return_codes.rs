//! What PAM returns when: one test for each row of the table in the manual, and what a stack makes of it.

mod support;

use support::machine::set_mode;
use support::{Answer, Code, Handle, Machine, WRONG};

// -- auth: one row of the table each

#[test]
fn a_good_password_is_success() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", password), Code::SUCCESS);
}

#[test]
fn a_recognised_but_refused_password_is_perm_denied() {
    let machine = Machine::new();
    let password = machine.create(
        "alice",
        "phone",
        &["--service", "imap", "--from", "192.0.2.0/24"],
    );
    assert_eq!(
        machine.login_from("192.0.2.7", "smtp", "alice", &password),
        Code::PERM_DENIED
    );
    assert_eq!(
        machine.login_from("198.51.100.7", "imap", "alice", &password),
        Code::PERM_DENIED
    );
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(
        machine.login_from("192.0.2.7", "imap", "alice", &password),
        Code::PERM_DENIED
    );
}

#[test]
fn twenty_four_letters_that_open_nothing_are_auth_err() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "alice", WRONG), Code::AUTH_ERR);
}

#[test]
fn an_unknown_user_is_auth_err_like_a_wrong_password() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    assert_eq!(machine.login("imap", "mallory", WRONG), Code::AUTH_ERR);
}

#[test]
fn what_is_not_an_app_password_is_auth_err() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let long = "a".repeat(25);
    for password in [
        "",
        "hunter2",
        "aaaa-bbbb-cccc-dddd-eeee-fff",
        &long,
        "aaaa-bbbb-cccc-dddd-eeee-fff1",
    ] {
        assert_eq!(
            machine.login("imap", "alice", password),
            Code::AUTH_ERR,
            "{password:?}"
        );
    }
}

#[test]
fn a_missing_store_is_authinfo_unavail() {
    assert_eq!(
        Machine::new().login("imap", "alice", WRONG),
        Code::AUTHINFO_UNAVAIL
    );
}

#[test]
fn an_unusable_store_is_authinfo_unavail_even_for_a_good_password() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    std::fs::write(machine.store(), "this is no database").unwrap();
    assert_eq!(
        machine.login("imap", "alice", password),
        Code::AUTHINFO_UNAVAIL
    );
}

#[test]
fn an_unusable_configuration_is_authinfo_unavail_even_for_a_good_password() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.write_config("colour = \"blue\"\n");
    assert_eq!(
        machine.login("imap", "alice", password),
        Code::AUTHINFO_UNAVAIL
    );
}

#[test]
fn what_is_not_ours_is_auth_err_even_with_store_and_configuration_broken() {
    let machine = Machine::new();
    assert_eq!(machine.login("imap", "alice", "hunter2"), Code::AUTH_ERR);
    machine.write_config("colour = \"blue\"\n");
    assert_eq!(machine.login("imap", "alice", "hunter2"), Code::AUTH_ERR);
    assert_eq!(
        machine.login("imap", "alice", WRONG),
        Code::AUTHINFO_UNAVAIL
    );
}

#[test]
fn a_failing_conversation_is_auth_err() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    for answer in [Answer::Null, Answer::Error, Answer::Nothing] {
        let code = machine
            .pam("imap", "alice")
            .answer([answer.clone()])
            .authenticate();
        assert_eq!(code, Code::AUTH_ERR, "{answer:?}");
    }
}

#[test]
fn use_first_pass_without_a_token_is_auth_err() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.stack("imap", "auth required APP_PASSWD use_first_pass");
    let mut pam = machine.pam("imap", "alice");
    assert_eq!(pam.password(&password).authenticate(), Code::AUTH_ERR);
    assert_eq!(pam.prompts(), []);
}

// -- auth: what a stack makes of it. `pam_debug` with `maxtries` stands for the module that comes next.

/// A good password, a revoked one, a wrong one, one that is not ours, and a login without a usable store.
fn codes_of_five_logins(stack: &str) -> [Code; 5] {
    let machine = Machine::new();
    machine.stack("imap", stack);
    let good = machine.create("alice", "phone", &[]);
    let revoked = machine.create("alice", "tablet", &[]);
    machine.tool(&["revoke", "alice", "tablet"]).succeeds();
    let codes = [&good, &revoked, WRONG, "hunter2"]
        .map(|password| machine.login("imap", "alice", password));
    set_mode(&machine.store(), 0o666);
    let [accepted, refused, unknown, not_ours] = codes;
    [
        accepted,
        refused,
        unknown,
        not_ours,
        machine.login("imap", "alice", good),
    ]
}

#[test]
fn required_shows_the_code_itself() {
    let codes = codes_of_five_logins("auth required APP_PASSWD");
    let expected = [
        Code::SUCCESS,
        Code::PERM_DENIED,
        Code::AUTH_ERR,
        Code::AUTH_ERR,
        Code::AUTHINFO_UNAVAIL,
    ];
    assert_eq!(codes, expected);
}

#[test]
fn sufficient_lets_the_next_module_judge_whatever_is_not_accepted() {
    let next = Code::MAXTRIES;
    let codes = codes_of_five_logins(
        "auth sufficient APP_PASSWD\nauth required pam_debug.so auth=maxtries",
    );
    assert_eq!(codes, [Code::SUCCESS, next, next, next, next]);
}

#[test]
fn a_jump_on_success_lets_the_next_module_judge_whatever_is_not_accepted() {
    let next = Code::MAXTRIES;
    let codes = codes_of_five_logins(
        "auth [success=1 default=ignore] APP_PASSWD
         auth requisite pam_debug.so auth=maxtries
         auth required pam_permit.so",
    );
    assert_eq!(codes, [Code::SUCCESS, next, next, next, next]);
}

#[test]
fn the_documented_stack_stops_a_refused_password_and_passes_on_the_rest() {
    let next = Code::MAXTRIES;
    let codes = codes_of_five_logins(
        "auth [success=2 perm_denied=die default=ignore] APP_PASSWD
         auth requisite pam_debug.so auth=maxtries
         auth required pam_debug.so auth=success
         auth required pam_permit.so",
    );
    assert_eq!(codes, [Code::SUCCESS, Code::PERM_DENIED, next, next, next]);
}

#[test]
fn before_a_module_that_always_succeeds_nothing_but_a_good_password_gets_in() {
    // PAM_IGNORE would: the permit alone would then decide.
    let codes = codes_of_five_logins("auth required APP_PASSWD\nauth required pam_permit.so");
    assert_eq!(
        codes.map(|code| code == Code::SUCCESS),
        [true, false, false, false, false]
    );
}

// -- account

#[test]
fn account_is_success_after_our_own_accept() {
    let machine = Machine::new();
    let mut pam = accepted(&machine);
    assert_eq!(pam.acct_mgmt(), Code::SUCCESS);
}

#[test]
fn account_is_perm_denied_when_the_entry_was_revoked_since() {
    let machine = Machine::new();
    let mut pam = accepted(&machine);
    machine.tool(&["revoke", "alice", "phone"]).succeeds();
    assert_eq!(pam.acct_mgmt(), Code::PERM_DENIED);
}

#[test]
fn account_is_perm_denied_when_the_entry_has_expired_since() {
    let machine = Machine::new();
    let mut pam = accepted(&machine);
    machine.alter("UPDATE credential SET expires = 1");
    assert_eq!(pam.acct_mgmt(), Code::PERM_DENIED);
}

#[test]
fn account_is_authinfo_unavail_when_the_store_cannot_be_read_any_more() {
    let machine = Machine::new();
    let mut pam = accepted(&machine);
    set_mode(&machine.store(), 0o666);
    assert_eq!(pam.acct_mgmt(), Code::AUTHINFO_UNAVAIL);
}

#[test]
fn account_is_authinfo_unavail_when_the_configuration_cannot_be_read_any_more() {
    let machine = Machine::new();
    let mut pam = accepted(&machine);
    machine.write_config("colour = \"blue\"\n");
    assert_eq!(pam.acct_mgmt(), Code::AUTHINFO_UNAVAIL);
}

#[test]
fn account_does_not_vouch_for_another_user_than_the_accepted_one() {
    let machine = Machine::new();
    machine.create("bob", "phone", &[]);
    let mut pam = accepted(&machine);
    assert_ne!(pam.user("bob").acct_mgmt(), Code::SUCCESS);
    assert_ne!(pam.user("root").acct_mgmt(), Code::SUCCESS);
}

#[test]
fn account_ignores_a_login_without_authenticate() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    machine.stack("sshd", &ignore_shown("account", "acct"));
    assert_eq!(machine.pam("sshd", "alice").acct_mgmt(), IGNORED);
}

#[test]
fn account_ignores_a_login_that_another_module_accepted() {
    let machine = Machine::new();
    machine.create("alice", "phone", &[]);
    let auth = "auth sufficient APP_PASSWD\nauth required pam_permit.so\n";
    machine.stack(
        "imap",
        &(auth.to_owned() + &ignore_shown("account", "acct")),
    );
    let mut pam = machine.pam("imap", "alice");
    assert_eq!(pam.password("hunter2").authenticate(), Code::SUCCESS);
    assert_eq!(pam.acct_mgmt(), IGNORED);
}

#[test]
fn a_failed_try_on_the_same_handle_takes_back_the_accept_before_it() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    machine.stack(
        "imap",
        &("auth required APP_PASSWD\n".to_owned() + &ignore_shown("account", "acct")),
    );
    for failed in [WRONG, "hunter2"] {
        let mut pam = machine.pam("imap", "alice");
        assert_eq!(pam.password(&password).authenticate(), Code::SUCCESS);
        assert_eq!(pam.password(failed).authenticate(), Code::AUTH_ERR);
        assert_eq!(pam.acct_mgmt(), IGNORED);
    }
}

#[test]
fn several_tries_on_one_handle_are_judged_one_by_one() {
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    let mut pam = machine.pam("imap", "alice");
    assert_eq!(pam.password("hunter2").authenticate(), Code::AUTH_ERR);
    assert_eq!(pam.password(WRONG).authenticate(), Code::AUTH_ERR);
    assert_eq!(pam.password(&password).authenticate(), Code::SUCCESS);
    assert_eq!(pam.acct_mgmt(), Code::SUCCESS);
}

// -- credentials, session, password

#[test]
fn setcred_is_success_in_every_useful_stack() {
    let stacks = [
        "auth required APP_PASSWD",
        "auth sufficient APP_PASSWD\nauth required pam_deny.so",
        "auth [success=1 default=ignore] APP_PASSWD\nauth requisite pam_deny.so\nauth required pam_permit.so",
    ];
    let machine = Machine::new();
    let password = machine.create("alice", "phone", &[]);
    for stack in stacks {
        machine.stack("imap", stack);
        let mut pam = machine.pam("imap", "alice");
        assert_eq!(
            pam.password(&password).authenticate(),
            Code::SUCCESS,
            "{stack}"
        );
        assert_eq!(pam.setcred(), Code::SUCCESS, "{stack}");
    }
}

#[test]
fn setcred_is_success_without_authenticate_and_without_a_store() {
    assert_eq!(Machine::new().pam("imap", "alice").setcred(), Code::SUCCESS);
}

#[test]
fn session_is_ignore() {
    let machine = Machine::new();
    machine.stack("imap", &ignore_shown("session", "open_session"));
    assert_eq!(machine.pam("imap", "alice").open_session(), IGNORED);
    machine.stack("imap", &ignore_shown("session", "close_session"));
    assert_eq!(machine.pam("imap", "alice").close_session(), IGNORED);
}

#[test]
fn password_is_success_in_both_phases_whatever_happens() {
    let machine = Machine::new();
    // pam_permit behind it would not change what it has answered.
    machine.stack(
        "passwd",
        "password [success=ok default=die] APP_PASSWD\npassword optional pam_permit.so",
    );
    for prepare in ["", "a user", "a broken configuration"] {
        match prepare {
            "a user" => drop(machine.create("alice", "phone", &[])),
            "a broken configuration" => machine.write_config("nonsense"),
            _ => {}
        }
        for user in ["alice", "root", "no:body"] {
            let mut pam = machine.pam("passwd", user);
            assert_eq!(pam.chauthtok(), Code::SUCCESS, "{user}, {prepare}");
            assert_eq!(pam.prompts(), [], "{user}, {prepare}");
        }
    }
}

/// A handle on which the module has just accepted alice's phone.
fn accepted(machine: &Machine) -> Handle {
    let password = machine.create("alice", "phone", &[]);
    let mut pam = machine.pam("imap", "alice");
    assert_eq!(pam.password(password).authenticate(), Code::SUCCESS);
    pam
}

/// libpam never passes PAM_IGNORE on. This stack does: it becomes `BAD_ITEM`, and nothing else does.
const IGNORED: Code = Code::BAD_ITEM;

fn ignore_shown(kind: &str, function: &str) -> String {
    format!(
        "{kind} [success=done ignore=1 default=die] APP_PASSWD
         {kind} requisite pam_deny.so
         {kind} required pam_debug.so {function}=bad_item"
    )
}
