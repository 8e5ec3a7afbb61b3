//! The zones that a database knows, where no oned runs that could be asked.

use super::onedb::Access;
use super::query::query;
use crate::host::Host;
use crate::module::Failure;

const STATEMENTS: &str = "select concat(oid, ' ', name) from zone_pool order by oid; select 'end';";

/// Number and name of each zone in a zone's own database, by number.
pub async fn zones(host: &dyn Host, access: &Access) -> Result<Vec<(u32, String)>, Failure> {
    // `concat` is younger than the sqlite3 of many a front-end.
    let in_sqlite = STATEMENTS.replace("concat(oid, ' ', name)", "oid || ' ' || name");
    let command = query(access, "zones of", &in_sqlite, STATEMENTS);
    let output = host.run(&command).await?;
    let text = output.text();
    let zones = text.strip_suffix("end\n").and_then(read);
    zones.filter(|_| output.exit.success()).ok_or_else(|| {
        Failure::failed(format!(
            "{}: failed to read the zones in {}: {} ({})",
            host.name(),
            access.describe(),
            output.exit,
            access.scrub(output.err_text().trim())
        ))
    })
}

fn read(text: &str) -> Option<Vec<(u32, String)>> {
    let zone = |line: &str| {
        let (id, name) = line.split_once(' ')?;
        Some((id.parse().ok()?, name.to_owned()))
    };
    text.lines().map(zone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::opennebula::onedb::fake;
    use crate::testing::FakeWorld;
    use crate::testing_local::LocalHost;

    async fn asked(host: &LocalHost) -> Result<Vec<(u32, String)>, Failure> {
        let access = Access::of_host(host, &FakeWorld::default(), None).await?;
        zones(host, &access).await
    }

    #[tokio::test]
    async fn zones_are_read_or_the_reason_is_told() {
        let host = fake::front_end("m", "MASTER");
        host.sql(fake::DB, "delete from zone_pool");
        host.sql(
            fake::DB,
            "insert into zone_pool (oid, name) values (100, 'Fra nce'), (0, 'OpenNebula')",
        );
        let known = [(0, "OpenNebula".to_owned()), (100, "Fra nce".to_owned())];
        assert_eq!(asked(&host).await.unwrap(), known);
        host.sql(fake::DB, "drop table zone_pool");
        let failure = asked(&host).await.unwrap_err();
        assert!(
            failure.message.contains("failed to read the zones"),
            "{}",
            failure.message
        );
    }
}
