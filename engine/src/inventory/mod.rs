//! Hosts, groups, patterns, and variables of hosts.
