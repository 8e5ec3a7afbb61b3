//! Modules that drive apt and dpkg.

mod apt;
mod conffiles;
mod install;
mod package;
mod package_download;
mod package_facts;
mod package_repo;
mod package_restore;
mod package_save;
mod package_upgrade;
pub(crate) mod saved;
mod selection;
mod way_back;

use crate::registry::{self, Entry};

/// The modules of this room.
pub(crate) fn modules() -> Vec<Entry> {
    vec![
        registry::changes::<package::Package>(),
        registry::changes::<package_download::PackageDownload>(),
        registry::reads::<package_facts::PackageFacts>(),
        registry::changes::<package_repo::PackageRepo>(),
        registry::changes::<package_restore::PackageRestore>(),
        registry::changes::<package_save::PackageSave>(),
        registry::changes::<package_upgrade::PackageUpgrade>(),
    ]
}
