//! The shell and its tools, held to the real ones: every case is run in memory, and by this machine's `sh`.

use std::process::{Command, Stdio};

use bytes::Bytes;

use crate::testing::Memory;
use crate::{Ended, Start, System, parse, run};

/// A script, its arguments and what it reads.
struct Case {
    script: &'static str,
    args: &'static [&'static str],
    stdin: &'static str,
}

const fn case(script: &'static str) -> Case {
    Case {
        script,
        args: &[],
        stdin: "",
    }
}

const fn with(script: &'static str, args: &'static [&'static str], stdin: &'static str) -> Case {
    Case { script, args, stdin }
}

const FILE: (&str, &str) = ("/somewhere/list", "one 1\ntwo 2\nthree 3\n");

fn cases() -> Vec<Case> {
    vec![
        case("echo a  b   'c  d' \"e  f\"; echo \"$#\""),
        with(
            "for w; do printf '<%s>' \"$w\"; done; echo; for w in \"$@\" x; do printf '[%s]' \"$w\"; done",
            &["a b", "", "c"],
            "",
        ),
        with(
            "set -- \"$@\" z; shift; echo \"$*\" $# \"${1:-none}\" ${9:-nine}",
            &["a", "b c"],
            "",
        ),
        case(
            "x='a b'; for w in $x \"$x\"; do echo \"<$w>\"; done; y=; for w in $y \"$y\"; do echo \"<$w>\"; done",
        ),
        case("p=/var/lib/one/one.db; echo ${p##*/} ${p%/*} ${p#/} ${p%%/*}x ${#p} ${p%.db}"),
        case("n=; for i in a b; do n=\"$n $i\"; done; echo \"$n\"; echo ${n:+set} ${m-unset} \"${n:-x}\""),
        case(
            "i=0; while [ $i -lt 3 ]; do i=$((i + 1)); [ $i = 2 ] && continue; echo $i; done; echo $((7 * 3 % 4 << 2)) $((0x10 + 010))",
        ),
        case(
            "case abc in a?c) echo yes ;; *) echo no ;; esac; case 'a*c' in 'a*c' | x) echo literal;; esac; case x in [!a-w]) echo class ;; esac",
        ),
        case("f() { echo \"in $1\"; return 3; echo never; }; f x; echo $?; f y || echo failed"),
        case("a=$(printf 'x\\ny\\n\\n'); echo \"$a\"; echo $a; b=`echo \\`echo deep\\``; echo $b"),
        case(
            "cat <<EOF; cat <<'EOF'; cat <<-EOF\nhome $((1 + 1)) \\$x\nEOF\n$x `y`\nEOF\n\tstripped\n\tEOF\n",
        ),
        case(
            "while read -r a b; do echo \"$b-$a\"; done < list; IFS=: read -r x y z <<E\n1:2:3:4\nE\necho \"$x|$y|$z\"",
        ),
        case("echo out; echo err >&2; { echo one; echo two >&2; } 2>&1 | cat; echo three 2>/dev/null >&2"),
        case("{ { echo a; echo b >&3; } | tr a x; } 3>&1"),
        case("set -e; false || echo caught; if false; then :; fi; ! true; echo on; (exit 4); echo never"),
        case("set -C; echo a > new; echo b > new; echo $?; echo c >| new; cat new"),
        case("trap 'echo bye $?' EXIT; echo hi; exit 5"),
        case("(trap 'echo inner' EXIT; exit 2); echo $?"),
        case(
            "false; x=$?; echo $x $?; (exit 3); y=$?$(exit 4); echo $y $?; a=$(exit 5) b=$?; echo $b $?; c=$(true) d=1; echo $?; false; e= f=$?; echo $f; (exit 6); g=\"$?\" h=$((1 + $?)); echo $g $h",
        ),
        case("true && false; echo $?; ! false; echo $?; false; x=$(false); echo $?; y=1; echo $?"),
        case(
            "if grep -q two list; then echo found; elif true; then echo no; else echo never; fi; grep -c e list; grep -vn two list",
        ),
        case("echo *; echo 'l'*t; echo nothing*; cd /; pwd"),
        case(
            "sort -r list | head -n 2 | tail -n 1; wc -l < list; cut -d' ' -f2 list; tr -d '\\n' < list; echo; tail -c 4 list; head -c 3 list",
        ),
        case("head -c -4 list; echo; head -n -1 list; head -n -9 list; head -1 list"),
        case(
            "printf '%s=%d|%5s|%-4s|%03d|%x\\n' a 5 b c 7 255; printf '%s\\n' x y z; printf 'a\\tb\\\\n%%\\n'; printf '%b' 'q\\nr\\n'",
        ),
        case(
            "awk '{ print $2, $1; s += $2 } END { print s, NR, NF }' list; awk -F' ' '$1 ~ /^t/ && NR > 1 { print NR \":\" $1 }' list",
        ),
        case(
            "printf 'P: a\\nV: 1\\n\\nP: b\\nV: 2\\n\\n' | awk -v RS= -v ORS='\\n\\n' -v names='x b' 'BEGIN { n = split(names, list, \" \"); for (i = 1; i <= n; i++) gone[\"P: \" list[i]] }\n { split($0, lines, \"\\n\"); if (!(lines[1] in gone)) print }'",
        ),
        case(
            "echo '  inet 10.0.0.7/24 scope' | awk '{sub(\"/.*\", \"\", $2); printf \"%s \", $2}'; echo x | awk '{ print length($0), substr(\"hello\", 2, 3), toupper(\"ab\"), index(\"abc\", \"c\") }'",
        ),
        case(
            "printf '1 a\\n1 x\\n1 y\\n2 b\\n2 z\\nend\\n' | awk 'function finish() { if (pipe != \"\") { close(pipe); print \"rows\", name, rows; pipe = \"\" } }\n /^end/ { finish(); print; next }\n pipe == \"\" || $1 != number { finish(); number = $1; name = $2; rows = 0; pipe = \"echo \\\"sha \" number \" $(sha256sum)\\\"\"; printf \"\" | pipe; next }\n { rows++; sub(/^[0-9]+ /, \"\"); print | pipe }\n END { finish() }' | sort",
        ),
        case(
            "printf 'a:b\\nc:d e\\n\\nf\\n' > parts; awk -v RS= '{ n = split($0, by, \":\"); print n }' parts; awk -F'[:x]' -v RS= '{ print NF \"/\" $3 }' parts",
        ),
        case(
            "awk 'function twice(text, own) { own = text text; return own } { print twice($1); print $2 | \"sort -r\" } END { own = 1; print twice(own); close(\"sort -r\"); print \"last\"; print \"b\" | \"cat\" }' list | sort",
        ),
        case(
            "sed 's/o/0/g' list; sed -n '/two/s/two \\(.\\)/\\1 zwei/p' list; sed -E 's/(t)(w)/\\2\\1/; 1d' list; sed 's/^/> /' list; echo PASSWD = x | sed -E 's/(PASS[A-Z]*[[:space:]]*=[[:space:]]*).*/\\1*/I'",
        ),
        case(
            "printf 'b\\0a\\0b\\0' | sort -zu | xargs -0 -r printf '<%s>'; printf '' | xargs -r echo never; echo 1 2 3 | xargs -n 2 echo",
        ),
        case("sha256sum < list; sha256sum list; basename /a/b.json .json; dirname /a/b /c; dirname x; seq 3"),
        case(
            "eval 'echo \"$((1+1))\"'; set -- a b; x=2; eval \"echo \\$$x\"; command -v cd; export A=1; env | grep ^A=",
        ),
        case(
            "echo a & wait $!; echo $?; f=list; while IFS=' ' read -r w n && [ \"$n\" != 3 ]; do echo $w; done < $f",
        ),
        case("exec 9<list; cat <&9; exec 9<&-; exec cat list; echo never"),
        case("false | true; echo $?; true | false; echo $?; echo x | { read -r y; echo \"$y$y\"; }"),
        case(
            "[ -f list ] && [ ! -e none ] && [ -d . ] && echo files; [ a = b -o 1 -lt 2 ] && echo or; [ \"\" ] || echo empty; test -n x -a -z '' && echo and",
        ),
        case("unset x; echo \"${x?gone}\"; echo never"),
        case("cat none; echo $?; nosuchprogram; echo $?; cat < none; echo $?"),
        case(
            "diff -u list list && echo same; for d in a b; do for e in 1 2; do [ $e = 2 ] && break; echo $d$e; done; done",
        ),
        case("x=5; (x=6; echo $x); echo $x; { x=7; }; echo $x; echo \"$(x=8; echo $x)\" $x"),
        case(
            "for p in '*a*b' 'a*' '*' '?*c' 'a[b-]*' '[!a]*' '*[' 'a\\*' 'ab*abc' '*abab*abc'; do case ababc in $p) echo \"$p\";; esac; done",
        ),
        case(
            "x=a.b.c; echo ${x#*.} ${x##*.} ${x%.*} ${x%%.*} ${x#a*c} ${x#[b-}; seq 3; seq 2 4; seq 5 2 9; seq 4 3",
        ),
        case("echo $(( (1) + -(2) * 3 )) $((1 ? 2 : 3 ? 4 : 5)) $( (echo a); echo b)"),
        case("f() { if [ $1 -gt 0 ]; then (f $(($1 - 1))); fi; echo $1; }; f 5"),
        case("# comment\necho a # b\necho 'c # d' e#f; echo \\# ; echo a \\\n b"),
        case(
            "umask 077; umask; printf 'ab\\nc d\\n' | while IFS= read -r l; do echo \"[$l]\"; done; echo ${0##*/}",
        ),
    ]
}

fn in_memory(case: &Case) -> Ended {
    let mut memory = Memory::default();
    memory.files.insert(FILE.0.to_owned(), FILE.1.as_bytes().to_vec());
    let start = Start {
        name: "sh".to_owned(),
        args: case.args.iter().map(|word| (*word).to_owned()).collect(),
        cwd: "/somewhere".to_owned(),
        stdin: Bytes::from_static(case.stdin.as_bytes()),
        pid: 7,
        umask: 0o22,
        ..Start::default()
    };
    match parse(case.script) {
        Ok(script) => run(&script, start, &mut memory),
        Err(error) => panic!("{}: {error}", case.script),
    }
}

fn in_reality(case: &Case) -> Ended {
    let directory = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(directory.path().join("list"), FILE.1).expect("a file");
    let mut child = Command::new("sh")
        .args(["-c", case.script, "sh"])
        .args(case.args)
        .current_dir(directory.path())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a shell");
    let mut stdin = child.stdin.take().expect("its input");
    std::io::Write::write_all(&mut stdin, case.stdin.as_bytes()).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: output.stdout,
        stderr: output.stderr,
    }
}

#[test]
fn does_what_the_real_one_does() {
    let mut wrong = Vec::new();
    for case in cases() {
        let (here, there) = (in_memory(&case), in_reality(&case));
        if (here.status, &here.stdout) != (there.status, &there.stdout) {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            wrong.push(format!(
                "{}\n--- here: {} {:?} {}\n--- there: {} {:?} {}",
                case.script,
                here.status,
                text(&here.stdout),
                text(&here.stderr),
                there.status,
                text(&there.stdout),
                text(&there.stderr)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_script_that_is_killed_runs_nothing_more() {
    let mut memory = Memory {
        stops_after: Some(2),
        ..Memory::default()
    };
    let script = parse("trap 'echo trapped' EXIT; cat /dev/null; cat /dev/null; cat /dev/null; echo never")
        .expect("a script");
    let ended = run(
        &script,
        Start {
            cwd: "/somewhere".to_owned(),
            ..Start::default()
        },
        &mut memory,
    );
    assert_eq!((memory.ran, ended.stdout.as_slice()), (2, &b""[..]));
}

/// Each of these once went on for ever, or until the stack or the memory was used up.
#[test]
fn a_script_that_would_never_end_is_stopped() {
    let deep = |open: &str, close: &str| format!("echo {}1{}", open.repeat(3_000), close.repeat(3_000));
    let endless = [
        "while :; do :; done",
        "x=a; while :; do x=$x$x; done",
        "set a; while :; do set \"$@\" \"$@\"; done",
        "while :; do echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; done > /file",
        "f() { (f); (f); }; f",
        "seq 1 9223372036854775807",
        "awk 'BEGIN { while (1); }'",
        "awk 'BEGIN { for (;;) x = x \"aaaa\" }'",
        "awk 'function f() { f() } BEGIN { f() }'",
        "echo a | awk '{ $999999999999 = 1 }'",
    ];
    let deep = [
        "f() { f; }; f".to_owned(),
        "f() { x=$(f); }; f".to_owned(),
        "x='eval \"$x\"'; eval \"$x\"".to_owned(),
        "echo '. /file' > /file; . /file".to_owned(),
        "x='sh -c \"$x\"'; export x; sh -c \"$x\"".to_owned(),
        deep("$(", ")"),
        deep("${a:-", "}"),
        deep("$((", "))"),
        format!("{}:{}", "( ".repeat(3_000), " )".repeat(3_000)),
        format!("{}:{}", "if :; then ".repeat(3_000), "; fi".repeat(3_000)),
        format!("echo $(({}1))", "-".repeat(3_000)),
        format!("echo $((1{}))", " ? 1 : 1".repeat(3_000)),
        format!(
            "awk 'BEGIN {{ x = {}1{} }}'",
            "(".repeat(3_000),
            ")".repeat(3_000)
        ),
        format!("awk 'BEGIN {{ x = 1{} }}'", " + 1".repeat(3_000)),
        format!("[ {} a ]", "! ".repeat(3_000)),
    ];
    for script in endless.into_iter().map(str::to_owned).chain(deep) {
        let mut memory = Memory::default();
        let start = Start {
            name: "sh".to_owned(),
            cwd: "/somewhere".to_owned(),
            ..Start::default()
        };
        let said = match parse(&script) {
            Ok(parsed) => String::from_utf8_lossy(&run(&parsed, start, &mut memory).stderr).into_owned(),
            Err(error) => error.message,
        };
        let is_refused = ["nested too deeply", "not modelled", "too many arguments"]
            .iter()
            .any(|words| said.contains(words));
        let script: String = script.chars().take(60).collect();
        assert!(memory.stopped() || is_refused, "{script}: {said}");
    }
}

#[test]
fn what_is_no_script_is_told_with_its_line() {
    for (text, line) in [
        ("echo\nif true; then", 2),
        ("echo 'x", 1),
        ("fi", 1),
        ("a\nb )", 2),
        ("case x in", 1),
    ] {
        assert_eq!(
            parse(text).map(|_| ()).map_err(|error| error.line),
            Err(line),
            "{text}"
        );
    }
}

/// The scripts that modules and the engine send to hosts: raw string literals that look like a script.
#[test]
fn every_script_of_the_modules_is_understood() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = vec![
        root.join("modules/src"),
        root.join("engine/src/transport"),
        root.join("engine/src/commands"),
    ];
    let (mut count, mut wrong) = (0, Vec::new());
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(
                std::fs::read_dir(&path)
                    .expect("a directory")
                    .flatten()
                    .map(|entry| entry.path()),
            );
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        // What comes after it are tests, whose literals are anything.
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let is_test =
            path.ends_with("tests.rs") || path.ends_with("testing_local.rs") || path.ends_with("fake.rs");
        for literal in text.split("r#\"").skip(1).filter(|_| !is_test) {
            let script = literal.split("\"#").next().unwrap_or_default();
            let looks_like_one = ["# nebplay:", "export ", "[ ", "exit", "$1"]
                .iter()
                .any(|sign| script.contains(sign));
            if looks_like_one && !script.contains("{{") {
                count += 1;
                wrong.extend(
                    parse(script)
                        .err()
                        .map(|error| format!("{}: {error}\n{script}", path.display())),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 40, "only {count} scripts were found");
}
