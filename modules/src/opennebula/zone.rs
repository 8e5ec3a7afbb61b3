//! Zones as oned tells them: the pool, the federated index of each, and the toggle.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::opennebula::xml::{self, Element, XmlError};
use crate::opennebula::xmlrpc::value::{Param, Value};
use crate::opennebula::xmlrpc::{Client, RpcError};

/// STATE of a zone: what is stored, not whether it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ZoneState {
    /// 0, `on`: takes writes.
    Enabled,
    /// 1, `off`: answers writes with error 8192.
    Disabled,
}

impl fmt::Display for ZoneState {
    /// As `onezone list` has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enabled => "on",
            Self::Disabled => "off",
        })
    }
}

/// A zone of the pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneInfo {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// Its endpoint as written.
    pub endpoint: String,
    /// Its state.
    pub state: ZoneState,
    /// How many servers it lists: none, unless it is an HA zone.
    pub servers: usize,
}

/// Zones by id, shared by whoever was told the same.
pub type Pool = Arc<[ZoneInfo]>;

/// How far a zone's federated log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FedIndex {
    /// This far.
    At(u64),
    /// 2^64-1: its federated log is empty or cut; nothing ever replicates to it again until it is restored.
    NoLog,
    /// -1: the zone stands alone.
    Standalone,
}

impl FedIndex {
    /// Reads FEDLOG_INDEX.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "-1" => Some(Self::Standalone),
            text => match text.parse::<u64>().ok()? {
                u64::MAX => Some(Self::NoLog),
                index => Some(Self::At(index)),
            },
        }
    }
}

impl fmt::Display for FedIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::At(index) => write!(f, "{index}"),
            Self::NoLog => f.write_str("2^64-1 (no federated log)"),
            Self::Standalone => f.write_str("-1 (stands alone)"),
        }
    }
}

impl Serialize for FedIndex {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::At(index) => serializer.serialize_u64(*index),
            Self::NoLog => serializer.serialize_str("no_log"),
            Self::Standalone => serializer.serialize_str("standalone"),
        }
    }
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RaftStatus {
    /// Its id in an HA zone; `None` (-1) where it is the only server.
    pub server_id: Option<u32>,
    /// 0 solo, 1 candidate, 2 follower, 3 leader.
    pub state: u32,
    /// How far its federated log is.
    pub fed_index: FedIndex,
}

/// All zones, by id. The zone asked answers from its own tables.
///
/// Zones that are in sync give the same answer to the byte, and that of a large federation is long: it is read once.
pub async fn pool(client: &Client<'_>) -> Result<Pool, RpcError> {
    thread_local! {
        static LAST: RefCell<Option<(Vec<u8>, Pool)>> = RefCell::default();
    }
    let method = "one.zonepool.info";
    let answer = client.asked(method, &[]).await?;
    let known = LAST.with_borrow(|last| {
        let same = last.as_ref().filter(|(read, _)| *read == answer);
        same.map(|(_, pool)| Arc::clone(pool))
    });
    if let Some(pool) = known {
        return Ok(pool);
    }
    let pool = parse_pool(&client.text_in(method, &answer)?);
    let pool: Pool = pool.map_err(|error| client.malformed(error.to_string()))?.into();
    LAST.set(Some((answer, Arc::clone(&pool))));
    Ok(pool)
}

/// A zone of a pool, which is by id.
pub fn find(pool: &[ZoneInfo], id: u32) -> Option<&ZoneInfo> {
    let at = pool.binary_search_by_key(&id, |zone| zone.id).ok()?;
    pool.get(at)
}

/// One zone, from the tables of the zone asked. Of a large federation far less than the pool.
pub async fn info(client: &Client<'_>, zone: u32) -> Result<ZoneInfo, RpcError> {
    let id = i32::try_from(zone).map_err(|_| client.malformed("the zone's id is out of range"))?;
    let params = [Param::Int(id), Param::Bool(false)];
    let text = client.text("one.zone.info", &params).await?;
    let found = parse_zone(&text).map_err(|error| client.malformed(error.to_string()))?;
    if found.id == zone {
        Ok(found)
    } else {
        Err(client.malformed(format!("asked for zone {zone} it told of zone {}", found.id)))
    }
}

/// The server's own raft status and federated index. Needs ADMIN on the zone.
pub async fn raft_status(client: &Client<'_>) -> Result<RaftStatus, RpcError> {
    let text = client.text("one.zone.raftstatus", &[]).await?;
    parse_raft_status(&text).map_err(|error| client.malformed(error.to_string()))
}

/// The version the running oned tells.
pub async fn system_version(client: &Client<'_>) -> Result<String, RpcError> {
    Ok(client.text("one.system.version", &[]).await?.trim().to_owned())
}

/// Enables or disables a zone; works at that zone's own endpoint alone.
pub async fn enable(client: &Client<'_>, zone: u32, enable: bool) -> Result<(), RpcError> {
    let id = i32::try_from(zone).map_err(|_| client.malformed("the zone's id is out of range"))?;
    let params = [Param::Int(id), Param::Bool(enable)];
    match client.call("one.zone.enable", &params).await? {
        Value::Int(answered) if answered == i64::from(zone) => Ok(()),
        _ => Err(client.malformed("one.zone.enable did not answer the zone's id")),
    }
}

/// Reads a ZONE_POOL.
pub fn parse_pool(text: &str) -> Result<Vec<ZoneInfo>, XmlError> {
    let root = xml::parse(text)?;
    if root.name != "ZONE_POOL" {
        return Err(XmlError(format!("expected a ZONE_POOL and found {}", root.name)));
    }
    let mut zones = root.all("ZONE").map(zone).collect::<Result<Vec<_>, _>>()?;
    zones.sort_by_key(|zone| zone.id);
    if let Some(pair) = zones.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(XmlError(format!("zone {} stands twice in the pool", pair[0].id)));
    }
    Ok(zones)
}

/// Reads a ZONE.
pub fn parse_zone(text: &str) -> Result<ZoneInfo, XmlError> {
    let root = xml::parse(text)?;
    if root.name != "ZONE" {
        return Err(XmlError(format!("expected a ZONE and found {}", root.name)));
    }
    zone(&root)
}

fn zone(element: &Element) -> Result<ZoneInfo, XmlError> {
    let template = element
        .child("TEMPLATE")
        .ok_or_else(|| XmlError("ZONE has no TEMPLATE".to_owned()))?;
    Ok(ZoneInfo {
        id: element.number_of("ID")?,
        name: element.text_of("NAME")?.to_owned(),
        endpoint: template.text_of("ENDPOINT")?.to_owned(),
        // Zones had no state before 5.12; a missing one is enabled.
        state: match element.child("STATE").map(|state| state.text.trim()) {
            None | Some("0") => ZoneState::Enabled,
            Some("1") => ZoneState::Disabled,
            Some(_) => return Err(XmlError("STATE of a zone is neither 0 nor 1".to_owned())),
        },
        servers: element
            .child("SERVER_POOL")
            .map_or(0, |pool| pool.all("SERVER").count()),
    })
}

/// Reads a RAFT document.
pub fn parse_raft_status(text: &str) -> Result<RaftStatus, XmlError> {
    let root = xml::parse(text)?;
    if root.name != "RAFT" {
        return Err(XmlError(format!("expected a RAFT and found {}", root.name)));
    }
    let server_id: i64 = root.number_of("SERVER_ID")?;
    Ok(RaftStatus {
        server_id: u32::try_from(server_id).ok(),
        state: root.number_of("STATE")?,
        fed_index: FedIndex::parse(root.text_of("FEDLOG_INDEX")?)
            .ok_or_else(|| XmlError("FEDLOG_INDEX is no number in its range".to_owned()))?,
    })
}

/// A row of `onezone list --csv`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvRow {
    /// The zone; how many servers it has is not in the list.
    pub zone: ZoneInfo,
    /// `None` is the list's `-`: down, or no permission; nobody can tell which.
    pub index: Option<FedIndex>,
}

/// Reads `onezone list --csv` by its header, whatever the order of its columns.
pub fn parse_csv(text: &str) -> Result<Vec<CsvRow>, String> {
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let header = fields(lines.next().ok_or("the list is empty")?)?;
    let column = |name: &str| {
        let position = header.iter().position(|field| field == name);
        position.ok_or_else(|| format!("the list has no column {name}"))
    };
    let columns = ["ID", "NAME", "ENDPOINT", "FED_INDEX", "STAT"].map(column);
    let [id, name, endpoint, index, stat] = columns;
    let (id, name, endpoint, index, stat) = (id?, name?, endpoint?, index?, stat?);
    let row = |line: &str| {
        let fields = fields(line)?;
        if fields.len() != header.len() {
            return Err(format!("a row has {} fields, not {}", fields.len(), header.len()));
        }
        Ok(CsvRow {
            zone: ZoneInfo {
                id: fields[id].parse().map_err(|_| "an ID is no number".to_owned())?,
                name: fields[name].clone(),
                endpoint: fields[endpoint].clone(),
                state: match fields[stat].as_str() {
                    "on" => ZoneState::Enabled,
                    "off" => ZoneState::Disabled,
                    _ => return Err("a STAT is neither on nor off".to_owned()),
                },
                servers: 0,
            },
            index: match fields[index].as_str() {
                "-" => None,
                text => Some(FedIndex::parse(text).ok_or("a FED_INDEX is no number")?),
            },
        })
    };
    let mut rows = lines.map(row).collect::<Result<Vec<_>, String>>()?;
    rows.sort_by_key(|row| row.zone.id);
    Ok(rows)
}

/// The fields of one line; a quoted one may hold commas and doubled quotes.
fn fields(line: &str) -> Result<Vec<String>, String> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        let field = fields.last_mut().ok_or("a line without fields")?;
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => fields.push(String::new()),
            c => field.push(c),
        }
    }
    if quoted {
        return Err("the quotes of a field are never closed".to_owned());
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = "<ZONE_POOL><ZONE><ID>101</ID><NAME>S-US-CA</NAME><STATE>0</STATE><TEMPLATE><ENDPOINT>\
        <![CDATA[http://10.99.0.3:2633/RPC2]]></ENDPOINT></TEMPLATE><SERVER_POOL></SERVER_POOL></ZONE><ZONE><ID>0</ID>\
        <NAME>M-EU-FR</NAME><STATE>1</STATE><TEMPLATE><ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT></TEMPLATE>\
        <SERVER_POOL><SERVER><ENDPOINT><![CDATA[http://10.99.0.1:2633/RPC2]]></ENDPOINT><ID><![CDATA[0]]></ID></SERVER>\
        <SERVER><ID>1</ID></SERVER></SERVER_POOL></ZONE></ZONE_POOL>";

    #[test]
    fn the_pool_is_read_by_id_with_states_and_servers() {
        let zones = parse_pool(POOL).unwrap();
        let seen: Vec<_> = zones
            .iter()
            .map(|zone| (zone.id, zone.state, zone.servers))
            .collect();
        assert_eq!(seen, [(0, ZoneState::Disabled, 2), (101, ZoneState::Enabled, 0)]);
        assert_eq!(zones[1].endpoint, "http://10.99.0.3:2633/RPC2");
    }

    #[test]
    fn a_pool_cut_anywhere_or_of_another_shape_is_an_error() {
        for end in 0..POOL.len() {
            assert!(parse_pool(&POOL[..end]).is_err(), "{end}");
        }
        for bad in [
            "<VM_POOL/>".to_owned(),
            POOL.replace("<STATE>1", "<STATE>7"),
            POOL.replace("<ID>101", "<ID>0"),
        ] {
            assert!(parse_pool(&bad).is_err(), "{bad:.60}");
        }
    }

    #[test]
    fn raft_status_tells_the_three_kinds_of_index() {
        let cases = [
            ("63", FedIndex::At(63)),
            ("18446744073709551615", FedIndex::NoLog),
            ("-1", FedIndex::Standalone),
        ];
        for (text, expected) in cases {
            let raft = format!(
                "<RAFT><SERVER_ID>-1</SERVER_ID><STATE>0</STATE><TERM>0</TERM><FEDLOG_INDEX>{text}</FEDLOG_INDEX></RAFT>"
            );
            let status = parse_raft_status(&raft).unwrap();
            assert_eq!((status.server_id, status.fed_index), (None, expected));
        }
        for bad in ["", "-2", "1e3", "18446744073709551616", "-"] {
            assert_eq!(FedIndex::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_csv_list_is_read_by_its_header() {
        let text = "CURRENT,ID,NAME,ENDPOINT,FED_INDEX,STAT\n\"\",101,S-US-CA,http://10.99.0.3:2633/RPC2,-,on\n\
                    \"\",100,\"S,\"\"EU\"\"\",http://10.99.0.2:2633/RPC2,18446744073709551615,off\n*,0,M-EU-FR,http://10.99.0.1:2633/RPC2,45,on\n";
        let rows = parse_csv(text).unwrap();
        let seen: Vec<_> = rows.iter().map(|row| (row.zone.id, row.index)).collect();
        assert_eq!(
            seen,
            [
                (0, Some(FedIndex::At(45))),
                (100, Some(FedIndex::NoLog)),
                (101, None)
            ]
        );
        assert_eq!(
            (rows[1].zone.name.as_str(), rows[1].zone.state),
            ("S,\"EU\"", ZoneState::Disabled)
        );
        let narrow = "ID,NAME,ENDPOINT,FED_INDEX,STAT\n0,M,http://h:1/RPC2,3,on\n";
        assert_eq!(parse_csv(narrow).unwrap().len(), 1);
    }

    #[test]
    fn a_list_of_another_shape_is_an_error() {
        for text in [
            "",
            "C   ID NAME\n",
            "ID,NAME,ENDPOINT,FED_INDEX,STAT\n0,M\n",
            "ID,NAME,ENDPOINT,FED_INDEX,STAT\n0,M,e,1844674407..,on\n",
            "ID,NAME,ENDPOINT,FED_INDEX,STAT\n0,\"M,e,1,on\n",
        ] {
            assert!(parse_csv(text).is_err(), "{text}");
        }
    }
}
