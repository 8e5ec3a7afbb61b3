//! Where the files are that a playbook names: beside its tasks, as Ansible looks for them.

use std::path::{Path, PathBuf};

/// Where a file may be that is looked for in these directories, the likeliest first: in each of them in `folder`, then in itself. What
/// stands in a directory below a role's `tasks` finds what is in `tasks` too. A file that is named by its whole path is there or nowhere.
pub(crate) fn places<'a>(
    directories: impl IntoIterator<Item = &'a Path>,
    folder: &str,
    name: &Path,
) -> Vec<PathBuf> {
    if name.is_absolute() {
        return vec![name.to_owned()];
    }
    let mut places = Vec::new();
    let with_tasks = |directory: &'a Path| {
        let above = directory.parent().filter(|above| above.ends_with("tasks"));
        above.into_iter().chain([directory])
    };
    for directory in directories.into_iter().flat_map(with_tasks) {
        let in_folder = (!name.starts_with(folder)).then(|| directory.join(folder).join(name));
        for place in in_folder.into_iter().chain([directory.join(name)]) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// The places as a message names them.
pub(crate) fn tried(places: &[PathBuf]) -> String {
    let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
    places.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_comes_first_unless_it_is_named_already() {
        let cases = [
            ("key", "r/files/key, r/key, p/files/key, p/key"),
            ("files/key", "r/files/key, p/files/key"),
            (
                "filesystem/key",
                "r/files/filesystem/key, r/filesystem/key, p/files/filesystem/key, p/filesystem/key",
            ),
            ("../key", "r/files/../key, r/../key, p/files/../key, p/../key"),
            ("/etc/key", "/etc/key"),
        ];
        for (name, wanted) in cases {
            let found = places(["r", "p", "r"].map(Path::new), "files", Path::new(name));
            assert_eq!(tried(&found), wanted);
        }
        let below = places([Path::new("r/tasks/sub")], "files", Path::new("key"));
        assert_eq!(
            tried(&below),
            "r/tasks/files/key, r/tasks/key, r/tasks/sub/files/key, r/tasks/sub/key"
        );
    }
}
