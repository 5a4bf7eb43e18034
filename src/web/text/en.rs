// SPDX-License-Identifier: GPL-3.0-or-later
//! English.

use super::{Ago, Text};

pub(crate) const EN: Text = Text {
    code: "en",
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    date: "%-d {} %Y",
    just_now: "just now",
    ago: |ago| {
        let (count, unit) = match ago {
            Ago::Minutes(count) => (count, "minute"),
            Ago::Hours(count) => (count, "hour"),
            Ago::Days(count) => (count, "day"),
        };
        let plural = if count == 1 { "" } else { "s" };
        format!("{count} {unit}{plural} ago")
    },
    on: |day| format!("on {day}"),
    days: |days| match days {
        1 => "in 1 day".to_owned(),
        365 => "in a year".to_owned(),
        days => format!("in {days} days"),
    },

    app: "App-specific passwords",
    skip: "Skip to the content",
    signed_in_as: "Signed in as",
    sign_out: "Sign out",
    sign_out_everywhere: "Sign out everywhere",
    cancel: "Cancel",
    go_on: "Continue",
    helper_says: "What the system says about it",
    navigation: "Sections",

    sign_in: "Sign in",
    sign_in_lead: "With the name and the password of your account.",
    user_name: "User name",
    password: "Password",
    one_time_code: "Code",
    sign_in_failed: "That did not work. Check what you typed, and try again.",
    too_many: "There were too many tries. Wait ten minutes, then try again.",
    signed_out: "You are signed out.",
    signed_out_everywhere: "You are signed out, in every browser.",
    timed_out: "You are not signed in any more: nothing happened for a while, your connection or browser is another \
                one, or you signed out elsewhere.",
    time_limit: |minutes| format!("You have {minutes} minutes to answer everything."),
    session_limit: |minutes| {
        format!("You are signed out {minutes} minutes after the last page you open.")
    },

    list: "App-specific passwords",
    list_lead: "Each lets one app in, and can be taken away again without touching the others.",
    empty: "No app-specific passwords yet",
    empty_lead: "A mail program that cannot ask for your code needs a password of its own. Generate one, and type \
                 or paste it where the program asks for your password.",
    generate: "Generate an app-specific password",
    edit: "Edit",
    remove: "Remove",
    revoke_all: "Revoke all",
    created: "Created",
    last_used: "Last used",
    never_used: "never",
    expires: "Expires",
    expired: "Expired",
    never_expires: "never",
    good_for: "Good for",
    from: "Only from",
    with_service: |service| format!("with {service}"),
    from_address: |address| format!("from {address}"),
    status: |status| match status {
        "disabled" => "Disabled",
        "expired" => "Expired",
        "idle" => "Unused for too long",
        "revoked" => "Removed",
        _ => "",
    },
    replaced: "Replaced",
    still_tried: "Removed, but still tried",
    still_tried_lead: "Something goes on trying these. If it is a device of yours, take the old password out of it. If \
                       it is none of yours, somebody else has the password; it opens nothing any more.",
    limit_reached: |most| format!("You have {most}, and more are not allowed. Remove one first."),

    new: "New app-specific password",
    label: "What is it for?",
    label_hint: "For example: Thunderbird on the laptop",
    more: "Services, networks, expiry",
    services: "Good for",
    services_hint: "The fewer, the safer.",
    includes: |wide, narrow| format!("“{wide}” includes {narrow}."),
    any: "everything",
    networks: "Only from these networks",
    networks_hint: |own| {
        format!(
            "Empty: from anywhere. Or addresses and networks, as in 192.0.2.0/24. You are at {own} now."
        )
    },
    expiry: "Expires",
    create: "Create",
    label_length: "Say what it is for, in 1 to 64 characters.",
    label_digits: "Say what it is for in words, not only in digits.",
    label_character: "What it is for must not hold control characters.",
    label_taken: "Another one of yours is called that already.",
    no_service: "Choose at least one service.",
    not_a_network: "Networks are written as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.",
    network_meant: |network| format!("Did you mean {network}?"),
    confirm_create: |label| format!("To create “{label}”, confirm that it is you."),
    not_created: "Nothing was created.",
    confirm_identity: "Is it you?",

    edit_title: |label| format!("Edit “{label}”"),
    save: "Save",
    confirm_edit: |label| format!("To give “{label}” more access, confirm that it is you."),
    changed: |label| format!("“{label}” is changed."),
    not_changed: "Nothing was changed.",
    changed_meanwhile: "It was changed elsewhere meanwhile. This is how it is now.",

    replace: "Replace the password",
    replace_why: "Is the password lost, or known to others?",
    replace_hint: "Another one takes its place, for the same app and with the same limits.",
    replace_title: |label| format!("Replace the password of “{label}”?"),
    replace_lead: "You get a new one, which is shown once. Type it into the app in place of the old one.",
    old_password: "The old password stops working",
    at_once: "at once",
    in_a_day: "in a day",
    confirm_replace: |label| {
        format!("To replace the password of “{label}”, confirm that it is you.")
    },
    not_replaced: "Nothing was replaced.",
    old_ended: "The old password does not work any more.",
    old_lasts: "The old password keeps working for up to one more day.",
    old_stays: "The old password still works, since it could not be ended. Remove it from the list.",

    made: |label| format!("The password for “{label}”"),
    secret_lead: "It is shown this once. Copy it into the app now.",
    secret_name: "The app-specific password",
    spelled: "Letter by letter:",
    secret_how: "The app asks for a password: this is the one. With or without the dashes, in capitals or not.",
    copy: "Copy",
    copied: "Copied",
    not_copied: "That did not work. It is selected now: copy it by hand.",
    done: "Done",

    remove_question: |label| format!("Remove “{label}”?"),
    remove_lead: "The app that uses it cannot come back, and is signed out wherever this system reaches it. This cannot be undone.",
    removed: |label| format!("“{label}” is removed. What used it is refused from now on."),
    not_removed: "Nothing was removed.",
    may_go_on: "But what was opened before may still be open. The administrator was told.",
    all_signed_out: "Whatever was signed in and is refused now has been signed out, wherever this system reaches it.",
    ended: |service, origin| match origin {
        Some(address) => format!("Ended: {service} session from {address}"),
        None => format!("Ended: {service} session"),
    },
    revoke_all_question: |count| match count {
        1 => "Revoke your app-specific password?".to_owned(),
        count => format!("Revoke all {count} app-specific passwords?"),
    },
    revoke_all_lead: "No app that uses one of them can come back, and each is signed out wherever this system reaches it. This cannot be undone.",
    revoked_all: |count| match count {
        1 => "1 app-specific password is revoked. What used it is refused from now on.".to_owned(),
        count => format!(
            "{count} app-specific passwords are revoked. What used them is refused from now on."
        ),
    },
    not_revoked: "Nothing was revoked.",
    gone: "This app-specific password is gone already.",

    activity: "Recent activity",
    activity_lead: "What was done with your app-specific passwords, and what was refused last.",
    activity_lead_of_all: "What was done with everybody’s app-specific passwords.",
    nothing_done: "Nothing yet.",
    older: "Older ones are not shown.",
    back: "Back",
    event: |action, why| match (action, why) {
        ("created", _) => "Created",
        ("edited", _) => "Changed",
        ("disabled", _) => "Disabled",
        ("enabled", _) => "Enabled",
        ("rotated", _) => "Replaced by a new password",
        ("revoked", "rotated") => "Removed, since a new password took its place",
        ("revoked", "password changed") => "Removed, since the password of the account was changed",
        ("revoked", "account deleted") => "Removed with the account",
        ("revoked", "expired") => "Removed, since it had expired",
        ("revoked", "not shown") => "Removed, since its password could not be shown",
        ("revoked", _) => "Removed",
        ("purged", _) => "Its record was deleted",
        ("imported", _) => "Brought from another machine",
        ("restored", _) => "Restored from a backup",
        ("pruned", _) => "Old activity was deleted",
        _ => "",
    },
    refused: |reason| match reason {
        "revoked" => "Refused: it is removed",
        "disabled" => "Refused: it is disabled",
        "expired" => "Refused: it has expired",
        "idle" => "Refused: it was unused for too long",
        "locked" => "Refused: the account is locked",
        "protected" | "service" => "Refused: it is not good for this service",
        "network" => "Refused: it is not good from there",
        _ => "Refused",
    },
    by_you: "by you",
    by: |name| format!("by {name}"),
    now_called: "Now called",
    now_from: "From",
    anywhere: "anywhere",

    admin: "Everybody",
    admin_lead: "What everybody has, without the passwords, which nobody can see.",
    own: "Mine",
    filters: [
        "All",
        "Idle for 90 days",
        "Expire soon",
        "Never used",
        "Least limited",
    ],
    apply: "Show",
    nothing_found: "There are none of this kind.",
    too_many_entries: "There are too many to show. Name a user.",
    found: |shown, all| match shown == all {
        true => format!("{all} found"),
        false => {
            format!("{all} found, of which the first {shown} are shown. Name a user to see fewer.")
        }
    },
    // What others call theirs is no part of a sentence: it could make another one of it.
    remove_question_of: |user| format!("Remove this app-specific password of {user}?"),
    confirm_revoke: |user| {
        format!("To remove an app-specific password of {user}, confirm that it is you.")
    },
    user: "User",

    sorry: "That is not possible now",
    no_helper: "The service behind this page does not answer. Try again in a minute.",
    busy: "This page is busy. Try again in a minute.",
    sent_before: "This form was sent before, or was open for too long. Nothing was done now. A password is shown only \
                  once: if you have lost it, edit its entry and replace it.",
    too_late: "The time for an answer was over, or it was given before. Nothing was done now: begin again. A password is \
               shown only once: if you have lost it, edit its entry and replace it.",
    no_form: "What you sent was too long, or took too long to arrive. Nothing was done.",
    not_ours: "This request did not come from one of these pages. Nothing was done.",
    not_found: "There is no such page.",
    not_allowed: "That is for administrators.",
};
