use crate::diagnostics::{Finding, Findings, Source};
use crate::events::Secrets;
use crate::template::{Scope, Templates};
use crate::yaml::Tag;

use super::{GIVE_A_PASSWORD, Vault, VaultPassword};

/// `a: one secret`, `b: yes`, `c: 3306`; the password is `correct horse`. What is encrypted here came from ansible-vault.
const FILE: &str = "\
$ANSIBLE_VAULT;1.1;AES256
36373563366633356566623634653264346233366335313165343839663630663636333539613435
3562636436653762626532393034373430666535376433310a336531323865306539303364663934
64643265356531363265336166653466383339626563383836316366383562333961643439653463
6262373561663336650a383839616438303035613536353034633564336431326638333063356337
61346433393465306666333630363035396633633136393338333830393038376231
";

/// Bytes that are no text; the same password.
const BYTES: &str = "\
$ANSIBLE_VAULT;1.1;AES256
66346263653266663339613666326233633036343464663966373266343264646164336566383035
3238383438616637333263336639666337343662613430610a343561336639636237383162633939
33666532333632316634373830616230326432663135613464306535353235356162656139363864
3766393838633235320a623137363664613964633537363634663733646532306663646161663136
6334
";

/// `labelled secret {{ x }}`, with the label `ops` and the password `other`.
const LABELLED: &str = "\
$ANSIBLE_VAULT;1.2;AES256;ops
36326266633461373461363338363865653130653666313462376433376130386134626163353065
6536313864376233323030376635393731376563623664630a346431353563666133373165376666
39366530336334383530656532373638333234646335663131643861653464653034333635326238
6433363238636530640a656661646266323130343131353039336162333661626162353932646634
65373964336365666334353866363361373636616234323439663130386139363132
";

fn vault(passwords: &[(Option<&str>, &str)]) -> Vault {
    let passwords = passwords.iter().map(|(label, secret)| VaultPassword {
        label: label.map(str::to_owned),
        secret: secret.as_bytes().to_vec(),
    });
    Vault::new(passwords.collect())
}

fn both() -> Vault {
    vault(&[(None, "correct horse"), (Some("ops"), "other")])
}

/// A mapping with an encrypted value at `a`.
fn inline(sealed: &str) -> String {
    let indented: String = sealed.lines().map(|line| format!("    {line}\n")).collect();
    format!("a: !vault |\n{indented}")
}

fn shown(finding: &Finding) -> String {
    let mut text = String::new();
    miette::GraphicalReportHandler::new_themed(miette::GraphicalTheme::unicode_nocolor())
        .render_report(&mut text, finding)
        .unwrap();
    text
}

#[test]
fn a_file_is_opened_and_its_texts_are_secrets() {
    let vault = both();
    let source = vault.source("vars.yml", FILE.to_owned()).unwrap();
    let root = vault.parse(&source).unwrap().unwrap();
    let of = |name: &str| {
        let node = root.get(name).unwrap();
        (node.to_value(), node.tag.clone())
    };
    assert_eq!(of("a"), ("one secret".into(), Some(Tag::Secret)));
    assert_eq!(of("b"), (true.into(), None));
    assert_eq!(of("c"), (3306.into(), None));
}

#[test]
fn a_value_is_opened_by_its_own_password_and_is_no_template() {
    let vault = both();
    let source = Source::new("vars.yml", inline(LABELLED));
    let root = vault.parse(&source).unwrap().unwrap();
    let rendered = Templates::new().render_node(&root, &Scope::new()).unwrap();
    assert_eq!(rendered["a"], "labelled secret {{ x }}");
    assert_eq!(root.get("a").unwrap().tag, Some(Tag::Opened));
}

#[test]
fn without_a_password_a_value_is_closed_until_it_is_used_and_a_file_is_refused() {
    let closed = Vault::closed();
    let source = Source::new("vars.yml", inline(FILE) + "b: 1\n");
    let root = closed.parse(&source).unwrap().unwrap();
    let templates = Templates::new();
    let rendered = templates.render_node(root.get("b").unwrap(), &Scope::new());
    assert_eq!(rendered.unwrap(), 1);
    let error = templates.render_node(&root, &Scope::new()).unwrap_err();
    let finding = error.into_finding();
    assert_eq!(finding.message, "this value is encrypted by ansible-vault");
    assert_eq!(finding.help.as_deref(), Some(GIVE_A_PASSWORD));

    let finding = closed.source("vars.yml", FILE.to_owned()).unwrap_err();
    assert_eq!(finding.message, "vars.yml is encrypted by ansible-vault");
    assert_eq!(finding.help.as_deref(), Some(GIVE_A_PASSWORD));
}

#[test]
fn what_cannot_be_opened_is_told_at_its_place() {
    let wrong = vault(&[(None, "wrong"), (Some("ops"), "wrong, too")]);
    let cut = &FILE[..FILE.len() - 4];
    let cases = [
        (FILE, "none of the passwords opens it"),
        (LABELLED, "none of the passwords opens it (its label is `ops`)"),
        (
            cut,
            "it is damaged: it is not, or not only, three lines of hexadecimal digits",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n",
            "it is damaged: it is not, or not only, three lines of hexadecimal digits",
        ),
        (
            "$ANSIBLE_VAULT;1.1;AES256\n+1é",
            "it is damaged: it is not, or not only, three lines of hexadecimal digits",
        ),
        (
            "$ANSIBLE_VAULT;1.0;AES\n3132\n",
            "only versions 1.1 and 1.2 with AES256 are known",
        ),
        ("plain", "it does not begin with $ANSIBLE_VAULT"),
    ];
    for (sealed, why) in cases {
        let finding = wrong.parse(&Source::new("vars.yml", inline(sealed))).unwrap_err();
        assert_eq!(finding.labels[0].1, why, "{sealed}");
        if sealed.starts_with("$ANSIBLE_VAULT") {
            let finding = wrong.source("vars.yml", sealed.to_owned()).unwrap_err();
            assert!(finding.message.ends_with(&format!(": {why}")), "{finding:?}");
        }
    }
    let finding = both().parse(&Source::new("vars.yml", inline(BYTES))).unwrap_err();
    assert_eq!(finding.labels[0].1, "what is in it is no UTF-8 text");
}

#[test]
fn a_file_that_is_no_text_is_opened_as_it_is() {
    assert_eq!(
        both().open_file(BYTES.as_bytes()),
        Ok(Some(b"\xff\xfex".to_vec()))
    );
    assert_eq!(both().open_file(b"plain"), Ok(None));
    let closed = Vault::closed().open_file(BYTES.as_bytes()).unwrap_err();
    assert!(closed.contains(GIVE_A_PASSWORD), "{closed}");
}

#[test]
fn a_finding_in_a_file_that_was_encrypted_shows_nothing_of_it() {
    let source = Source::sealed("vars.yml", "a: hunter2\na: [hunter3\n", String::new());
    let findings: Findings = both().parse(&source).err().into_iter().collect();
    let said: String = findings.iter().map(shown).collect();
    assert!(said.contains("vars.yml:") && !said.contains("hunter"), "{said}");
}

#[test]
fn what_says_yes_or_no_is_no_secret() {
    let secrets = Secrets::default();
    for text in ["yes", "hunter2"] {
        secrets.learn_opened(text, "vault");
    }
    assert_eq!(secrets.scrub("yes, hunter2"), "yes, Redacted(vault)");
}
