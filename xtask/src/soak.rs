//! `cargo xtask soak`: a service of each adapter under abuse, while its telemetry cannot always be delivered.
//!
//! Clients that leave, bodies that break off on either side, panics, large bodies, and a collector that goes away and is
//! slow. In the end: nothing is open, each request was counted once, no span is missing but those that the service says it
//! has dropped, and its memory has stopped to grow long before.

mod clients;
mod receiver;
mod service;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use clients::Asked;
use receiver::{Mood, Receiver, Told};
use service::{Account, Service};
use xshell::Shell;

use crate::{Result, flags, local};

/// For all adapters together.
const MINUTES: u32 = 3;
const ADAPTERS: &[&str] = &["axum", "actix-web", "hyper", "tower", "warp"];
const CLIENTS: usize = 6;
/// How often the memory is looked at.
const SAMPLES: u32 = 40;
/// What allocators and the tables of a service may take between the third and the last quarter.
const GROWTH: f64 = 1.1;
const GROWTH_MIB: f64 = 4.0;

pub(crate) fn run(sh: &Shell, flags: &flags::Soak) -> Result {
    let program = service::build(sh)?;
    let adapters: Vec<&str> = match &flags.only {
        Some(only) => ADAPTERS.iter().copied().filter(|it| it == only).collect(),
        None => ADAPTERS.to_vec(),
    };
    let minutes = flags.minutes.unwrap_or(MINUTES).max(1);
    let time = Duration::from_secs(60 * u64::from(minutes)) / (adapters.len().max(1) as u32);
    let mut wrong = Vec::new();
    for adapter in &adapters {
        let seen = soak(sh, &program, adapter, time)?;
        println!("{adapter}: {}", seen.summary());
        wrong.extend(seen.problems().into_iter().map(|it| format!("{adapter}: {it}")));
    }
    if adapters.is_empty() {
        wrong.push(format!("there is no adapter of that name, but {}", ADAPTERS.join(", ")));
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

fn soak(sh: &Shell, program: &str, adapter: &str, time: Duration) -> Result<Seen> {
    let receiver = Receiver::start()?;
    let service = Service::start(sh, program, adapter, receiver.address())?;
    let address = service.address();
    let started = Instant::now();
    let asking: Vec<_> = (0..CLIENTS)
        .map(|seed| thread::spawn(move || clients::ask(address, seed, started + time)))
        .collect();

    let mut memory = Vec::new();
    for sample in 0..SAMPLES {
        // The second half is quiet, so that the memory can be compared.
        receiver.set(match sample {
            5..9 => Mood::Away,
            9..13 => Mood::Slow,
            _ => Mood::Well,
        });
        let next = started + time * (sample + 1) / SAMPLES;
        thread::sleep(next.saturating_duration_since(Instant::now()));
        memory.push(service.resident()?);
    }
    let mut asked = Asked::default();
    for client in asking {
        asked.add(client.join().map_err(|_| "a client panicked")?);
    }
    // What the clients have left ends as soon as the service sees that.
    let settled = || (receiver.told().open() == Some(0)).then_some(());
    let _ = local::wait("end of what is open", settled);
    let account = service.stop()?;
    Ok(Seen { asked, told: receiver.told(), account, memory })
}

/// What there is to compare.
#[derive(Debug, Default)]
struct Seen {
    asked: Asked,
    told: Told,
    account: Account,
    /// Resident, in MiB.
    memory: Vec<f64>,
}

impl Seen {
    fn summary(&self) -> String {
        let Account { recorded, dropped, .. } = self.account;
        let requests: u64 = self.told.counted.values().sum();
        let (third, last) = self.quarters();
        format!(
            "{requests} requests, {recorded} spans, {dropped} of them dropped, {third:.1} MiB, then {last:.1} MiB"
        )
    }

    fn problems(&self) -> Vec<String> {
        let Self { asked, told, account, .. } = self;
        let mut problems = Vec::new();
        if told.open() != Some(0) {
            problems.push(format!("{:?} requests are open when all is over", told.open()));
        }
        let routes: BTreeMap<_, _> = asked.routes();
        for (route, (at_least, at_most)) in &routes {
            let counted = told.counted.get(*route).copied().unwrap_or_default();
            if !(*at_least..=*at_most).contains(&counted) {
                problems.push(format!(
                    "{route} was asked {at_least} to {at_most} times, and counted {counted} times"
                ));
            }
        }
        for route in told.counted.keys().filter(|it| !routes.contains_key(it.as_str())) {
            problems.push(format!("nobody asked for {route}"));
        }
        let Account { recorded, delivered, dropped } = *account;
        if recorded != delivered + dropped {
            problems.push(format!("{recorded} spans are not {delivered} and {dropped}"));
        }
        let arrived = told.spans;
        if !(recorded - dropped.min(recorded)..=recorded).contains(&arrived) {
            problems.push(format!(
                "{arrived} spans arrived of {recorded}, of which {dropped} were dropped"
            ));
        }
        let counted: u64 = told.counted.values().sum();
        if !(told.requests..=told.requests + dropped).contains(&counted) {
            problems
                .push(format!("{counted} requests were counted, and {} are spans", told.requests));
        }
        if counted == 0 {
            problems.push("there was no request".to_owned());
        }
        let (third, last) = self.quarters();
        if last > third * GROWTH + GROWTH_MIB || third.is_nan() {
            problems.push(format!("the memory grows: {:.1?} MiB", self.memory));
        }
        problems
    }

    /// The medians of the memory in the third and in the last quarter.
    fn quarters(&self) -> (f64, f64) {
        let half = self.memory.get(self.memory.len() / 2..).unwrap_or_default();
        let (third, last) = half.split_at(half.len() / 2);
        (median(third), median(last))
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen() -> Seen {
        Seen {
            asked: Asked { certainly: vec![("/", 10)], perhaps: vec![("/slow", 3)] },
            told: Told {
                counted: [("/".to_owned(), 10), ("/slow".to_owned(), 2)].into(),
                open: Some(0),
                spans: 20,
                requests: 11,
            },
            account: Account { recorded: 21, delivered: 20, dropped: 1 },
            memory: vec![1.0, 9.0, 10.0, 10.0],
        }
    }

    #[test]
    fn what_adds_up_is_no_problem() {
        assert_eq!(seen().problems(), [""; 0]);
        assert_eq!(
            seen().summary(),
            "12 requests, 21 spans, 1 of them dropped, 10.0 MiB, then 10.0 MiB"
        );
    }

    #[test]
    fn what_does_not_is() {
        let problem = |spoil: fn(&mut Seen)| {
            let mut seen = seen();
            spoil(&mut seen);
            seen.problems().join("; ")
        };
        for (spoil, expected) in [
            (
                (|it| it.told.open = Some(1)) as fn(&mut Seen),
                "Some(1) requests are open when all is over",
            ),
            (|it| it.told.open = None, "None requests are open when all is over"),
            (
                |it| it.asked.certainly = vec![("/", 9), ("/", 2)],
                "/ was asked 11 to 11 times, and counted 10 times",
            ),
            (
                |it| it.asked.perhaps = vec![("/slow", 1)],
                "/slow was asked 0 to 1 times, and counted 2 times",
            ),
            (|it| it.asked.perhaps = Vec::new(), "nobody asked for /slow"),
            (|it| it.account.delivered = 19, "21 spans are not 19 and 1"),
            (|it| it.told.spans = 19, "19 spans arrived of 21, of which 1 were dropped"),
            (|it| it.told.spans = 22, "22 spans arrived of 21, of which 1 were dropped"),
            (|it| it.told.requests = 10, "12 requests were counted, and 10 are spans"),
            (
                |it| it.memory = vec![1.0, 1.0, 10.0, 15.1],
                "the memory grows: [1.0, 1.0, 10.0, 15.1] MiB",
            ),
            (|it| it.memory = Vec::new(), "the memory grows: [] MiB"),
        ] {
            assert_eq!(problem(spoil), expected);
        }
        let nothing = Seen { told: Told { open: Some(0), ..Told::default() }, ..Seen::default() };
        assert!(nothing.problems().contains(&"there was no request".to_owned()));
    }
}
