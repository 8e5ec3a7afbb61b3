//! How large a zone's database is, how far its federated log is, which zones it has as disabled, what else is in it that a night meets,
//! and what its account may do: what a rehearsal of it begins with.

use super::machines::{Motion, VmState};
use super::onedb::Access;
use super::query::query;
use crate::host::Host;
use crate::module::Failure;

/// A database as it was found. Nothing was changed in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Measured {
    /// Bytes of the file, or of the schema's tables and indexes.
    pub database: Option<u64>,
    /// Bytes of what is federated in it: about what a federated dump has.
    pub federated: Option<u64>,
    /// FED_INDEX: the last entry of its federated log.
    pub fed_index: Option<u64>,
    /// In MySQL: its account may make schemas beside this one, in which dumps can be proven.
    pub makes_schemas: bool,
    /// STATE of each of its hypervisor hosts, in the order of their numbers.
    pub hypervisors: Vec<u32>,
    /// How many virtual machines are in the middle of a transition.
    pub on_their_way: u64,
    /// Zones that it has as disabled.
    pub disabled: Vec<i64>,
}

/// Understood by either database; `SIZE` and the joining of texts, `TEXT(a ~ b)`, are their own. The first one that fails ends it.
const STATEMENTS: &str = "select TEXT('disabled ' ~ oid) from zone_pool where body like '%<STATE>1</STATE>%';
select TEXT('index ' ~ max(fed_index)) from logdb where fed_index >= 0 and fed_index < 9223372036854775807;
select TEXT('federated ' ~ sum(n)) from (
select coalesce(sum(length(body)), 0) as n from user_pool union all select coalesce(sum(length(body)), 0) from group_pool
union all select coalesce(sum(length(body)), 0) from zone_pool union all select coalesce(sum(length(body)), 0) from vdc_pool
union all select coalesce(sum(length(body)), 0) from marketplace_pool
union all select coalesce(sum(length(body)), 0) from marketplaceapp_pool
union all select coalesce(sum(length(sqlcmd)), 0) from logdb where fed_index >= 0 and fed_index < 9223372036854775807) as parts;
select TEXT('database ' ~ SIZE;
select TEXT('hypervisor ' ~ state) from host_pool order by oid;
select TEXT('machines ' ~ state ~ ' ' ~ lcm_state ~ ' ' ~ count(*)) from vm_pool group by state, lcm_state;
";

const SQLITE_SIZE: &str = "(page_count * page_size)) from pragma_page_count(), pragma_page_size()";
const MYSQL_SIZE: &str = "cast(coalesce(sum(data_length + index_length), 0) as unsigned)) from information_schema.tables \
                          where table_schema = database()";

/// An account sees its own privileges there.
const MYSQL_SCHEMAS: &str = "select concat('schemas ', count(*) > 0) from (
select 1 from information_schema.user_privileges where privilege_type = 'CREATE' union all
select 1 from information_schema.schema_privileges where privilege_type = 'CREATE' and 'nebplay_scratch_0' like table_schema) as granted;
";

/// Reads it. What cannot be found out is left open.
pub async fn measure(host: &dyn Host, access: &Access) -> Result<Measured, Failure> {
    let said_as = |text: &str, joined: &str, size: &str| {
        let statements = STATEMENTS.replace("TEXT(", text).replace(" ~ ", joined);
        statements.replace("SIZE", size)
    };
    // `concat` is younger than the sqlite3 of many a front-end.
    let in_sqlite = said_as("(", " || ", SQLITE_SIZE);
    let in_mysql = MYSQL_SCHEMAS.to_owned() + &said_as("concat(", ", ", MYSQL_SIZE);
    let command = query(access, "measure", &in_sqlite, &in_mysql);
    Ok(read(&host.run(&command).await?.text()))
}

fn read(text: &str) -> Measured {
    let mut measured = Measured::default();
    for (what, value) in text.lines().filter_map(|line| line.split_once(' ')) {
        match what {
            "database" => measured.database = value.parse().ok(),
            "federated" => measured.federated = value.parse().ok(),
            "schemas" => measured.makes_schemas = value == "1",
            "index" => measured.fed_index = value.parse().ok(),
            "hypervisor" => measured.hypervisors.extend(value.parse::<u32>().ok()),
            "machines" => measured.on_their_way += on_their_way(value),
            "disabled" => measured.disabled.extend(value.parse::<i64>().ok()),
            _ => {}
        }
    }
    measured
}

/// How many of the machines are on their way, `STATE LCM_STATE COUNT`.
fn on_their_way(machines: &str) -> u64 {
    let mut words = machines.split(' ').map(str::parse::<u32>);
    let (Some(Ok(state)), Some(Ok(lcm)), Some(Ok(count))) = (words.next(), words.next(), words.next()) else {
        return 0;
    };
    match (VmState { state, lcm }).motion() {
        Motion::Transient => u64::from(count),
        Motion::AtRest | Motion::Failed => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::onedb::fake;
    use crate::testing::FakeWorld;

    #[tokio::test]
    async fn a_database_tells_its_size_and_the_zones_that_are_disabled() {
        let host = fake::front_end("m", "MASTER");
        host.sql(fake::DB, "delete from zone_pool");
        host.sql(
            fake::DB,
            "insert into zone_pool (oid, name, body) values (0, 'a', '<STATE>0</STATE>'), (100, 'b', '<STATE>1</STATE>')",
        );
        host.sql(
            fake::DB,
            "alter table host_pool add state; delete from host_pool; insert into host_pool (oid, state) values (0, 2), (1, 8)",
        );
        host.sql(
            fake::DB,
            "alter table vm_pool add lcm_state; delete from vm_pool;
             insert into vm_pool (oid, state, lcm_state) values (0, 3, 3), (1, 3, 1), (2, 3, 1), (3, 6, 0), (4, 3, 36)",
        );
        let access = Access::of_host(&host, &FakeWorld::default(), None).await.unwrap();
        let measured = measure(&host, &access).await.unwrap();
        let file = std::fs::metadata(host.mapped(fake::DB)).unwrap().len();
        assert_eq!(measured.database, Some(file));
        assert!(
            measured.federated.is_some_and(|bytes| bytes > 30 && bytes < file),
            "{measured:?}"
        );
        assert_eq!(measured.disabled, [100]);
        assert_eq!((measured.hypervisors, measured.on_their_way), (vec![2, 8], 2));
        let last = host.sql(
            fake::DB,
            "select max(fed_index) from logdb where fed_index < 1000000",
        );
        assert_eq!(
            measured.fed_index.map(|index| index.to_string()).as_deref(),
            Some(last.trim())
        );
    }

    #[test]
    fn what_it_does_not_say_is_not_made_up() {
        for text in [
            "",
            "database lots\n",
            "federated\n",
            "disabled x\n",
            "index NULL\n",
            "schemas 0\n",
            "hypervisor\nhypervisor x\nmachines 3 x 1\nmachines 1\n",
        ] {
            assert_eq!(read(text), Measured::default(), "{text:?}");
        }
    }
}
