//! Names of facts that `setup` gathers: asking for one gathers them.

/// Without the prefix `ansible_`; the names Ansible gives them.
const FACTS: &[&str] = &[
    "all_ipv4_addresses",
    "all_ipv6_addresses",
    "apparmor",
    "architecture",
    "bios_version",
    "boot_id",
    "cmdline",
    "date_time",
    "default_ipv4",
    "default_ipv6",
    "devices",
    "distribution",
    "distribution_file_variety",
    "distribution_major_version",
    "distribution_release",
    "distribution_version",
    "dns",
    "domain",
    "effective_user_id",
    "env",
    "fqdn",
    "hostname",
    "interfaces",
    "kernel",
    "kernel_version",
    "lsb",
    "machine",
    "machine_id",
    "memfree_mb",
    "memory_mb",
    "memtotal_mb",
    "mounts",
    "nodename",
    "os_family",
    "packages",
    "pkg_mgr",
    "processor",
    "processor_cores",
    "processor_count",
    "processor_vcpus",
    "python",
    "python_version",
    "selinux",
    "service_mgr",
    "services",
    "swapfree_mb",
    "swaptotal_mb",
    "system",
    "uptime_seconds",
    "user_dir",
    "user_gecos",
    "user_gid",
    "user_id",
    "user_shell",
    "user_uid",
    "userspace_architecture",
    "virtualization_role",
    "virtualization_type",
];

/// Whether `ansible_` and this name is a fact (`ansible_port` and the like are variables of the inventory).
pub(super) fn is_fact(name: &str) -> bool {
    FACTS.binary_search(&name).is_ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(super::FACTS.is_sorted());
    }
}
