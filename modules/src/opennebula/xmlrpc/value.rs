//! XML-RPC's values: calls are written, answers are read.

use quick_xml::escape::escape;

use crate::opennebula::xml::{self, Element, XmlError};

/// A parameter of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Param<'a> {
    /// A text.
    Text(&'a str),
    /// A number.
    Int(i32),
    /// True or false.
    Bool(bool),
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `string`, and what has no type.
    Text(String),
    /// `i4`, `int`, `i8`.
    Int(i64),
    /// `boolean`.
    Bool(bool),
    /// `array`.
    Array(Vec<Value>),
    /// `struct`.
    Struct(Vec<(String, Value)>),
    /// A type OpenNebula does not use.
    Other(String),
}

/// The body of a call. The session is the first parameter of every call of OpenNebula.
pub(super) fn call(method: &str, session: &str, params: &[Param<'_>]) -> String {
    let mut body = format!(
        "<?xml version=\"1.0\"?>\n<methodCall><methodName>{}</methodName><params>",
        escape(method)
    );
    for param in std::iter::once(&Param::Text(session)).chain(params) {
        let value = match param {
            Param::Text(text) => format!("<string>{}</string>", escape(*text)),
            Param::Int(number) => format!("<i4>{number}</i4>"),
            Param::Bool(truth) => format!("<boolean>{}</boolean>", u8::from(*truth)),
        };
        body.push_str("<param><value>");
        body.push_str(&value);
        body.push_str("</value></param>");
    }
    body.push_str("</params></methodCall>");
    body
}

/// What an answer says, before anybody looks whether OpenNebula said yes or no.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Response {
    /// The one value of an answer.
    Value(Value),
    /// The server could not even call the method.
    Fault {
        /// Its number.
        code: i64,
        /// Its words.
        text: String,
    },
}

/// Reads an answer's body.
pub(super) fn response(body: &str) -> Result<Response, XmlError> {
    let root = xml::parse(body)?;
    if root.name != "methodResponse" {
        return Err(XmlError("it is no methodResponse".to_owned()));
    }
    if let Some(fault) = root.child("fault") {
        let Value::Struct(members) = value(only_child(fault, "value")?)? else {
            return Err(XmlError("a fault without its struct".to_owned()));
        };
        let member = |name: &str| {
            members
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        let code = match member("faultCode") {
            Some(Value::Int(code)) => *code,
            _ => -1,
        };
        let text = match member("faultString") {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        };
        return Ok(Response::Fault { code, text });
    }
    let param = only_child(only_child(&root, "params")?, "param")?;
    Ok(Response::Value(value(only_child(param, "value")?)?))
}

fn only_child<'a>(element: &'a Element, name: &str) -> Result<&'a Element, XmlError> {
    match element.children.as_slice() {
        [child] if child.name == name => Ok(child),
        _ => Err(XmlError(format!("{} is not exactly one {name}", element.name))),
    }
}

/// Depth is bounded by the XML reader's.
fn value(element: &Element) -> Result<Value, XmlError> {
    let typed = match element.children.as_slice() {
        [] => return Ok(Value::Text(element.text.clone())),
        [typed] => typed,
        _ => return Err(XmlError("a value of several types".to_owned())),
    };
    let text = typed.text.trim();
    match typed.name.as_str() {
        "string" => Ok(Value::Text(typed.text.clone())),
        "i4" | "int" | "i8" => match text.parse() {
            Ok(number) => Ok(Value::Int(number)),
            Err(_) => Err(XmlError("an integer that is none".to_owned())),
        },
        "boolean" => match text {
            "1" => Ok(Value::Bool(true)),
            "0" => Ok(Value::Bool(false)),
            _ => Err(XmlError("a boolean that is neither 0 nor 1".to_owned())),
        },
        "array" => {
            let data = only_child(typed, "data")?;
            data.children
                .iter()
                .map(value)
                .collect::<Result<_, _>>()
                .map(Value::Array)
        }
        "struct" => {
            let member = |member: &Element| {
                let inner = member
                    .child("value")
                    .ok_or_else(|| XmlError("a member without a value".to_owned()))?;
                Ok((member.text_of("name")?.to_owned(), value(inner)?))
            };
            typed
                .all("member")
                .map(member)
                .collect::<Result<_, XmlError>>()
                .map(Value::Struct)
        }
        other => Ok(Value::Other(other.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_as_oned_was_seen_to_take_it() {
        let body = call(
            "one.zone.enable",
            "oneadmin:a<&\"b",
            &[Param::Int(100), Param::Bool(false)],
        );
        assert_eq!(
            body,
            "<?xml version=\"1.0\"?>\n<methodCall><methodName>one.zone.enable</methodName><params>\
             <param><value><string>oneadmin:a&lt;&amp;&quot;b</string></value></param>\
             <param><value><i4>100</i4></value></param><param><value><boolean>0</boolean></value></param>\
             </params></methodCall>"
        );
    }

    const ANSWER: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<methodResponse>\n<params>\n<param><value><array><data>\n\
        <value><boolean>0</boolean></value>\n<value><string>[one.x] &lt;no&gt;</string></value>\n<value><i4>8192</i4></value>\n\
        <value><i8>-1</i8></value>\n<value>bare</value>\n</data></array></value></param>\n</params>\n</methodResponse>\n";

    #[test]
    fn answers_are_read() {
        let expected = vec![
            Value::Bool(false),
            Value::Text("[one.x] <no>".into()),
            Value::Int(8192),
            Value::Int(-1),
            Value::Text("bare".into()),
        ];
        assert_eq!(response(ANSWER), Ok(Response::Value(Value::Array(expected))));
        let fault = "<methodResponse><fault><value><struct>\n<member><name>faultCode</name>\n<value><i4>-506</i4></value></member>\
            <member><name>faultString</name><value><string>Method 'x' not defined</string></value></member></struct></value></fault>\
            </methodResponse>";
        let text = "Method 'x' not defined".to_owned();
        assert_eq!(response(fault), Ok(Response::Fault { code: -506, text }));
    }

    #[test]
    fn an_answer_cut_anywhere_is_an_error() {
        let whole = ANSWER.trim_end();
        for end in (0..whole.len()).filter(|&end| whole.is_char_boundary(end)) {
            assert!(response(&whole[..end]).is_err(), "{}", &whole[..end]);
        }
    }

    #[test]
    fn answers_of_another_shape_are_errors() {
        for body in [
            "<html/>",
            "<methodResponse/>",
            "<methodResponse><params/></methodResponse>",
            "<methodResponse><params><param/></params></methodResponse>",
            "<methodResponse><fault/></methodResponse>",
            "<methodResponse><params><param><value><i4>x</i4></value></param></params></methodResponse>",
            "<methodResponse><params><param><value><boolean>2</boolean></value></param></params></methodResponse>",
        ] {
            assert!(response(body).is_err(), "{body}");
        }
    }
}
