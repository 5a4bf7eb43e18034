//! `cargo bench --bench web`: how fast the self-service page is, and what it leaves of the machine to logins through the
//! same helper.
//!
//! | file | what is in it |
//! |---|---|
//! | `web/visits.rs` | who looks at the page |
//! | `web/logins.rs` | who logs in beside them |

#![allow(unreachable_pub)] // a program of several files
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a step that fails ends it

#[path = "web/logins.rs"]
mod logins;
mod support;
#[path = "web/visits.rs"]
mod visits;

use logins::Logins;
use support::goal::{self, Goal, at_least, at_most};
use support::report::{Page, Row, number, row};
use support::rounds::{self, Series, quantile};
use support::tests::web::PAGE;
use support::{child, private};
use visits::{Site, Visits};

/// Whose list is looked at, and who logs in. They have no second factor.
const USER: &str = "neighbour";
/// Views a second that leave the page next to idle.
const FEW: f64 = 20.0;
const MANY: f64 = 1_000.0;

const NOTHING: &str = "nothing";
const FEW_FORMS: &str = "20 views a second of the page to sign in";
const FORMS: &str = "1,000 views a second of the page to sign in";
const FEW_LISTS: &str = "20 views a second of a list";
const LISTS: &str = "1,000 views a second of a list";
const FLOOD: &str = "50 visitors who view a list without end";
const SIGN_INS: &str = "6 people who sign in without end";

/// Something that goes on while logins are measured.
struct Load {
    name: &'static str,
    visits: Option<fn(&Site) -> Visits>,
    /// The one whose visits those of this one are compared with.
    idle: &'static str,
}

const LOADS: [Load; 7] = [
    load(NOTHING, None, NOTHING),
    load(
        FEW_FORMS,
        Some(|site| site.views("/sign-in", FEW)),
        FEW_FORMS,
    ),
    load(FORMS, Some(|site| site.views("/sign-in", MANY)), FEW_FORMS),
    load(FEW_LISTS, Some(|site| site.views("/", FEW)), FEW_LISTS),
    load(LISTS, Some(|site| site.views("/", MANY)), FEW_LISTS),
    load(FLOOD, Some(|site| site.flood("/")), FEW_LISTS),
    load(SIGN_INS, Some(Site::sign_ins), SIGN_INS),
];

const fn load(name: &'static str, visits: Option<fn(&Site) -> Visits>, idle: &'static str) -> Load {
    Load { name, visits, idle }
}

/// Times in microseconds.
#[derive(Clone, Default)]
struct Times {
    median: Series,
    /// Most of them are below this.
    most: Series,
}

impl Times {
    fn push(&mut self, times: &[f64], share: f64) {
        self.median.push(quantile(times, 0.5));
        self.most.push(quantile(times, share));
    }

    /// Both, and how much longer they are than others.
    fn beside(&self, others: &Times) -> [f64; 4] {
        [
            self.median.median(),
            self.most.median(),
            self.median.over(&others.median).median(),
            self.most.over(&others.most).median(),
        ]
    }
}

/// What was measured while something went on.
#[derive(Default)]
struct Measured {
    logins: Times,
    visits: Times,
    /// Visits that were served, a second.
    served: Series,
}

impl Measured {
    fn round(&mut self, load: &Load, site: &Site, logins: &Logins) {
        let visits = load
            .visits
            .map(|of| child::start_for(|| of(site).into_numbers()));
        self.logins.push(&logins.measure(), 0.95);
        if let Some(visits) = visits {
            let visits = Visits::from_numbers(visits.wait());
            self.visits.push(&visits.times, 0.99);
            self.served.push(visits.a_second());
        }
    }
}

fn main() {
    let page = PAGE.expect("the page is a feature, which is on unless it is turned off");
    let daemons = ["web.sh", page, "--proxy", "--"];
    private::enter_beside(&daemons, &["curl", "google-authenticator"], || ());
    let (site, logins) = (Site::open(USER), Logins::prepare(USER));
    let mut all = LOADS.map(|load| (load, Measured::default()));
    let rounds = rounds::each(10, || {
        for (load, measured) in &mut all {
            measured.round(load, &site, &logins);
        }
    });
    let results = Results(all);
    let mut page = Page::begin("web", "The self-service page", rounds);
    page.text(
        "The page behind a proxy, its helper, its visitors, and those who log in, all on one machine. Views come over \
         fifty connections that stay open, at fixed times. Fifty logins a second come through the same helper, by a \
         host that is not root, in one process, at fixed times as well. Whatever comes late counts from when it was \
         due. Who signs in answers PAM, which checks a password hashed with sha512crypt, and then begins anew.",
    );
    page.text("## Logins");
    page.table(&LOGINS, &results.logins());
    page.text("## Visits");
    page.table(&VISITS, &results.visits());
    page.text("## What is to be reached");
    page.table(&goal::HEAD, &goal::rows(&results.goals()));
    page.end();
}

const LOGINS: [&str; 5] = [
    "beside",
    "median, us",
    "p95, us",
    "median, to nothing beside",
    "p95, to nothing beside",
];

const VISITS: [&str; 6] = [
    "visits",
    "served a second",
    "median, us",
    "p99, us",
    "median, to an idle page",
    "p99, to an idle page",
];

struct Results([(Load, Measured); LOADS.len()]);

impl Results {
    fn of(&self, name: &str) -> &Measured {
        let named = self.0.iter().find(|(load, _)| load.name == name);
        &named.unwrap().1
    }

    fn logins(&self) -> Vec<Row> {
        let idle = &self.of(NOTHING).logins;
        let cells = |(load, measured): &(Load, Measured)| {
            let numbers = measured.logins.beside(idle).map(number);
            row([load.name.to_owned()].into_iter().chain(numbers))
        };
        self.0.iter().map(cells).collect()
    }

    fn visits(&self) -> Vec<Row> {
        let cells = |(load, measured): &(Load, Measured)| {
            let times = measured.visits.beside(&self.of(load.idle).visits);
            let numbers = [measured.served.median()]
                .into_iter()
                .chain(times)
                .map(number);
            row([load.name.to_owned()].into_iter().chain(numbers))
        };
        self.0[1..].iter().map(cells).collect()
    }

    fn goals(&self) -> Vec<Goal> {
        let idle = &self.of(NOTHING).logins;
        let [median, p95] =
            [2, 3].map(|place| move |name| self.of(name).logins.beside(idle)[place]);
        let served = self.of(LISTS).served.median();
        vec![
            at_least("lists served of 1,000 a second", served, 990.0, 995.0),
            at_most(
                "a login beside 1,000 lists a second, median",
                median(LISTS),
                2.0,
                1.5,
            ),
            at_most("the same, p95", p95(LISTS), 3.0, 2.0),
            at_most(
                "beside 1,000 pages to sign in a second, p95",
                p95(FORMS),
                1.5,
                1.2,
            ),
            at_most("beside lists without end, p95", p95(FLOOD), 4.0, 3.0),
            at_most(
                "beside 6 people who sign in without end, p95",
                p95(SIGN_INS),
                3.0,
                2.0,
            ),
        ]
    }
}
