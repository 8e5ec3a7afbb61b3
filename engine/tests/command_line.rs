//! The program as an operator calls it, on this machine alone.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nebplay_modules::digest::sha256;
use tempfile::TempDir;

const INVENTORY: &str = "\
here ansible_connection=local
there ansible_connection=local
[all:vars]
db_password=hunter2hunter2
version=6.10
";

/// A directory with an inventory, and with this playbook.
struct Test {
    directory: TempDir,
}

impl Test {
    fn new(playbook: &str) -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("hosts.ini"), INVENTORY).unwrap();
        fs::write(directory.path().join("play.yml"), playbook).unwrap();
        Self { directory }
    }

    fn run(&self, arguments: &str) -> Output {
        Command::new(env!("CARGO_BIN_EXE_nebplay"))
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .env_remove("NEBPLAY_INVENTORY")
            .output()
            .unwrap()
    }

    /// With a home of its own, where runs are remembered: its exit code, and all that it says.
    fn run_at_home(&self, arguments: &str) -> (Option<i32>, String) {
        let home = self.directory.path();
        let output = Command::new(env!("CARGO_BIN_EXE_nebplay"))
            .args(arguments.split(' '))
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"))
            .output()
            .unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    }

    /// With nobody who reads what it prints.
    fn run_unread(&self, arguments: &str) -> std::process::ExitStatus {
        let ends = [std::io::pipe().unwrap(), std::io::pipe().unwrap()];
        let [stdout, stderr] = ends.map(|(reader, writer)| {
            drop(reader);
            Stdio::from(writer)
        });
        Command::new(env!("CARGO_BIN_EXE_nebplay"))
            .args(arguments.split_whitespace())
            .current_dir(self.directory.path())
            .env_remove("NEBPLAY_INVENTORY")
            .stdout(stdout)
            .stderr(stderr)
            .status()
            .unwrap()
    }

    fn made(&self, name: &str) -> bool {
        Path::new(self.directory.path()).join(name).exists()
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const TOUCH: &str = "\
- hosts: all
  tasks:
  - name: make a file
    command: touch {{ inventory_hostname }}-{{ version }}
    args: {chdir: '{{ playbook_dir }}'}
";

#[test]
fn a_reader_that_goes_away_ends_no_run() {
    for how in ["", "--json ", "-vv "] {
        let test = Test::new(TOUCH);
        let status = test.run_unread(&format!("{how}play.yml -i hosts.ini"));
        assert_eq!(status.code(), Some(0), "{how}");
        assert!(test.made("here-6.10") && test.made("there-6.10"), "{how}");
        // How it went is still told by its exit status.
        let test = Test::new("- hosts: all\n  tasks:\n  - command: 'false'\n");
        let status = test.run_unread(&format!("{how}play.yml -i hosts.ini"));
        assert_eq!(status.code(), Some(2), "{how}");
    }
}

#[test]
fn a_run_runs() {
    let test = Test::new(TOUCH);
    let output = test.run("play.yml -i hosts.ini -l here");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(test.made("here-6.10") && !test.made("there-6.10"));
    assert!(text(&output.stdout).contains("changed: [here]"));
}

/// Whatever does not run, runs nothing.
#[test]
fn what_only_looks_changes_nothing() {
    let test = Test::new(TOUCH);
    for arguments in [
        "plan play.yml -i hosts.ini",
        "plan play.yml -i hosts.ini --json",
        "play.yml -i hosts.ini --check",
        "play.yml -i hosts.ini --syntax-check",
        "play.yml -i hosts.ini --list-hosts",
        "play.yml -i hosts.ini --list-tasks",
        "play.yml -i hosts.ini --list-tags",
    ] {
        let output = test.run(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments}: {output:?}");
        assert!(!test.made("here-6.10"), "{arguments}");
    }
}

#[test]
fn exit_codes() {
    let test = Test::new(
        "- hosts: '{{ who }}'\n  tasks:\n  - command: '{{ what }}'\n    when: inventory_hostname != 'there'\n",
    );
    let cases = [
        ("play.yml -i hosts.ini -e who=all -e what=true", 0),
        ("play.yml -i hosts.ini -e who=all -e what=false", 2),
        ("play.yml -i hosts.ini -e who=al -e what=true", 3),
        ("play.yml -i hosts.ini", 3),
        ("play.yml -i host.ini -e who=all", 3),
        ("nothing.yml -i hosts.ini", 3),
        ("play.yml -i nobody.invalid, -e who=all -e what=true", 4),
        ("play.yml -e who=all", 64),
        ("play.yml -i hosts.ini --no-such-option", 64),
        ("play.yml -i hosts.ini -e who=all -l here:!here", 64),
        ("plam play.yml", 64),
        ("doc no_such_module", 64),
        ("status -i hosts.ini", 64),
        ("inventory -i hosts.ini --list", 0),
        ("doc", 0),
        ("--version", 0),
    ];
    for (arguments, code) in cases {
        let output = test.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments}: {output:?}");
    }
}

#[test]
fn all_that_is_wrong_is_said_in_one_go() {
    let test = Test::new("- hosts: all\n  tasks:\n  - comand: x\n");
    fs::write(test.directory.path().join("bad.ini"), "[a:var]\n").unwrap();
    let output = test.run("play.yml -i bad.ini -e 1x=2");
    let said = text(&output.stderr);
    for part in [
        "did you mean `command`?",
        "did you mean `vars`?",
        "`1x`",
        "3 errors; nothing was run",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn passwords_are_never_shown() {
    let test = Test::new(
        "- hosts: here\n  tasks:\n  - command: echo {{ db_password }} {{ db_password | b64encode }}\n  - fail: {msg: 'it is {{ db_password }}'}\n",
    );
    for arguments in [
        "play.yml -i hosts.ini -vvv",
        "play.yml -i hosts.ini --json",
        "play.yml -i hosts.ini --check -D",
        "inventory -i hosts.ini --list",
        "inventory -i hosts.ini --graph --vars",
    ] {
        let output = test.run(arguments);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("hunter2"), "{arguments}: {said}");
        assert!(!said.contains("aHVudGVyMmh1bnRlcj"), "{arguments}: {said}");
    }
}

#[test]
fn passwords_are_never_shown_wherever_they_are_written_down() {
    let test = Test::new(
        "\
- hosts: here
  vars: {play_token: hunter2-1}
  vars_files: [read.yml]
  tasks:
  - include_vars: included.yml
  - set_fact: {fact: {my_secret: hunter2-5}}
  - command: echo {{ play_token }} {{ read_password }} {{ looked_up_password }} {{ included.password }} {{ fact.my_secret }}
    register: said
  - debug: {var: said.stdout}
  - copy: {content: '{{ read_password }}', dest: '{{ playbook_dir }}/file'}
  - copy: {content: 'password={{ read_password }}', dest: '{{ playbook_dir }}/longer'}
    register: copied
  - stat: {path: '{{ playbook_dir }}/longer'}
  - lineinfile: {path: '{{ playbook_dir }}/longer', line: 'token={{ play_token }}'}
  - debug: {var: copied}
  - assert: {that: copied.checksum == ('password=' ~ read_password) | hash('sha256')}
    when: not ansible_check_mode
  - fail: {msg: 'it is {{ included.password }}'}
",
    );
    let home = test.directory.path();
    let written = "read_password: hunter2-2\nlooked_up_password: \"{{ lookup('file', 'key') }}\"\n";
    fs::write(home.join("read.yml"), written).unwrap();
    fs::write(home.join("key"), "hunter2-3\n").unwrap();
    fs::write(home.join("included.yml"), "included: {password: hunter2-4}\n").unwrap();
    // Whoever sees the digest of a short one tries until he has it.
    let digests = [
        "hunter2-2",
        "password=hunter2-2",
        "password=hunter2-2\ntoken=hunter2-1\n",
    ];
    let mut never = vec!["hunter2".to_owned()];
    never.extend(digests.map(sha256));
    for arguments in ["-vvv -D", "--json", "--check -D"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nebplay"));
        command
            .args(["play.yml", "-i", "hosts.ini"])
            .args(arguments.split(' '));
        command
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"));
        let output = command.output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(
            said.contains("Redacted(") && !never.iter().any(|part| said.contains(part)),
            "{arguments}: {said}"
        );
        assert!(said.contains("it is Redacted("), "{arguments}: {said}");
    }
    let longer = fs::read(home.join("longer")).unwrap();
    assert!(never.contains(&sha256(longer)));
    let journals = Command::new("grep")
        .args(["-rlE", &never.join("|"), "state"])
        .current_dir(home)
        .output()
        .unwrap();
    assert!(home.join("state/nebplay/runs").is_dir());
    assert_eq!(text(&journals.stdout), "", "{journals:?}");
}

/// `hunter2-0`, encrypted by ansible-vault with the password `correct horse`.
const SEALED: &str = "\
$ANSIBLE_VAULT;1.1;AES256
64303865663165613935316539366164616363613434643635343530376538356635373231643264
3937653639373530616539313134383939643330323532340a346236306662393333643065653336
31353863323131613535386233326664303064633739373334356239366136626163353266653063
6439363837323064650a663864666664613130346136656536303364636437383364323630363031
3862";

#[test]
fn what_comes_out_of_a_vault_is_never_shown() {
    let test = Test::new(
        "\
- hosts: here
  tasks:
  - command: echo {{ opened }}
    register: said
  - debug: {msg: 'it is {{ said.stdout }}'}
  - copy: {src: sealed, dest: '{{ playbook_dir }}/file'}
  - assert:
      that: lookup('file', 'sealed') == opened
  - command: grep -x {{ opened }} file
    args: {chdir: '{{ playbook_dir }}'}
    check_mode: false
    ignore_errors: true
  - command: cat password
    args: {chdir: '{{ playbook_dir }}'}
  - fail: {msg: 'not {{ opened }}'}
",
    );
    let home = test.directory.path();
    let indented = SEALED.replace('\n', "\n  ");
    fs::create_dir(home.join("group_vars")).unwrap();
    fs::write(
        home.join("group_vars/all.yml"),
        format!("opened: !vault |\n  {indented}\n"),
    )
    .unwrap();
    fs::write(home.join("sealed"), SEALED).unwrap();
    fs::write(home.join("password"), "correct horse\n").unwrap();
    for arguments in ["-vvv -D", "--json", "--check -D"] {
        let arguments = format!("play.yml -i hosts.ini --vault-password-file password {arguments}");
        let mut command = Command::new(env!("CARGO_BIN_EXE_nebplay"));
        command
            .args(arguments.split(' '))
            .current_dir(home)
            .env("HOME", home)
            .env("XDG_STATE_HOME", home.join("state"));
        let output = command.output().unwrap();
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(
            said.contains("Redacted(") && !said.contains("hunter2") && !said.contains("correct horse"),
            "{arguments}: {said}"
        );
    }
    assert_eq!(fs::read_to_string(home.join("file")).unwrap(), "hunter2-0");
    let journals = Command::new("grep")
        .args(["-rlE", "hunter2|correct horse", "state"])
        .current_dir(home)
        .output()
        .unwrap();
    assert_eq!(text(&journals.stdout), "", "{journals:?}");

    let list = test.run("inventory --host here -i hosts.ini --vault-password-file password");
    assert!(!text(&list.stdout).contains("hunter2"), "{list:?}");

    // Without a password, the playbook can be checked, and what uses the value says what is missing.
    assert!(test.run("play.yml -i hosts.ini --syntax-check").status.success());
    let closed = test.run("play.yml -i hosts.ini --no-journal");
    assert!(
        text(&closed.stdout).contains("--vault-password-file"),
        "{closed:?}"
    );

    // A program may give the password, and be told for whom.
    let program = home.join("keyring-client");
    fs::write(
        &program,
        "#!/bin/sh\n[ \"$*\" = '--vault-id ops' ] && echo correct horse\n",
    )
    .unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let asked = test.run("play.yml -i hosts.ini --no-journal --vault-id ops@keyring-client");
    assert!(text(&asked.stdout).contains("not Redacted("), "{asked:?}");
}

/// `opened: hunter2-0`, encrypted twice with the password `correct horse`.
const SEALED_FILES: [&str; 2] = [
    "\
$ANSIBLE_VAULT;1.1;AES256
61616338323330306538363263653735333366633734666364623230313337393832336563363964
3664376631666565636536616465376361663038336336610a313066666630313666323138316434
62643932633664656631623166393666343139616634623737336131663564613066623339313439
6163333830306238660a373031633265393065323333373331623638336332643533313233616233
33383731313163396436323238613939613963373264343930343465366434616161\n",
    "\
$ANSIBLE_VAULT;1.1;AES256
65316533333334353230313735306638643266346561633265383331326339616133353565333039
6137626633353663613838353963393262343463313163650a666638646566666438656239353139
36636330313233386236663232343135643232326539396131303334646563326134313465383765
6465336232313361310a646635376538343031623731316536623632373036383763373061316130
39366136646431623934663566663130356539373331336261323633613038383234\n",
];

#[test]
fn a_run_with_a_vault_goes_on_if_the_vault_is_as_it_was() {
    let test = Test::new(
        "\
- hosts: here
  tasks:
  - command: touch {{ playbook_dir }}/made
    args: {creates: '{{ playbook_dir }}/made'}
  - command: test -e {{ playbook_dir }}/ready
  - assert: {that: opened == 'hunter2' ~ '-0'}
",
    );
    let home = test.directory.path();
    let vars = home.join("group_vars/all.yml");
    fs::create_dir(home.join("group_vars")).unwrap();
    fs::write(&vars, SEALED_FILES[0]).unwrap();
    fs::write(home.join("password"), "correct horse\n").unwrap();
    let nebplay = |arguments: &str| test.run_at_home(arguments);
    let (code, said) = nebplay("play.yml -i hosts.ini --vault-password-file password");
    assert_eq!(code, Some(2), "{said}");

    fs::write(&vars, SEALED_FILES[1]).unwrap();
    let (code, said) = nebplay("resume");
    assert!(
        code == Some(3) && said.contains("`opened` of here has changed"),
        "{said}"
    );

    fs::write(&vars, SEALED_FILES[0]).unwrap();
    fs::rename(home.join("password"), home.join("moved")).unwrap();
    let (code, said) = nebplay("resume");
    assert!(
        code == Some(1) && said.contains("cannot read the vault password file password"),
        "{said}"
    );

    fs::write(home.join("ready"), "").unwrap();
    let (code, said) = nebplay("resume --retry-failed --vault-password-file moved");
    assert_eq!(code, Some(0), "{said}");
}

/// Which role it is, shows only when it is reached; what was done in it is not done again.
#[test]
fn a_run_goes_on_within_a_role_that_is_included() {
    let test = Test::new(
        "\
- hosts: here
  tasks:
  - include_role: {name: '{{ item }}'}
    loop: \"{{ ['one', 'two', 'one'] }}\"
",
    );
    let home = test.directory.path();
    for role in ["one", "two"] {
        fs::create_dir_all(home.join("roles").join(role).join("tasks")).unwrap();
    }
    let (one, two) = (home.join("roles/one"), home.join("roles/two"));
    fs::write(
        one.join("tasks/main.yml"),
        "- shell: echo {{ role_name }} >>{{ playbook_dir }}/done\n",
    )
    .unwrap();
    fs::write(
        two.join("tasks/main.yml"),
        "- command: test -e {{ playbook_dir }}/ready\n",
    )
    .unwrap();
    let nebplay = |arguments: &str| test.run_at_home(arguments);
    let (code, said) = nebplay("play.yml -i hosts.ini");
    assert!(
        code == Some(2) && said.contains("included: two for here"),
        "{said}"
    );
    fs::write(home.join("ready"), "").unwrap();
    let (code, said) = nebplay("resume --retry-failed");
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(fs::read_to_string(home.join("done")).unwrap(), "one\none\n");

    // Nobody could notify its handlers: the play was checked before it was known.
    fs::create_dir(two.join("handlers")).unwrap();
    fs::write(
        two.join("handlers/main.yml"),
        "- name: restart\n  command: 'true'\n",
    )
    .unwrap();
    let (code, said) = nebplay("play.yml -i hosts.ini");
    let message = "does not know the handler `two : restart` of a role that is included";
    assert!(code == Some(2) && said.contains(message), "{said}");
}

#[test]
fn the_inventory_may_come_from_the_environment() {
    let test = Test::new(TOUCH);
    let output = Command::new(env!("CARGO_BIN_EXE_nebplay"))
        .args(["inventory", "--host", "here"])
        .current_dir(test.directory.path())
        .env("NEBPLAY_INVENTORY", "hosts.ini")
        .output()
        .unwrap();
    assert!(
        text(&output.stdout).contains("\"version\": \"6.10\""),
        "{output:?}"
    );
}

/// What is shipped loads with the inventory that is shipped, and can be planned.
#[test]
fn the_shipped_playbooks_are_right() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut playbooks = 0;
    for entry in fs::read_dir(root.join("playbooks")).unwrap() {
        let playbook = entry.unwrap().path();
        if playbook.extension().is_none_or(|ending| ending != "yml") {
            continue;
        }
        playbooks += 1;
        let output = Command::new(env!("CARGO_BIN_EXE_nebplay"))
            .arg("plan")
            .arg(&playbook)
            .args(["-i", "inventories/example.ini", "-e", "zones=master:slaves"])
            .current_dir(&root)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {output:?}", playbook.display());
    }
    assert!(playbooks >= 3);
}
