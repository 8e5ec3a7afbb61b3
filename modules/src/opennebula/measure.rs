//! How large a zone's database is, how far its federated log is, which zones it has as disabled, and what its account may do: what a
//! rehearsal of it begins with.

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
    /// Zones that it has as disabled.
    pub disabled: Vec<i64>,
}

/// Understood by either database; `SIZE` and the joining of texts are their own.
const STATEMENTS: &str = "select concat('disabled ', oid) from zone_pool where body like '%<STATE>1</STATE>%';
select concat('index ', max(fed_index)) from logdb where fed_index >= 0 and fed_index < 9223372036854775807;
select concat('federated ', sum(n)) from (
select coalesce(sum(length(body)), 0) as n from user_pool union all select coalesce(sum(length(body)), 0) from group_pool
union all select coalesce(sum(length(body)), 0) from zone_pool union all select coalesce(sum(length(body)), 0) from vdc_pool
union all select coalesce(sum(length(body)), 0) from marketplace_pool
union all select coalesce(sum(length(body)), 0) from marketplaceapp_pool
union all select coalesce(sum(length(sqlcmd)), 0) from logdb where fed_index >= 0 and fed_index < 9223372036854775807) as parts;
select concat('database ', SIZE;
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
    // `concat` is younger than the sqlite3 of many a front-end.
    let in_sqlite = STATEMENTS
        .replace("SIZE", SQLITE_SIZE)
        .replace("concat(", "(")
        .replace(" ', ", " ' || ");
    let in_mysql = MYSQL_SCHEMAS.to_owned() + &STATEMENTS.replace("SIZE", MYSQL_SIZE);
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
            "disabled" => measured.disabled.extend(value.parse::<i64>().ok()),
            _ => {}
        }
    }
    measured
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
        let access = Access::of_host(&host, &FakeWorld::default(), None).await.unwrap();
        let measured = measure(&host, &access).await.unwrap();
        let file = std::fs::metadata(host.mapped(fake::DB)).unwrap().len();
        assert_eq!(measured.database, Some(file));
        assert!(
            measured.federated.is_some_and(|bytes| bytes > 30 && bytes < file),
            "{measured:?}"
        );
        assert_eq!(measured.disabled, [100]);
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
        ] {
            assert_eq!(read(text), Measured::default(), "{text:?}");
        }
    }
}
