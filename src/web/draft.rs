// SPDX-License-Identifier: GPL-3.0-or-later
//! What somebody wants an app password to be: the form, and the words of the verb. Pure. What may be is
//! judged by the helper; here only what a person is best told beside the field.

use pam_app_passwd::credential::{Label, NameError, Network};

use crate::entry::Rules;
use crate::form::Form;
use crate::text::Text;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Draft {
    pub(crate) label: String,
    pub(crate) services: Vec<String>,
    pub(crate) networks: String,
    /// In days; nothing: for ever.
    pub(crate) days: Option<u32>,
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
            days: rules.max_lifetime_days.filter(|days| *days > 0),
            ..Self::default()
        }
    }

    pub(crate) fn read(form: &Form) -> Self {
        Self {
            label: form.text("label"),
            services: form.all("service").map(str::to_owned).collect(),
            networks: form.text("networks"),
            days: form.text("days").parse().ok(),
        }
    }

    /// What is wrong with it, for people.
    pub(crate) fn problem(&self, rules: &Rules, text: &'static Text) -> Option<&'static str> {
        match Label::parse(&self.label) {
            Ok(_) => {}
            Err(NameError::LabelDigits) => return Some(text.label_digits),
            Err(NameError::LabelCharacter) => return Some(text.label_character),
            Err(_) => return Some(text.label_length),
        }
        if rules.scopes && self.services.is_empty() {
            return Some(text.no_service);
        }
        let is_wrong = |text: &str| Network::parse(text).is_err();
        self.each_network()
            .any(is_wrong)
            .then_some(text.not_a_network)
    }

    /// The verb that makes it. Where nothing but a label can be chosen, nothing else is said.
    pub(crate) fn words(&self, rules: &Rules) -> Vec<String> {
        let mut words = vec!["create".to_owned()];
        let mut option = |name: &str, value: &str| words.push(format!("--{name}={value}"));
        option("label", &self.label);
        if rules.scopes {
            self.services
                .iter()
                .for_each(|service| option("service", service));
            self.each_network()
                .for_each(|network| option("from", network));
            if let Some(days) = self.days {
                option("expires", &format!("{days}d"));
            }
        }
        words
    }

    /// What can be chosen for the expiry under these rules: nothing, where it is less than a day.
    pub(crate) fn lifetimes(rules: &Rules) -> Vec<u32> {
        let most = rules.max_lifetime_days;
        let shorter = LIFETIMES
            .into_iter()
            .filter(|days| most.is_none_or(|most| *days < most));
        shorter.chain(most.filter(|most| *most > 0)).collect()
    }

    fn each_network(&self) -> impl Iterator<Item = &str> {
        let between = |c: char| c.is_whitespace() || c == ',' || c == ';';
        self.networks
            .split(between)
            .filter(|network| !network.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
            days: Some(90),
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
    }

    #[test]
    fn what_is_wrong_is_said_beside_the_field() {
        let problem = |change: &dyn Fn(&mut Draft)| {
            let mut draft = draft();
            change(&mut draft);
            draft.problem(&rules(), &EN)
        };
        assert_eq!(problem(&|_| {}), None);
        assert_eq!(problem(&|draft| draft.label.clear()), Some(EN.label_length));
        assert_eq!(
            problem(&|draft| draft.label = "42".into()),
            Some(EN.label_digits)
        );
        assert_eq!(
            problem(&|draft| draft.label = "a\u{7}".into()),
            Some(EN.label_character)
        );
        assert_eq!(
            problem(&|draft| draft.services.clear()),
            Some(EN.no_service)
        );
        assert_eq!(
            problem(&|draft| draft.networks = "home".into()),
            Some(EN.not_a_network)
        );
    }

    #[test]
    fn no_lifetime_is_offered_beyond_the_longest() {
        assert_eq!(Draft::lifetimes(&rules()), LIFETIMES);
        let rules = Rules {
            max_lifetime_days: Some(60),
            ..rules()
        };
        assert_eq!(Draft::lifetimes(&rules), [7, 30, 60]);
        assert_eq!(Draft::new(&rules).days, Some(60));
        let rules = Rules {
            max_lifetime_days: Some(0),
            ..rules
        };
        assert!(Draft::lifetimes(&rules).is_empty());
        assert_eq!(Draft::new(&rules).days, None);
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
