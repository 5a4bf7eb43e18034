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
        1 => "in einem Tag".to_owned(),
        365 => "in einem Jahr".to_owned(),
        days => format!("in {days} Tagen"),
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
    time_limit: |minutes| format!("Sie haben {minutes} Minuten, um alles zu beantworten."),
    session_limit: |minutes| {
        format!("{minutes} Minuten nach der letzten Seite, die Sie öffnen, werden Sie abgemeldet.")
    },

    list: "App-spezifische Passwörter",
    list_lead: "Jedes lässt eine App herein und kann ihr wieder genommen werden, ohne die anderen zu stören.",
    empty: "Noch keine app-spezifischen Passwörter",
    empty_lead: "Ein Mailprogramm, das nicht nach Ihrem Code fragen kann, braucht ein eigenes Passwort. Erstellen Sie \
                 eines und geben Sie es dort ein, wo das Programm nach Ihrem Passwort fragt.",
    generate: "App-spezifisches Passwort erstellen",
    edit: "Ändern",
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
    replaced: "Ersetzt",
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
    includes: |wide, narrow| format!("„{wide}“ enthält {narrow}."),
    any: "alles",
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
    label_taken: "So heißt schon ein anderes von Ihnen.",
    no_service: "Wählen Sie mindestens einen Dienst.",
    not_a_network: "Netze schreibt man so: 192.0.2.7, 192.0.2.0/24 oder 2001:db8::/32.",
    network_meant: |network| format!("Meinen Sie {network}?"),
    confirm_create: |label| format!("Bestätigen Sie, dass Sie es sind, um „{label}“ zu erstellen."),
    not_created: "Es wurde nichts erstellt.",
    confirm_identity: "Sind Sie es?",

    edit_title: |label| format!("„{label}“ ändern"),
    save: "Speichern",
    confirm_edit: |label| {
        format!("Bestätigen Sie, dass Sie es sind, damit „{label}“ mehr Zugriff erhält.")
    },
    changed: |label| format!("„{label}“ ist geändert."),
    not_changed: "Es wurde nichts geändert.",
    changed_meanwhile: "Es wurde inzwischen anderswo geändert. So ist es jetzt.",

    replace: "Passwort ersetzen",
    replace_why: "Ist das Passwort verloren oder anderen bekannt?",
    replace_hint: "Ein neues tritt an seine Stelle, für dieselbe App und mit denselben Grenzen.",
    replace_title: |label| format!("Das Passwort für „{label}“ ersetzen?"),
    replace_lead: "Sie erhalten ein neues, das nur einmal gezeigt wird. Tragen Sie es in der App an Stelle des alten ein.",
    old_password: "Das alte Passwort wird ungültig",
    at_once: "sofort",
    in_a_day: "in einem Tag",
    confirm_replace: |label| {
        format!("Bestätigen Sie, dass Sie es sind, um das Passwort für „{label}“ zu ersetzen.")
    },
    not_replaced: "Es wurde nichts ersetzt.",
    old_ended: "Das alte Passwort gilt nicht mehr.",
    old_lasts: "Das alte Passwort gilt noch höchstens einen Tag.",
    old_stays: "Das alte Passwort gilt noch, es ließ sich nicht ungültig machen. Entfernen Sie es in der Liste.",

    made: |label| format!("Das Passwort für „{label}“"),
    secret_lead: "Es wird nur dieses eine Mal gezeigt. Übertragen Sie es jetzt in die App.",
    secret_name: "Das app-spezifische Passwort",
    spelled: "Buchstabe für Buchstabe:",
    secret_how: "Fragt die App nach einem Passwort, ist es dieses. Mit oder ohne Bindestriche, groß oder klein.",
    copy: "Kopieren",
    copied: "Kopiert",
    not_copied: "Das ging nicht. Es ist jetzt ausgewählt: Kopieren Sie es von Hand.",
    done: "Fertig",

    remove_question: |label| format!("„{label}“ entfernen?"),
    remove_lead: "Die App, die es benutzt, kommt nicht wieder herein und wird abgemeldet, wo dieses System sie erreicht. Das \
                  lässt sich nicht rückgängig machen.",
    removed: |label| {
        format!("„{label}“ ist entfernt. Was es benutzt hat, wird ab jetzt abgewiesen.")
    },
    not_removed: "Es wurde nichts entfernt.",
    may_go_on: "Was vorher geöffnet wurde, ist aber vielleicht noch offen. Der Administrator weiß Bescheid.",
    all_signed_out: "Was angemeldet war und jetzt abgewiesen wird, wurde abgemeldet, wo dieses System es erreicht.",
    ended: |service, origin| match origin {
        Some(address) => format!("Beendet: {service}-Sitzung von {address}"),
        None => format!("Beendet: {service}-Sitzung"),
    },
    revoke_all_question: |count| match count {
        1 => "Ihr app-spezifisches Passwort widerrufen?".to_owned(),
        count => format!("Alle {count} app-spezifischen Passwörter widerrufen?"),
    },
    revoke_all_lead: "Keine App, die eines davon benutzt, kommt wieder herein; jede wird abgemeldet, wo dieses System sie erreicht. \
                      Das lässt sich nicht rückgängig machen.",
    revoked_all: |count| {
        match count {
        1 => "1 app-spezifisches Passwort ist widerrufen. Was es benutzt hat, wird ab jetzt abgewiesen.".to_owned(),
        count => format!(
            "{count} app-spezifische Passwörter sind widerrufen. Was sie benutzt hat, wird ab jetzt abgewiesen."
        ),
    }
    },
    not_revoked: "Es wurde nichts widerrufen.",
    gone: "Dieses app-spezifische Passwort gibt es nicht mehr.",

    activity: "Letzte Aktivitäten",
    activity_lead: "Was mit Ihren app-spezifischen Passwörtern geschehen ist und was zuletzt abgewiesen wurde.",
    activity_lead_of_all: "Was mit den app-spezifischen Passwörtern aller Konten geschehen ist.",
    nothing_done: "Noch nichts.",
    older: "Älteres wird nicht gezeigt.",
    back: "Zurück",
    event: |action, why| match (action, why) {
        ("created", _) => "Erstellt",
        ("edited", _) => "Geändert",
        ("disabled", _) => "Gesperrt",
        ("enabled", _) => "Entsperrt",
        ("rotated", _) => "Durch ein neues Passwort ersetzt",
        ("revoked", "rotated") => "Entfernt, weil ein neues Passwort an seine Stelle trat",
        ("revoked", "password changed") => "Entfernt, weil das Passwort des Kontos geändert wurde",
        ("revoked", "account deleted") => "Mit dem Konto entfernt",
        ("revoked", "expired") => "Entfernt, weil es abgelaufen war",
        ("revoked", "not shown") => "Entfernt, weil sein Passwort nicht gezeigt werden konnte",
        ("revoked", _) => "Entfernt",
        ("purged", _) => "Der Eintrag wurde gelöscht",
        ("imported", _) => "Von einem anderen Rechner übernommen",
        ("restored", _) => "Aus einer Sicherung zurückgeholt",
        ("pruned", _) => "Alte Aktivitäten wurden gelöscht",
        _ => "",
    },
    refused: |reason| match reason {
        "revoked" => "Abgewiesen: Es ist entfernt",
        "disabled" => "Abgewiesen: Es ist gesperrt",
        "expired" => "Abgewiesen: Es ist abgelaufen",
        "idle" => "Abgewiesen: Es war zu lange unbenutzt",
        "locked" => "Abgewiesen: Das Konto ist gesperrt",
        "protected" | "service" => "Abgewiesen: Es gilt nicht für diesen Dienst",
        "network" => "Abgewiesen: Es gilt nicht von dort",
        _ => "Abgewiesen",
    },
    by_you: "von Ihnen",
    by: |name| format!("von {name}"),
    now_called: "Heißt jetzt",
    now_from: "Von",
    anywhere: "überall",

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
    apply: "Anzeigen",
    nothing_found: "Davon gibt es keine.",
    too_many_entries: "Es sind zu viele, um sie zu zeigen. Nennen Sie einen Benutzer.",
    found: |shown, all| match shown == all {
        true => format!("{all} gefunden"),
        false => format!(
            "{all} gefunden, die ersten {shown} stehen hier. Nennen Sie einen Benutzer, um weniger zu sehen."
        ),
    },
    remove_question_of: |user| format!("Dieses app-spezifische Passwort von {user} entfernen?"),
    confirm_revoke: |user| {
        format!(
            "Bestätigen Sie, dass Sie es sind, um ein app-spezifisches Passwort von {user} zu entfernen."
        )
    },
    user: "Benutzer",

    sorry: "Das geht jetzt nicht",
    no_helper: "Der Dienst hinter dieser Seite antwortet nicht. Versuchen Sie es in einer Minute wieder.",
    busy: "Hier ist gerade viel los. Versuchen Sie es in einer Minute wieder.",
    sent_before: "Dieses Formular wurde schon abgeschickt oder war zu lange offen. Jetzt ist nichts geschehen. Ein \
                  Passwort wird nur einmal gezeigt: Ist es verloren, ändern Sie den Eintrag und ersetzen Sie es.",
    too_late: "Die Zeit für eine Antwort war um, oder sie wurde schon gegeben. Jetzt ist nichts geschehen: Beginnen Sie von \
               vorn. Ein Passwort wird nur einmal gezeigt: Ist es verloren, ändern Sie den Eintrag und ersetzen Sie es.",
    no_form: "Was Sie gesendet haben, war zu lang oder zu langsam. Es ist nichts geschehen.",
    not_ours: "Diese Anfrage kam nicht von einer dieser Seiten. Es ist nichts geschehen.",
    not_found: "Diese Seite gibt es nicht.",
    not_allowed: "Das ist Administratoren vorbehalten.",
};
