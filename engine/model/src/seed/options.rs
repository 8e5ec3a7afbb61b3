//! What is to be made, as the options of a command line say it. README.md of the stand-in lists them.

use super::{Plan, ZoneSeed};
use crate::cli::options::{Known, Options, valued};
use crate::version::Version;

/// The options there are.
pub const OPTIONS: [Known; 13] = [
    valued(None, "zone"),
    valued(None, "endpoints"),
    valued(None, "version"),
    valued(None, "users"),
    valued(None, "log-users"),
    valued(None, "behind"),
    valued(None, "host-states"),
    valued(None, "vms"),
    valued(None, "disabled"),
    valued(None, "is-slave"),
    valued(None, "password"),
    valued(None, "time"),
    valued(None, "mysql-socket"),
];

/// The moment the lab's cloud was born; any other would do.
const BIRTH: i64 = 1_795_396_567;

/// The plan for a front-end of zone `own` with this version installed. The error is a line for stderr.
pub fn plan(options: &Options, own: i64, installed: Version) -> Result<Plan, String> {
    let number = |name: &str, default: i64| -> Result<i64, String> {
        options.get(name).map_or(Ok(default), |text| {
            text.parse()
                .map_err(|_| format!("--{name}: `{text}` is not a number"))
        })
    };
    let list = |name: &str| -> Vec<&str> {
        options
            .get(name)
            .unwrap_or_default()
            .split(',')
            .filter(|part| !part.is_empty())
            .collect()
    };
    let disabled: Vec<&str> = list("disabled");
    let mut zones = Vec::new();
    for part in list("endpoints") {
        let wrong = || format!("--endpoints: `{part}` is not ID=URL");
        let (id, endpoint) = part.split_once('=').ok_or_else(wrong)?;
        zones.push(ZoneSeed {
            id: id.parse().map_err(|_| wrong())?,
            name: None,
            endpoint: endpoint.to_owned(),
            disabled: disabled.contains(&id),
        });
    }
    if zones.is_empty() {
        return Err("--endpoints ID=URL,… is needed: all zones, the same for each zone's seed".to_owned());
    }
    let mut vms = Vec::new();
    for part in list("vms") {
        let (state, lcm_state) = part.split_once(':').unwrap_or((part, "0"));
        let wrong = |_| format!("--vms: `{part}` is not STATE:LCM_STATE");
        vms.push((state.parse().map_err(wrong)?, lcm_state.parse().map_err(wrong)?));
    }
    let hosts: Result<Vec<i64>, String> = list("host-states")
        .into_iter()
        .map(|state| {
            state
                .parse()
                .map_err(|_| format!("--host-states: `{state}` is not a number"))
        })
        .collect();
    let version = match options.get("version") {
        None => installed,
        Some(text) => text.parse().map_err(|error| format!("--version: {error}"))?,
    };
    let zone = number("zone", own)?;
    Ok(Plan {
        zone,
        is_master: zone == 0,
        zones,
        version,
        users: number("users", 10)? - number("behind", 0)?,
        logged_users: number("log-users", 200)?,
        hosts: hosts?,
        vms,
        is_slave: number("is-slave", 0)? == 1,
        password: options.get("password").unwrap_or("opennebula").to_owned(),
        time: number("time", BIRTH)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(line: &str) -> Result<Plan, String> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        plan(&Options::parse(&words, &OPTIONS)?, 100, Version::V7_0_0)
    }

    #[test]
    fn options_make_a_plan() {
        let plan = planned(
            "--endpoints 0=http://m/RPC2,100=http://s/RPC2 --users 9 --behind 2 --disabled 100 --vms 3:3,8",
        )
        .unwrap();
        assert_eq!((plan.zone, plan.is_master, plan.users), (100, false, 7));
        assert_eq!(plan.vms, [(3, 3), (8, 0)]);
        let disabled: Vec<bool> = plan.zones.iter().map(|zone| zone.disabled).collect();
        assert_eq!(disabled, [false, true]);
        for (line, why) in [
            ("--users 1", "--endpoints ID=URL,…"),
            ("--endpoints x", "is not ID=URL"),
            ("--endpoints 0=u --users many", "is not a number"),
        ] {
            assert!(planned(line).is_err_and(|error| error.contains(why)), "{line}");
        }
    }
}
