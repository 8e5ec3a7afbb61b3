//! Which nights there are, and running them, two at once.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use nebplay_tests::chaos::{Case, Course, Fault, Met, Night, Told};
use nebplay_tests::federation::Backend;

use crate::table::Table;

/// What is done only where the API is kept out by a firewall.
const BY_FIREWALL: [&str; 2] = ["api_block", "api_unblock"];

/// What the nights behind a firewall disturb.
const BEHIND_A_FIREWALL: Course = Course::Upgrade(Backend::Sqlite);

/// How all of it went.
pub(crate) struct Report {
    /// A table for each course.
    pub(crate) tables: Vec<(Course, Table)>,
    /// Whether every step met its fault and every night ended as it should.
    pub(crate) well: bool,
}

/// Runs the nights of these names, or all. `None`: nothing can be run here.
pub(crate) fn all(wanted: &[String]) -> Option<Report> {
    let began = Instant::now();
    let is_wanted = |night: &Night| wanted.is_empty() || wanted.contains(&night.name);
    let courses = Course::ALL.into_iter();
    let courses: Vec<Course> = courses
        .filter(|course| nights(*course, &[]).iter().any(is_wanted))
        .collect();
    let quiet = at_once(courses, |course| (course, quiet(course)));
    let mut tables = Vec::new();
    let mut queue = Vec::new();
    for (course, told) in &quiet {
        let told = told.as_ref()?;
        let mut table = Table::default();
        told.modules.iter().for_each(|met| table.module(&met.module));
        tables.push((*course, table));
        let nights = nights(*course, &told.modules).into_iter();
        queue.extend(nights.filter(is_wanted).map(|night| (night, told)));
    }
    let mut well = true;
    for (night, went) in at_once(queue, |(night, quiet)| {
        let went = one(&night, quiet);
        (night, went)
    }) {
        well &= went.as_ref().is_some_and(Told::met_all);
        let table = tables.iter_mut().find(|(course, _)| *course == night.course);
        let Some((_, table)) = table else { continue };
        for (at, case) in night.cases.into_iter().enumerate() {
            let survived = went.as_ref().map(|went| went.cases[at].1);
            table.add(case, survived.ok_or(()));
        }
    }
    println!("all: {} s", began.elapsed().as_secs());
    Some(Report { tables, well })
}

/// Two at a time, in their order.
fn at_once<T: Send, R: Send>(work: Vec<T>, does: impl Fn(T) -> R + Sync) -> Vec<R> {
    let queue = Mutex::new(work.into_iter());
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(next) = next else { return };
                    let result = does(next);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push(result);
                }
            });
        }
    });
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The night that all others are measured by. `None`: there is no lab here, or not even that night ended well.
fn quiet(course: Course) -> Option<Told> {
    let night = Night {
        name: course.named("quiet"),
        course,
        arguments: Vec::new(),
        keepalive: 15,
        cases: Vec::new(),
    };
    let began = Instant::now();
    let told = catch_unwind(AssertUnwindSafe(|| night.run())).ok().flatten()?;
    println!("{}: {} s", night.name, began.elapsed().as_secs());
    Some(told)
}

/// A night; `None` if it did not end as the quiet one.
fn one(night: &Night, quiet: &Told) -> Option<Told> {
    let began = Instant::now();
    // What went wrong is printed by the panic itself.
    let went = catch_unwind(AssertUnwindSafe(|| {
        let told = night.run()?;
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
    let how = match &went {
        Some(told) if told.met_all() => "ended as the quiet one",
        Some(_) => "ended as the quiet one, and not every step was met",
        None => "FAILED",
    };
    println!("{}: {} s, {how}", night.name, began.elapsed().as_secs());
    if let Some(told) = &went {
        let (begun, completed) = (told.begun, told.completed);
        println!(
            "    {} connections lost, {begun} migrations and restores begun, {completed} completed",
            told.lost
        );
        told.failures.iter().for_each(|failure| println!("    {failure}"));
    }
    went
}

/// One night for each fault, and those that only a night behind a firewall knows.
fn nights(course: Course, modules: &[Met]) -> Vec<Night> {
    let mut nights: Vec<Night> = course
        .faults()
        .iter()
        .map(|fault| Night {
            name: course.named(&fault.name()),
            course,
            // A short cut is one that the connection survives.
            keepalive: if *fault == Fault::LongCut { 1 } else { 15 },
            arguments: Vec::new(),
            cases: modules
                .iter()
                .filter(|met| !BY_FIREWALL.contains(&met.module.as_str()))
                // What only looks is over by then.
                .filter(|met| !met.takes.is_empty() || !matches!(fault, Fault::PowerAt(_)))
                .map(|met| {
                    let after = fault.step(met.takes.len());
                    Case {
                        module: met.module.clone(),
                        fault: *fault,
                        acts: !met.takes.is_empty(),
                        after,
                        takes: met.takes.get(after).copied().unwrap_or_default(),
                    }
                })
                .collect(),
        })
        .collect();
    if course == BEHIND_A_FIREWALL {
        // Three hosts: three steps of each module, which each meet another fault.
        let names = ["firewall-killed", "firewall-cut", "firewall-others"];
        let faults = Fault::ONCE.chunks(3);
        nights.extend(
            names
                .into_iter()
                .zip(faults)
                .map(|(name, faults)| behind_a_firewall(name, faults)),
        );
    }
    nights
}

fn behind_a_firewall(name: &str, faults: &[Fault]) -> Night {
    let cases = BY_FIREWALL.iter().flat_map(|module| {
        faults.iter().map(|fault| Case {
            module: (*module).to_owned(),
            fault: *fault,
            acts: true,
            after: 0,
            takes: Duration::ZERO,
        })
    });
    Night {
        name: name.to_owned(),
        course: BEHIND_A_FIREWALL,
        arguments: vec!["-e".to_owned(), "keep_out=api_block".to_owned()],
        keepalive: 3,
        cases: cases.collect(),
    }
}
