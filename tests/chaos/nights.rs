//! Which nights there are, and running them, two at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use nebplay_tests::harness::Lab;

use crate::fault::Fault;
use crate::night::{Case, Met, Night, Told};
use crate::table::Table;

/// What is done only where the API is kept out by a firewall.
const BY_FIREWALL: [&str; 2] = ["api_block", "api_unblock"];

/// Runs the nights of these names, or all; and whether all ended as they should. `None`: nothing can be run here.
pub(crate) fn all(wanted: &[String]) -> Option<(Table, bool)> {
    let began = Instant::now();
    let quiet = quiet().run(Lab::sqlite("quiet"))?;
    println!(
        "quiet: {} s, {} modules",
        began.elapsed().as_secs(),
        quiet.modules.len()
    );
    let mut table = Table::default();
    for met in &quiet.modules {
        table.module(&met.module);
    }
    let nights: Vec<Night> = nights(&quiet.modules)
        .into_iter()
        .filter(|night| wanted.is_empty() || wanted.contains(&night.name))
        .collect();
    let (queue, told) = (Mutex::new(nights.into_iter()), Mutex::new((table, true)));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(night) = next else { return };
                    let went = one(&night, &quiet);
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    told.1 &= went.as_ref().is_some_and(Told::met_all);
                    for (at, case) in night.cases.into_iter().enumerate() {
                        let survived = went.as_ref().map(|went| went.cases[at].1);
                        told.0.add(case, survived.ok_or(()));
                    }
                }
            });
        }
    });
    println!("all: {} s\n", began.elapsed().as_secs());
    Some(told.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// A night; `None` if it did not end as the quiet one.
fn one(night: &Night, quiet: &Told) -> Option<Told> {
    let began = Instant::now();
    // What went wrong is printed by the panic itself.
    let went = catch_unwind(AssertUnwindSafe(|| {
        let told = night.run(Lab::sqlite(&night.name))?;
        for (host, there) in &told.end {
            let should = &quiet.end[host];
            let new: Vec<_> = there.difference(should).collect();
            let gone: Vec<_> = should.difference(there).collect();
            assert!(
                new.is_empty() && gone.is_empty(),
                "{}: {host} is not as after a quiet night: new: {new:#?}\ngone: {gone:#?}",
                night.name
            );
        }
        Some(told)
    }));
    let went = went.ok().flatten();
    let how = if went.is_some() {
        "ended as the quiet one"
    } else {
        "FAILED"
    };
    println!("{}: {} s, {how}", night.name, began.elapsed().as_secs());
    for failure in went.iter().flat_map(|went| &went.failures) {
        println!("    {failure}");
    }
    went
}

fn quiet() -> Night {
    Night {
        name: "quiet".to_owned(),
        arguments: Vec::new(),
        keepalive: 15,
        cases: Vec::new(),
    }
}

/// One night for each fault, and those that only a night behind a firewall knows.
fn nights(modules: &[Met]) -> Vec<Night> {
    let mut nights: Vec<Night> = Fault::ALL
        .into_iter()
        .map(|fault| Night {
            name: fault.name().to_owned(),
            // A short cut is one that the connection survives.
            keepalive: if fault == Fault::LongCut { 1 } else { 15 },
            arguments: Vec::new(),
            cases: modules
                .iter()
                .filter(|met| !BY_FIREWALL.contains(&met.module.as_str()))
                .map(|met| Case {
                    module: met.module.clone(),
                    fault,
                    acts: met.acts,
                })
                .collect(),
        })
        .collect();
    // Three hosts: three steps of each module, which each meet another fault.
    for (name, faults) in [
        ("firewall-killed", &Fault::ALL[..3]),
        ("firewall-cut", &Fault::ALL[3..]),
    ] {
        let cases = BY_FIREWALL.iter().flat_map(|module| {
            faults.iter().map(|fault| Case {
                module: (*module).to_owned(),
                fault: *fault,
                acts: true,
            })
        });
        nights.push(Night {
            name: name.to_owned(),
            arguments: vec!["-e".to_owned(), "keep_out=api_block".to_owned()],
            keepalive: 3,
            cases: cases.collect(),
        });
    }
    nights
}
