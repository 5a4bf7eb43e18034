// SPDX-License-Identifier: GPL-3.0-or-later
//! German.

use super::{Ago, Text};

pub(crate) const DE: Text = Text {
    code: "de",
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    date: "%-d. {} %Y",
    just_now: "gerade eben",
    ago: |ago| {
        let (count, one, many) = match ago {
            Ago::Minutes(count) => (count, "Minute", "Minuten"),
            Ago::Hours(count) => (count, "Stunde", "Stunden"),
            Ago::Days(count) => (count, "Tag", "Tagen"),
        };
        let unit = if count == 1 { one } else { many };
        format!("vor {count} {unit}")
    },
    on: |day| format!("am {day}"),
    days: |days| match days {
        1 => "nach einem Tag".to_owned(),
        365 => "nach einem Jahr".to_owned(),
        days => format!("nach {days} Tagen"),
    },

    app: "App-spezifische Passwörter",
    skip: "Zum Inhalt springen",
    signed_in_as: "Angemeldet als",
    sign_out: "Abmelden",
    sign_out_everywhere: "Überall abmelden",
    cancel: "Abbrechen",
    go_on: "Weiter",
    helper_says: "Was das System dazu sagt",
    navigation: "Bereiche",

    sign_in: "Anmelden",
    sign_in_lead: "Mit Namen und Passwort Ihres Kontos.",
    user_name: "Benutzername",
    password: "Passwort",
    one_time_code: "Code",
    sign_in_failed: "Das hat nicht geklappt. Prüfen Sie Ihre Eingabe und versuchen Sie es noch einmal.",
    too_many: "Das waren zu viele Versuche. Warten Sie zehn Minuten und versuchen Sie es dann wieder.",
    signed_out: "Sie sind abgemeldet.",
    signed_out_everywhere: "Sie sind in jedem Browser abgemeldet.",
    timed_out: "Sie sind nicht mehr angemeldet: Es ist länger nichts geschehen, Verbindung oder Browser sind andere, \
                oder Sie haben sich anderswo abgemeldet.",

    list: "App-spezifische Passwörter",
    list_lead: "Jedes lässt eine App herein und kann ihr wieder genommen werden, ohne die anderen zu stören.",
    empty: "Noch keine app-spezifischen Passwörter",
    empty_lead: "Ein Mailprogramm, das nicht nach Ihrem Code fragen kann, braucht ein eigenes Passwort. Erstellen Sie \
                 eines und geben Sie es dort ein, wo das Programm nach Ihrem Passwort fragt.",
    generate: "App-spezifisches Passwort erstellen",
    remove: "Entfernen",
    revoke_all: "Alle widerrufen",
    created: "Erstellt",
    last_used: "Zuletzt benutzt",
    never_used: "nie",
    expires: "Läuft ab",
    expired: "Abgelaufen",
    never_expires: "nie",
    good_for: "Gültig für",
    from: "Nur von",
    with_service: |service| format!("über {service}"),
    from_address: |address| format!("von {address}"),
    status: |status| match status {
        "disabled" => "Gesperrt",
        "expired" => "Abgelaufen",
        "idle" => "Zu lange unbenutzt",
        "revoked" => "Entfernt",
        _ => "",
    },
    still_tried: "Entfernt, aber noch versucht",
    still_tried_lead: "Etwas versucht es weiter mit diesen Passwörtern. Ist es ein Gerät von Ihnen, löschen Sie dort das \
                       alte Passwort. Wenn nicht, hat es jemand anderes; es öffnet nichts mehr.",
    limit_reached: |most| {
        format!("Sie haben {most}, mehr sind nicht erlaubt. Entfernen Sie erst eines.")
    },

    new: "Neues app-spezifisches Passwort",
    label: "Wofür ist es?",
    label_hint: "Zum Beispiel: Thunderbird auf dem Laptop",
    more: "Dienste, Netze, Ablauf",
    services: "Gültig für",
    services_hint: "Je weniger, desto sicherer.",
    networks: "Nur aus diesen Netzen",
    networks_hint: |own| {
        format!(
            "Leer: von überall. Oder Adressen und Netze, etwa 192.0.2.0/24. Ihre Adresse ist gerade {own}."
        )
    },
    expiry: "Läuft ab",
    create: "Erstellen",
    label_length: "Sagen Sie in 1 bis 64 Zeichen, wofür es ist.",
    label_digits: "Sagen Sie mit Worten, wofür es ist, nicht nur mit Ziffern.",
    label_character: "Darin dürfen keine Steuerzeichen stehen.",
    no_service: "Wählen Sie mindestens einen Dienst.",
    not_a_network: "Netze schreibt man so: 192.0.2.7, 192.0.2.0/24 oder 2001:db8::/32.",
    confirm_create: |label| format!("Bestätigen Sie, dass Sie es sind, um „{label}“ zu erstellen."),
    not_created: "Es wurde nichts erstellt.",
    confirm_identity: "Sind Sie es?",

    made: |label| format!("Das Passwort für „{label}“"),
    secret_lead: "Es wird nur dieses eine Mal gezeigt. Übertragen Sie es jetzt in die App.",
    secret_name: "Das app-spezifische Passwort",
    spelled: "Buchstabe für Buchstabe:",
    secret_how: "Fragt die App nach einem Passwort, ist es dieses. Mit oder ohne Bindestriche, groß oder klein.",
    copy: "Kopieren",
    copied: "Kopiert",
    done: "Fertig",

    revoke: "Widerrufen",
    revoke_question: |label| format!("„{label}“ widerrufen?"),
    revoke_lead: "Die App, die es benutzt, kommt nicht wieder herein und wird abgemeldet, wo dieses System sie erreicht. Das \
                  lässt sich nicht rückgängig machen.",
    revoke_all_question: |count| match count {
        1 => "Ihr app-spezifisches Passwort widerrufen?".to_owned(),
        count => format!("Alle {count} app-spezifischen Passwörter widerrufen?"),
    },
    revoke_all_lead: "Keine App, die eines davon benutzt, kommt wieder herein; jede wird abgemeldet, wo dieses System sie erreicht. \
                      Das lässt sich nicht rückgängig machen.",
    revoked: |label| {
        format!("„{label}“ ist widerrufen. Was es benutzt hat, wird ab jetzt abgewiesen.")
    },
    revoked_all: |count| {
        match count {
        1 => "1 app-spezifisches Passwort ist widerrufen. Was es benutzt hat, wird ab jetzt abgewiesen.".to_owned(),
        count => format!(
            "{count} app-spezifische Passwörter sind widerrufen. Was sie benutzt hat, wird ab jetzt abgewiesen."
        ),
    }
    },
    not_revoked: "Es wurde nichts widerrufen.",
    gone: "Dieses app-spezifische Passwort gibt es schon nicht mehr.",

    admin: "Alle Konten",
    admin_lead: "Was alle haben, ohne die Passwörter: die sieht niemand.",
    own: "Meine",
    filters: [
        "Alle",
        "90 Tage unbenutzt",
        "Läuft bald ab",
        "Nie benutzt",
        "Am wenigsten begrenzt",
    ],
    user_filter: "Benutzer",
    apply: "Zeigen",
    nothing_found: "Davon gibt es keine.",
    found: |shown, all| match shown == all {
        true => format!("{all} gefunden"),
        false => format!(
            "{all} gefunden, die ersten {shown} stehen hier. Nennen Sie einen Benutzer, um weniger zu sehen."
        ),
    },
    revoke_question_of: |user| format!("Dieses app-spezifische Passwort von {user} widerrufen?"),
    confirm_revoke: |user| {
        format!(
            "Bestätigen Sie, dass Sie es sind, um ein app-spezifisches Passwort von {user} zu widerrufen."
        )
    },
    user: "Benutzer",

    sorry: "Das geht jetzt nicht",
    no_helper: "Der Dienst hinter dieser Seite antwortet nicht. Versuchen Sie es in einer Minute wieder.",
    busy: "Hier ist gerade zu viel los. Versuchen Sie es in einer Minute wieder.",
    sent_before: "Dieses Formular wurde schon abgeschickt oder war zu lange offen. Jetzt ist nichts geschehen. Ein \
                  Passwort wird nur einmal gezeigt: Ist es verloren, entfernen Sie den Eintrag und erstellen Sie ein neues.",
    no_form: "Was Sie gesendet haben, war zu lang oder zu langsam. Es ist nichts geschehen.",
    not_ours: "Diese Anfrage kam nicht von einer dieser Seiten. Es ist nichts geschehen.",
    not_found: "Diese Seite gibt es nicht.",
    not_allowed: "Das ist Administratoren vorbehalten.",
};
