//! Texts of each kind, from the project itself.

use std::path::{Path, PathBuf};

/// The texts of all files with one of these endings below a directory of the project.
pub(crate) fn files(directory: &str, endings: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut paths = Vec::new();
    collect(&root.join(directory), endings, &mut paths);
    paths.sort();
    let texts = paths.iter().filter_map(|path| std::fs::read_to_string(path).ok());
    let texts: Vec<String> = texts.collect();
    assert!(!texts.is_empty(), "{directory} has no {endings:?}");
    texts
}

fn collect(directory: &Path, endings: &[&str], paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, endings, paths);
        } else if path
            .extension()
            .is_some_and(|ending| endings.iter().any(|known| ending == *known))
        {
            paths.push(path);
        }
    }
}

/// Playbooks, files of tasks and of variables, inventories.
pub(crate) fn yaml() -> Vec<String> {
    ["playbooks", "tests/bad", "tests/mutants"]
        .iter()
        .flat_map(|directory| files(directory, &["yml", "yaml"]))
        .collect()
}

/// Inventories.
pub(crate) fn ini() -> Vec<String> {
    ["inventories", "tests/bad"]
        .iter()
        .flat_map(|directory| files(directory, &["ini"]))
        .collect()
}

/// Pieces between these marks.
fn pieces<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open)
        .skip(1)
        .filter_map(move |rest| rest.split_once(close))
        .map(|(piece, _)| piece)
}

/// Templates of the playbooks, and of the cases of the template engine's tests.
pub(crate) fn templates() -> Vec<String> {
    let texts = yaml().into_iter().chain(files("engine/src/template", &["rs"]));
    texts
        .flat_map(|text| {
            pieces(&text, "{{", "}}")
                .map(|piece| format!("{{{{{piece}}}}}"))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Texts between these marks in the sources of a directory.
fn literals(directory: &str, open: &str, close: &str) -> Vec<String> {
    let sources = files(directory, &["rs"]);
    let found = sources.iter().flat_map(|text| pieces(text, open, close));
    found.map(str::to_owned).collect()
}

/// What stands in raw strings of the modules: scripts, and answers that their tests have.
fn raw_literals() -> Vec<String> {
    literals("modules/src", "r#\"", "\"#")
}

/// Scripts: of the modules, and the cases of the shell's own tests.
pub(crate) fn scripts() -> Vec<String> {
    let cases = literals("engine/sh/src", "case(\"", "\"),");
    let cases = cases
        .iter()
        .map(|case| case.replace("\\n", "\n").replace("\\\\", "\\"));
    raw_literals().into_iter().chain(cases).collect()
}

/// What programs and oned answer, as tests have it.
pub(crate) fn answers() -> Vec<String> {
    let golden = files("tests/standin/golden", &["story"]);
    let lines = golden
        .iter()
        .flat_map(|story| story.split("\n\n").map(str::to_owned).collect::<Vec<_>>());
    raw_literals()
        .into_iter()
        .chain(lines)
        .chain(SAMPLES.iter().map(|sample| (*sample).to_owned()))
        .collect()
}

/// One of each that nothing else has whole.
const SAMPLES: &[&str] = &[
    "<ZONE_POOL><ZONE><ID>0</ID><NAME>M</NAME><STATE>0</STATE><TEMPLATE><ENDPOINT><![CDATA[http://a:2633/RPC2]]></ENDPOINT></TEMPLATE><SERVER_POOL/></ZONE></ZONE_POOL>",
    "<RAFT><SERVER_ID>-1</SERVER_ID><STATE>0</STATE><TERM>0</TERM><VOTEDFOR>-1</VOTEDFOR><COMMIT>0</COMMIT><LOG_INDEX>0</LOG_INDEX><LOG_TERM>0</LOG_TERM><FEDLOG_INDEX>12</FEDLOG_INDEX></RAFT>",
    "<VM_POOL><VM><ID>1</ID><STATE>3</STATE><LCM_STATE>3</LCM_STATE></VM></VM_POOL>",
    "<HOST_POOL><HOST><ID>1</ID><NAME>a</NAME><STATE>2</STATE></HOST></HOST_POOL>",
    "FEDERATION = [ MODE = \"MASTER\", ZONE_ID = 0, SERVER_ID = -1, MASTER_ONED = \"\" ]\nDB = [ BACKEND = \"mysql\", SERVER = \"localhost\", PORT = 0, USER = \"a\", PASSWD = \"b\", DB_NAME = \"c\" ]\nPORT = 2633 # x\n",
    "ID,NAME,ENDPOINT,FED_INDEX\n0,OpenNebula,http://x,12\n",
    "1:6.8.3+dfsg~rc1-1ubuntu0.1",
    "7.2.0",
];
