//! The packages of the stand-in, built from `tests/lab/packages` (its README.md says how) and put into apt repositories.

use super::cache::{Cache, digest};
use super::repository;
use crate::LabError;
use crate::program::Program;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The versions there are packages of.
pub const VERSIONS: [&str; 2] = ["7.0.0", "7.2.0"];

/// Snippets for maintainer scripts of packages that have units.
const UNIT_SNIPPETS: [(&str, &str); 3] = [
    ("postinst", include_str!("../../lab/packages/units.postinst")),
    ("prerm", include_str!("../../lab/packages/units.prerm")),
    ("postrm", include_str!("../../lab/packages/units.postrm")),
];

/// The line of the stand-in's place in a package.
const STANDIN: &[u8] = b"@STANDIN@\n";

/// Both repositories, below one directory: `repo/7.0/Debian/12` and `repo/7.2/Debian/12`, suite `stable`, component
/// `opennebula`, as upstream lays them out. `standin` is the binary to pack.
pub fn repositories(cache: &Cache, standin: &Path) -> Result<PathBuf, LabError> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("lab/packages");
    let stripped = strip(standin)?;
    let sources = files_below(&source)?;
    let mut parts: Vec<Vec<u8>> = vec![stripped.clone(), include_bytes!("packages.rs").to_vec()];
    for file in &sources {
        let relative = file.strip_prefix(&source).unwrap_or(file);
        parts.push(relative.display().to_string().into_bytes());
        parts.push(content(file)?);
    }
    cache.entry(
        "packages",
        &digest(parts.iter().map(Vec::as_slice)),
        |directory| {
            for version in VERSIONS {
                let short = version.rsplit_once('.').map_or(version, |(short, _)| short);
                let repository = directory.join(format!("repo/{short}/Debian/12"));
                let pool = repository.join("pool/opennebula");
                fs::create_dir_all(&pool).map_err(LabError::file("create", &pool))?;
                for package in list(&source)?
                    .iter()
                    .filter(|package| exists_in(package, version))
                {
                    build(package, version, &stripped, &pool)?;
                }
                repository::index(&repository)?;
            }
            Ok(())
        },
    )
}

fn exists_in(package: &Path, version: &str) -> bool {
    package.is_dir()
        && fs::read_to_string(package.join("versions"))
            .map_or(true, |versions| versions.lines().any(|line| line == version))
}

/// Builds one package in one version into `pool`.
fn build(package: &Path, version: &str, standin: &[u8], pool: &Path) -> Result<(), LabError> {
    let staging = tempfile::tempdir().map_err(LabError::file("create", "a temporary directory"))?;
    let tree = staging.path();
    fs::set_permissions(tree, fs::Permissions::from_mode(0o755))
        .map_err(LabError::file("set the mode of", tree))?;
    let filled = Filled { version, standin };
    for part in ["tree".to_owned(), format!("tree-{version}")] {
        filled.copy(&package.join(part), tree)?;
    }
    let control = tree.join("DEBIAN");
    fs::create_dir_all(&control).map_err(LabError::file("create", &control))?;
    for part in ["DEBIAN".to_owned(), format!("DEBIAN-{version}")] {
        filled.copy(&package.join(part), &control)?;
    }
    write_conffiles(tree)?;
    write_scripts(tree)?;
    Program::new("dpkg-deb")
        .args(["--root-owner-group", "-Znone", "--build"])
        .arg(tree)
        .arg(pool)
        .run()
        .map(drop)
}

/// What the marks in the sources stand for.
struct Filled<'a> {
    version: &'a str,
    standin: &'a [u8],
}

impl Filled<'_> {
    /// Copies a tree, keeping links and execute bits, with the marks replaced. One that is not there is empty.
    fn copy(&self, from: &Path, to: &Path) -> Result<(), LabError> {
        if !from.is_dir() {
            return Ok(());
        }
        for file in files_below(from)? {
            let target = to.join(file.strip_prefix(from).unwrap_or(&file));
            if let Some(parent) = target.parent() {
                fs::create_dir_all(parent).map_err(LabError::file("create", parent))?;
            }
            if file.is_symlink() {
                let link = fs::read_link(&file).map_err(LabError::file("read", &file))?;
                std::os::unix::fs::symlink(link, &target).map_err(LabError::file("link", &target))?;
                continue;
            }
            let source = content(&file)?;
            let bytes = if source == STANDIN {
                self.standin.to_vec()
            } else {
                self.fill(source)
            };
            fs::write(&target, bytes).map_err(LabError::file("write", &target))?;
            let mode = fs::metadata(&file).map_or(0o644, |data| {
                if data.permissions().mode() & 0o100 == 0 {
                    0o644
                } else {
                    0o755
                }
            });
            fs::set_permissions(&target, fs::Permissions::from_mode(mode))
                .map_err(LabError::file("set the mode of", &target))?;
        }
        Ok(())
    }

    fn fill(&self, source: Vec<u8>) -> Vec<u8> {
        match String::from_utf8(source) {
            Ok(text) => text
                .replace("@VERSION@", &format!("{}-1", self.version))
                .replace("@UPSTREAM@", self.version)
                .replace("@ARCHITECTURE@", repository::architecture())
                .into_bytes(),
            Err(binary) => binary.into_bytes(),
        }
    }
}

/// As debhelper does: every file below `/etc` is a conffile.
fn write_conffiles(tree: &Path) -> Result<(), LabError> {
    let etc = tree.join("etc");
    if !etc.is_dir() {
        return Ok(());
    }
    let mut list = String::new();
    for file in files_below(&etc)? {
        let installed = Path::new("/").join(file.strip_prefix(tree).unwrap_or(&file));
        list += &installed.to_string_lossy();
        list.push('\n');
    }
    let path = tree.join("DEBIAN/conffiles");
    fs::write(&path, list).map_err(LabError::file("write", &path))
}

/// Puts the units' snippets into the maintainer scripts, making those that are not there.
fn write_scripts(tree: &Path) -> Result<(), LabError> {
    let units = units(tree)?.join(" ");
    for script in ["preinst", "postinst", "prerm", "postrm"] {
        let path = tree.join("DEBIAN").join(script);
        let snippet = UNIT_SNIPPETS
            .iter()
            .find(|(name, _)| *name == script && !units.is_empty())
            .map(|(_, snippet)| snippet.replace("@UNITS@", &units));
        let text = match (fs::read_to_string(&path), snippet) {
            (Ok(text), snippet) => text.replace("#DEBHELPER#\n", &snippet.unwrap_or_default()),
            (Err(_), Some(snippet)) => format!("#!/bin/sh\nset -e\n{snippet}"),
            (Err(_), None) => continue,
        };
        fs::write(&path, text).map_err(LabError::file("write", &path))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
            .map_err(LabError::file("set the mode of", &path))?;
    }
    Ok(())
}

/// The package's units that can be enabled.
fn units(tree: &Path) -> Result<Vec<String>, LabError> {
    let directory = tree.join("lib/systemd/system");
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for unit in files_below(&directory)? {
        let text = fs::read_to_string(&unit).map_err(LabError::file("read", &unit))?;
        if let (true, Some(name)) = (text.contains("[Install]"), unit.file_name()) {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// A copy without debugging symbols: it is packed three times a version.
fn strip(binary: &Path) -> Result<Vec<u8>, LabError> {
    let target = tempfile::NamedTempFile::new().map_err(LabError::file("create", "a temporary file"))?;
    let text = fs::read(binary).map_err(LabError::file("read", binary))?;
    if text.starts_with(b"#!") {
        return Ok(text);
    }
    Program::new("strip")
        .arg("-o")
        .arg(target.path())
        .arg(binary)
        .run()?;
    fs::read(target.path()).map_err(LabError::file("read", target.path()))
}

fn content(file: &Path) -> Result<Vec<u8>, LabError> {
    if file.is_symlink() {
        let link = fs::read_link(file).map_err(LabError::file("read", file))?;
        return Ok(link.display().to_string().into_bytes());
    }
    fs::read(file).map_err(LabError::file("read", file))
}

/// Entries of a directory, sorted.
fn list(directory: &Path) -> Result<Vec<PathBuf>, LabError> {
    let entries = fs::read_dir(directory).map_err(LabError::file("list", directory))?;
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Files and links of a tree, sorted.
pub(super) fn files_below(directory: &Path) -> Result<Vec<PathBuf>, LabError> {
    let mut files = Vec::new();
    for path in list(directory)? {
        if path.is_dir() && !path.is_symlink() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}
