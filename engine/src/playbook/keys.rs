//! Keywords: those that are known, and those of Ansible that are not supported, with what to use instead.

/// Keywords that plays, blocks and tasks have in common.
pub(super) const COMMON: &[&str] = &[
    "become",
    "become_user",
    "check_mode",
    "delegate_to",
    "environment",
    "ignore_errors",
    "ignore_unreachable",
    "name",
    "no_log",
    "parallel",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
];

/// Keywords of plays only.
pub(super) const PLAY: &[&str] = &[
    "any_errors_fatal",
    "gather_facts",
    "handlers",
    "hosts",
    "post_tasks",
    "pre_tasks",
    "roles",
    "serial",
    "tasks",
    "vars_files",
];

/// Keywords of blocks only.
pub(super) const BLOCK: &[&str] = &["always", "block", "rescue"];

/// Keywords of tasks only.
pub(super) const TASK: &[&str] = &[
    "args",
    "changed_when",
    "delay",
    "failed_when",
    "listen",
    "loop",
    "loop_control",
    "notify",
    "register",
    "rehearse",
    "retries",
    "until",
];

/// Whether a keyword that is not supported asks for what is so anyway.
pub(super) fn is_so_anyway(keyword: &str, value: Option<&str>) -> bool {
    matches!(
        (keyword, value),
        ("strategy", Some("linear" | "ansible.builtin.linear"))
            | ("order", Some("inventory"))
            | ("become_method", Some("sudo" | "ansible.builtin.sudo"))
            | ("force_handlers" | "delegate_facts", Some("false" | "no"))
    )
}

/// What to do about a keyword that Ansible has and nebplay has not.
pub(super) fn unsupported(keyword: &str) -> Option<&'static str> {
    Some(match keyword {
        "async" | "poll" => {
            "long modules run as jobs by themselves and survive a lost connection; `timeout` limits how long a task may take"
        }
        "action" => "write the module as the key: `command: uptime`",
        "local_action" => "write the module as the key, and `delegate_to: localhost`",
        "throttle" => "`parallel` says how many hosts at once",
        "strategy" | "order" => {
            "tasks run one after another; the order of hosts comes from the inventory and from contracts"
        }
        "max_fail_percentage" => "`any_errors_fatal: true` ends the play at the first host that fails",
        "connection" => "set `ansible_connection` in the inventory",
        "port" => "set `ansible_port` in the inventory",
        "remote_user" => "set `ansible_user` in the inventory, or `-u`",
        "become_method" | "become_exe" | "become_flags" => "sudo is the only way to become another user",
        "vars_prompt" => "ask with `pause`, or give the variable with `-e`",
        "module_defaults" => "say it at each task",
        "collections" => {
            "leave it out: modules have no collections; `ansible.builtin.` in front of a name is understood"
        }
        "gather_subset" | "gather_timeout" | "fact_path" => "facts are gathered when a template asks for one",
        "force_handlers" => "put what must run in any case into `always` of a block",
        "debugger" => {
            "`nebplay plan` shows every step; a playbook that stopped can be run again, or from `--start-at-task`"
        }
        "diff" => "use `--diff` on the command line",
        "delegate_facts" => "facts belong to the host they were gathered on",
        "apply" => "keywords at an include apply to what it includes",
        "public" => {
            "the variables of a role are known in the whole play after `import_role`, and only in it with `include_role`"
        }
        _ => return None,
    })
}

/// What to use instead of a module that Ansible has and nebplay has not.
pub(super) fn other_module(name: &str) -> Option<&'static str> {
    let short = name.rsplit('.').next().unwrap_or(name);
    Some(match short {
        "apt" | "yum" | "dnf" | "apt_key" => {
            "`package` installs packages; `package_upgrade` upgrades OpenNebula's"
        }
        "apt_repository" | "yum_repository" => "`package_repo` sets OpenNebula's repository",
        "sysvinit" => "`service` starts and stops services",
        "raw" | "script" | "expect" => "`shell` runs a line in a shell",
        "ini_file" => "`lineinfile` for a line, `template` or `copy` for the whole file",
        "synchronize" => {
            "`distribute` brings one file to many hosts; `copy` and `fetch` go through the controller"
        }
        "gather_facts" => "`setup` gathers facts",
        "add_host" | "group_by" => "the inventory is read once; hosts cannot be added while a playbook runs",
        "get_url" | "uri" => "`command: curl …` fetches a URL",
        "mysql_db" | "mysql_query" | "mysql_dump" => {
            "`onedb_backup` and `onedb_restore` know OpenNebula's database"
        }
        "wait_for_connection" | "reboot" => "`wait_for` waits for a port",
        _ => return unsupported(short),
    })
}
