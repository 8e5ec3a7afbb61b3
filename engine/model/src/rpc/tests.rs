use super::*;

#[test]
fn messages_read_back() {
    let call = Call::new(
        "one.zone.enable",
        "oneadmin:a<&>'\"",
        [
            Value::Int(100),
            Value::Bool(false),
            Value::Long(-1),
            Value::Text(String::new()),
        ],
    );
    assert_eq!(Call::parse(&call.render()), Ok(call));
    let answers = [
        Answer::Success(Value::Text("<ZONE><![CDATA[x]]></ZONE>".to_owned())),
        Answer::refused("one.zone.enable", &Refusal::zone_disabled()),
        Answer::no_such_method("one.zone.nosuch"),
    ];
    for answer in answers {
        assert_eq!(Answer::parse(&answer.render()), Ok(answer));
    }
}

#[test]
fn a_value_without_type_is_a_string() {
    let call =
        "<methodCall><methodName>m</methodName><params><param><value>s</value></param></params></methodCall>";
    assert_eq!(
        Call::parse(call).map(|call| call.session().to_owned()),
        Ok("s".to_owned())
    );
}

#[test]
fn lengths_are_those_of_the_real_one() {
    // Content-length of the answers that were captured: lines end in CR LF.
    let lengths = [
        (Answer::Success(Value::Text("7.0.0".to_owned())), 263),
        (Answer::Success(Value::Int(100)), 253),
        (Answer::no_such_method("one.zone.nosuch"), 316),
        (Answer::refused("one.zone.enable", &Refusal::not_my_zone()), 403),
        (
            Answer::refused("one.user.allocate", &Refusal::zone_disabled()),
            374,
        ),
        (
            Answer::refused("one.zone.raftstatus", &Refusal::not_authenticated()),
            384,
        ),
        (
            Answer::refused(
                "one.zone.raftstatus",
                &Refusal::not_authorized(10, "ADMIN", "ZONE [100]"),
            ),
            393,
        ),
    ];
    for (answer, length) in lengths {
        assert_eq!(answer.render().len(), length, "{answer:?}");
    }
}

#[test]
fn broken_messages_are_errors() {
    for broken in [
        "",
        "<a/>",
        "<methodCall><params><param/></params></methodCall>",
        "<methodResponse/>",
    ] {
        assert!(Call::parse(broken).is_err(), "{broken}");
        assert!(Answer::parse(broken).is_err(), "{broken}");
    }
}
