// SPDX-License-Identifier: GPL-3.0-or-later
//! What somebody wants an app password to be: the form, and the words of the verbs that make and change
//! one. Pure. What may be is judged by the helper; here only what a person is best told beside the field.

use std::collections::BTreeSet;

use pam_app_passwd::credential::{Label, NameError, Network};

use crate::entry::{Entry, Rules};
use crate::form::Form;
use crate::text::Text;
use crate::when::{DAY, When};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) label: String,
    pub(crate) services: Vec<String>,
    pub(crate) networks: String,
    pub(crate) end: End,
}

/// When it ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum End {
    /// As it is; of a new one, as the rules have it.
    #[default]
    Unsaid,
    Never,
    /// So many days from now.
    In(u32),
}

/// What is wrong with it, for people, by the field that it is beside.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Problems {
    pub(crate) label: Option<String>,
    pub(crate) services: Option<String>,
    pub(crate) networks: Option<String>,
}

/// What can be chosen for the expiry.
const LIFETIMES: [u32; 4] = [7, 30, 90, 365];

impl Draft {
    /// An empty form.
    pub(crate) fn new(rules: &Rules) -> Self {
        let mut services = rules.default_services.clone();
        services.retain(|service| rules.services.contains(service));
        Self {
            services,
            end: match rules.max_lifetime_days {
                None => End::Never,
                Some(0) => End::Unsaid,
                Some(days) => End::In(days),
            },
            ..Self::default()
        }
    }

    /// An entry as it is.
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            label: entry.label.clone(),
            services: entry.services.clone(),
            networks: entry.plain_networks(),
            end: End::Unsaid,
        }
    }

    pub(crate) fn read(form: &Form) -> Self {
        Self {
            label: form.text("label"),
            services: form.all("service").map(str::to_owned).collect(),
            networks: form.text("networks"),
            end: End::read(&form.text("end")),
        }
    }

    pub(crate) fn problems(&self, rules: &Rules, text: &Text) -> Problems {
        let label = match Label::parse(&self.label) {
            Ok(_) => None,
            Err(NameError::LabelDigits) => Some(text.label_digits),
            Err(NameError::LabelCharacter) => Some(text.label_character),
            Err(_) => Some(text.label_length),
        };
        let no_service = rules.scopes && self.services.is_empty();
        let wrong = self
            .each_network()
            .find_map(|net| Network::parse(net).err());
        Problems {
            label: label.map(str::to_owned),
            services: no_service.then(|| text.no_service.to_owned()),
            networks: wrong.map(|wrong| match wrong {
                NameError::NetworkHostBits(meant) => (text.network_meant)(&meant.to_string()),
                _ => text.not_a_network.to_owned(),
            }),
        }
    }

    /// The verb that makes it. Where nothing but a label can be chosen, nothing else is said.
    pub(crate) fn words(&self, rules: &Rules) -> Vec<String> {
        let mut words = vec!["create".to_owned(), option("label", &self.label)];
        if rules.scopes {
            words.extend(self.services.iter().map(|name| option("service", name)));
            words.extend(self.each_network().map(|net| option("from", net)));
            if let End::In(days) = self.end {
                words.push(option("expires", &format!("{days}d")));
            }
        }
        words
    }

    /// The verb that makes this of an entry. `None`: it is so already. Only what is another is said.
    pub(crate) fn changes(&self, entry: &Entry, rules: &Rules) -> Option<Vec<String>> {
        let mut words = Vec::new();
        if self.label != entry.label {
            words.push(option("label", &self.label));
        }
        if rules.scopes {
            let before = Self::of(entry);
            if set(&self.services) != set(&before.services) {
                words.extend(self.services.iter().map(|name| option("service", name)));
            }
            let networks = self.canonical_networks();
            if networks != before.canonical_networks() {
                if networks.is_empty() {
                    words.push("--any-network".to_owned());
                }
                words.extend(networks.iter().map(|net| option("from", net)));
            }
            match self.end {
                End::In(days) => words.push(option("expires", &format!("{days}d"))),
                End::Never if entry.expires.is_some() => words.push(option("expires", "never")),
                End::Never | End::Unsaid => {}
            }
        }
        let verb = ["edit".to_owned(), entry.id.to_string()];
        (!words.is_empty()).then(|| verb.into_iter().chain(words).collect())
    }

    /// What can be chosen for the expiry under these rules: nothing, where it is less than a day.
    pub(crate) fn lifetimes(rules: &Rules) -> Vec<u32> {
        let most = rules.max_lifetime_days;
        let shorter = LIFETIMES
            .into_iter()
            .filter(|days| most.is_none_or(|most| *days < most));
        shorter.chain(most.filter(|most| *most > 0)).collect()
    }

    /// The same for an entry that there is, whose life has begun.
    pub(crate) fn lifetimes_of(entry: &Entry, rules: &Rules, now: When) -> Vec<u32> {
        let lived = now.seconds() - entry.created.seconds();
        let fits = |days: &u32| {
            let most = rules.max_lifetime_days.map(i64::from);
            most.is_none_or(|most| lived + i64::from(*days) * DAY <= most * DAY)
        };
        Self::lifetimes(rules).into_iter().filter(fits).collect()
    }

    fn each_network(&self) -> impl Iterator<Item = &str> {
        let between = |c: char| c.is_whitespace() || c == ',' || c == ';';
        self.networks
            .split(between)
            .filter(|network| !network.is_empty())
    }

    /// However they were typed.
    fn canonical_networks(&self) -> BTreeSet<String> {
        let networks = self
            .each_network()
            .filter_map(|net| Network::parse(net).ok());
        networks.map(|net| net.to_string()).collect()
    }
}

impl End {
    /// How it stands in a form.
    pub(crate) fn word(self) -> String {
        match self {
            Self::Unsaid => String::new(),
            Self::Never => "never".to_owned(),
            Self::In(days) => days.to_string(),
        }
    }

    fn read(word: &str) -> Self {
        match word {
            "never" => Self::Never,
            days => days.parse().map_or(Self::Unsaid, Self::In),
        }
    }
}

impl Problems {
    /// The first field that is wrong.
    pub(crate) const fn first(&self) -> Option<&'static str> {
        match self {
            Self { label: Some(_), .. } => Some("label"),
            Self {
                services: Some(_), ..
            } => Some("services"),
            Self {
                networks: Some(_), ..
            } => Some("networks"),
            _ => None,
        }
    }
}

/// So written that no value is an option of its own.
fn option(name: &str, value: &str) -> String {
    format!("--{name}={value}")
}

fn set(names: &[String]) -> BTreeSet<&String> {
    names.iter().collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::entry::tests::entry;
    use crate::text::EN;

    fn rules() -> Rules {
        Rules {
            scopes: true,
            services: vec!["mail".to_owned(), "imap".to_owned()],
            default_services: vec!["mail".to_owned()],
            ..Rules::default()
        }
    }

    fn draft() -> Draft {
        Draft {
            label: "-phone".to_owned(),
            services: vec!["imap".to_owned()],
            networks: "192.0.2.7, 2001:db8::/32".to_owned(),
            end: End::In(90),
        }
    }

    #[test]
    fn a_draft_becomes_the_words_of_the_verb_and_none_of_them_an_option_of_its_own() {
        let words = draft().words(&rules());
        let expected = [
            "create",
            "--label=-phone",
            "--service=imap",
            "--from=192.0.2.7",
            "--from=2001:db8::/32",
            "--expires=90d",
        ];
        assert_eq!(words, expected);
    }

    #[test]
    fn where_only_a_label_can_be_chosen_nothing_else_is_said() {
        let rules = Rules {
            scopes: false,
            ..rules()
        };
        assert_eq!(draft().words(&rules), ["create", "--label=-phone"]);
        let changes = draft().changes(&entry(&json!({})), &rules);
        assert_eq!(changes.unwrap(), ["edit", "1", "--label=-phone"]);
    }

    #[test]
    fn of_an_edit_only_what_is_another_is_said() {
        let entry = entry(&json!({"services": ["mail", "imap"], "networks": ["192.0.2.7/32"]}));
        let words = |change: &dyn Fn(&mut Draft)| {
            let mut draft = Draft::of(&entry);
            change(&mut draft);
            draft.changes(&entry, &rules()).map(|words| words.join(" "))
        };
        let says = |expected: &str| Some(format!("edit 1 {expected}"));
        assert_eq!(words(&|_| {}), None);
        // The same in other words is the same.
        assert_eq!(words(&|draft| draft.services.reverse()), None);
        assert_eq!(words(&|draft| draft.networks = "192.0.2.7".into()), None);
        assert_eq!(
            words(&|draft| draft.label = "--expires=never".into()),
            says("--label=--expires=never")
        );
        assert_eq!(
            words(&|draft| draft.services.truncate(1)),
            says("--service=mail")
        );
        assert_eq!(
            words(&|draft| draft.networks = "2001:DB8::1; 192.0.2.0/24".into()),
            says("--from=192.0.2.0/24 --from=2001:db8::1/128")
        );
        assert_eq!(
            words(&|draft| draft.networks.clear()),
            says("--any-network")
        );
        assert_eq!(words(&|draft| draft.end = End::In(7)), says("--expires=7d"));
        assert_eq!(
            words(&|draft| draft.end = End::Never),
            says("--expires=never")
        );
    }

    #[test]
    fn what_has_no_end_needs_not_be_told_to_have_none() {
        let endless = entry(&json!({"expires": null}));
        let draft = Draft {
            end: End::Never,
            ..Draft::of(&endless)
        };
        assert_eq!(draft.changes(&endless, &rules()), None);
    }

    #[test]
    fn what_is_wrong_is_said_beside_the_field() {
        let problems = |change: &dyn Fn(&mut Draft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.problems(&rules(), &EN)
        };
        let label = |label: &str| problems(&|draft| draft.label = label.into()).label;
        assert_eq!(problems(&|_| {}), Problems::default());
        assert_eq!(label("").as_deref(), Some(EN.label_length));
        assert_eq!(label("42").as_deref(), Some(EN.label_digits));
        assert_eq!(label("a\u{7}").as_deref(), Some(EN.label_character));
        let none = problems(&|draft| draft.services.clear());
        assert_eq!(none.services.as_deref(), Some(EN.no_service));
        let networks = |networks: &str| problems(&|draft| draft.networks = networks.into());
        assert_eq!(networks("home").networks.as_deref(), Some(EN.not_a_network));
        let meant = networks("192.0.2.7/24").networks.unwrap();
        assert!(meant.contains("192.0.2.0/24"), "{meant}");
        assert_eq!(networks("home").first(), Some("networks"));
    }

    #[test]
    fn no_lifetime_is_offered_beyond_the_longest() {
        assert_eq!(Draft::lifetimes(&rules()), LIFETIMES);
        let rules = Rules {
            max_lifetime_days: Some(60),
            ..rules()
        };
        assert_eq!(Draft::lifetimes(&rules), [7, 30, 60]);
        assert_eq!(Draft::new(&rules).end, End::In(60));
        let rules = Rules {
            max_lifetime_days: Some(0),
            ..rules
        };
        assert!(Draft::lifetimes(&rules).is_empty());
        assert_eq!(Draft::new(&rules).end, End::Unsaid);
    }

    #[test]
    fn of_what_has_lived_a_while_no_lifetime_is_offered_that_is_over_before() {
        let rules = Rules {
            max_lifetime_days: Some(60),
            ..rules()
        };
        let entry = entry(&json!({}));
        let offered = |lived| {
            let now = When::from_seconds(entry.created.seconds() + lived);
            Draft::lifetimes_of(&entry, &rules, now)
        };
        assert_eq!(offered(0), [7, 30, 60]);
        assert_eq!(offered(1), [7, 30]);
        assert_eq!(offered(30 * DAY), [7, 30]);
        assert_eq!(offered(30 * DAY + 1), [7]);
        assert!(offered(54 * DAY).is_empty());
        let endless = Rules {
            max_lifetime_days: None,
            ..rules.clone()
        };
        let now = When::from_seconds(entry.created.seconds() + 1_000 * DAY);
        assert_eq!(Draft::lifetimes_of(&entry, &endless, now), LIFETIMES);
    }

    #[test]
    fn an_end_is_read_from_a_form_as_it_was_written() {
        for end in [End::Unsaid, End::Never, End::In(30)] {
            assert_eq!(End::read(&end.word()), end);
        }
        assert_eq!(End::read("tomorrow"), End::Unsaid);
    }

    #[test]
    fn what_may_not_be_named_is_not_chosen_beforehand() {
        let rules = Rules {
            default_services: vec!["mail".to_owned(), "ftp".to_owned()],
            ..rules()
        };
        assert_eq!(Draft::new(&rules).services, ["mail"]);
    }
}
