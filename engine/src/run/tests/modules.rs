//! Modules of these tests. `act` runs `do X` and proves it with `check X`; `look` runs `look X` and reads.

use std::sync::LazyLock;

use async_trait::async_trait;
use nebplay_modules::contract::{Contract, Order, Privilege, Recovery};
use nebplay_modules::host::{Command, Output};
use nebplay_modules::module::{
    Change, Cx, Diff, Effect, Failure, FailureKind, Finding, Module, Outcome, Together,
};
use nebplay_modules::registry::{self, Entry, for_tests};
use schemars::JsonSchema;
use serde::Deserialize;

async fn ask(cx: &Cx<'_>, verb: &str, what: &str) -> Result<Output, Failure> {
    // Others get a turn, as they would while a real host works.
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
    let output = cx.host.stream(&Command::new([verb, what]), cx.progress).await?;
    if output.exit.success() {
        Ok(output)
    } else {
        let failure = Failure::failed(format!("{verb} {what}: {}", output.exit));
        Err(failure.with("rc", output.exit.rc()).with("stdout", output.text()))
    }
}

macro_rules! acting {
    ($name:ident, $in_playbook:literal, $contract:expr) => {
        /// Acts.
        #[derive(Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        struct $name {
            /// What to do.
            x: String,
            /// It is done already.
            #[serde(default)]
            already: bool,
        }

        #[async_trait]
        impl Module for $name {
            const NAME: &'static str = $in_playbook;
            const CONTRACT: Contract = $contract;
            const EXAMPLE: &'static str = "";
            async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
                if self.already {
                    return Ok(Finding::no_change("already done"));
                }
                let diff = Diff {
                    title: self.x.clone(),
                    before: "old\n".to_owned(),
                    after: "new\n".to_owned(),
                };
                Ok(Finding::Change(
                    Change::new(format!("do {}", self.x)).diff(diff),
                ))
            }
        }

        #[async_trait]
        impl Effect for $name {
            async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
                let output = ask(cx, "do", &self.x).await?;
                Ok(Outcome::changed(format!("did {}", self.x))
                    .with("stdout", output.text())
                    .with("rc", 0))
            }
            async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
                let checked = ask(cx, "check", &self.x).await;
                checked.map(drop).map_err(|failure| match failure.kind {
                    FailureKind::Failed => Failure::not_verified(failure.message),
                    _ => failure,
                })
            }
        }
    };
}

acting!(Act, "act", Contract::general(Recovery::Inspect));
acting!(
    First,
    "master_first",
    Contract::serial(Order::MasterFirst, Recovery::Inspect, Privilege::Root)
);
acting!(
    Last,
    "master_last",
    Contract::serial(Order::MasterLast, Recovery::Job, Privilege::Root)
);

acting!(Blind, "blind", Contract::general(Recovery::Ask));

/// Mends what `look X` finds broken: the host is asked, so what was done unseen is found.
macro_rules! mending {
    ($name:ident, $in_playbook:literal, $recovery:expr) => {
        /// Mends.
        #[derive(Deserialize, JsonSchema)]
        struct $name {
            /// What to mend.
            x: String,
        }

        #[async_trait]
        impl Module for $name {
            const NAME: &'static str = $in_playbook;
            const CONTRACT: Contract = Contract::general($recovery);
            const EXAMPLE: &'static str = "";
            async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
                match ask(cx, "look", &self.x).await {
                    Ok(_) => Ok(Finding::no_change("it is whole")),
                    Err(failure) if failure.kind == FailureKind::Failed => {
                        Ok(Finding::change(format!("mend {}", self.x)))
                    }
                    Err(failure) => Err(failure),
                }
            }
        }

        #[async_trait]
        impl Effect for $name {
            async fn apply(&self, cx: &Cx<'_>, _: &Change) -> Result<Outcome, Failure> {
                let done = ask(cx, "do", &self.x).await;
                done.map(|_| Outcome::changed("mended"))
            }
            async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
                ask(cx, "check", &self.x).await.map(drop)
            }
        }
    };
}

mending!(Mend, "mend", Recovery::Inspect);
mending!(MendByJob, "mend_by_job", Recovery::Job);
mending!(MendAndAsk, "mend_and_ask", Recovery::Ask);

/// Reads.
#[derive(Deserialize, JsonSchema)]
struct Look {
    /// What to look at.
    x: String,
}

#[async_trait]
impl Module for Look {
    const NAME: &'static str = "look";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "";
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        let output = ask(cx, "look", &self.x).await?;
        Ok(Finding::NoChange(
            Outcome::default().with("stdout", output.text()).with("rc", 0),
        ))
    }
}

/// Talks to somebody through the host.
#[derive(Deserialize, JsonSchema)]
struct Talk {}

#[async_trait]
impl Module for Talk {
    const NAME: &'static str = "talk";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "";
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        cx.host.connect("zone", 2633).await?;
        Ok(Finding::no_change("it answers"))
    }
}

/// Is faulty.
#[derive(Deserialize, JsonSchema)]
struct Faulty {}

#[async_trait]
impl Module for Faulty {
    const NAME: &'static str = "faulty";
    const CONTRACT: Contract = Contract::reads(Privilege::AsTask);
    const EXAMPLE: &'static str = "";
    async fn inspect(&self, cx: &Cx<'_>) -> Result<Finding, Failure> {
        assert!(cx.host.name() != "s1", "a fault on s1");
        Ok(Finding::no_change("fine"))
    }
}

/// Acts on all hosts at once.
#[derive(Deserialize, JsonSchema)]
struct Share {
    /// What to share.
    x: String,
}

#[async_trait]
impl Module for Share {
    const NAME: &'static str = "share";
    const CONTRACT: Contract = Contract {
        concurrency: nebplay_modules::contract::Concurrency::Parallel {
            allowed_by: "the docs say so",
        },
        ..Contract::general(Recovery::Inspect)
    };
    const EXAMPLE: &'static str = "";
    async fn inspect(&self, _: &Cx<'_>) -> Result<Finding, Failure> {
        Ok(Finding::change(format!("share {}", self.x)))
    }
}

#[async_trait]
impl Together for Share {
    async fn apply_all(&self, targets: &[(&Cx<'_>, &Change)]) -> Vec<Result<Outcome, Failure>> {
        let mut all = Vec::new();
        for (cx, _) in targets {
            let done = ask(cx, "do", &self.x).await;
            all.push(done.map(|_| Outcome::changed("shared").with("targets", targets.len())));
        }
        all
    }
    async fn verify(&self, cx: &Cx<'_>, _: &Change, _: &mut Outcome) -> Result<(), Failure> {
        ask(cx, "check", &self.x).await.map(drop)
    }
}

/// A module of the tests, or a real one.
pub(super) fn find(name: &str) -> &'static Entry {
    static ALL: LazyLock<Vec<Entry>> = LazyLock::new(|| {
        vec![
            for_tests::changes::<Act>(),
            for_tests::changes::<First>(),
            for_tests::changes::<Last>(),
            for_tests::changes::<Blind>(),
            for_tests::changes::<Mend>(),
            for_tests::changes::<MendByJob>(),
            for_tests::changes::<MendAndAsk>(),
            for_tests::reads::<Look>(),
            for_tests::reads::<Talk>(),
            for_tests::reads::<Faulty>(),
            for_tests::together::<Share>(),
        ]
    });
    let own = ALL.iter().find(|entry| entry.name == name);
    own.or_else(|| registry::find(name))
        .unwrap_or_else(|| panic!("no module {name}"))
}
