//! XML-RPC, as far as OpenNebula speaks it: a call, and an answer of success, data and code.

use std::fmt::Write as _;

use crate::errors::{Code, Refusal};
use crate::xml::{Element, escape, escape_into};

/// A parameter of a call, or the data of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `<string>`, also for a value without a type.
    Text(String),
    /// `<i4>` or `<int>`.
    Int(i64),
    /// `<i8>`: what does not fit 32 bits.
    Long(i64),
    /// `<boolean>`.
    Bool(bool),
}

impl Value {
    /// The number in it.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) | Self::Long(number) => Some(*number),
            Self::Text(_) | Self::Bool(_) => None,
        }
    }

    /// The text in it.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn render(&self, to: &mut String) {
        let _ = match self {
            Self::Text(text) => return text_value(to, text),
            Self::Int(number) => write!(to, "<value><i4>{number}</i4></value>"),
            Self::Long(number) => write!(to, "<value><i8>{number}</i8></value>"),
            Self::Bool(yes) => write!(to, "<value><boolean>{}</boolean></value>", i32::from(*yes)),
        };
    }

    fn read(value: &Element) -> Option<Self> {
        let Some(typed) = value.children.first() else {
            return Some(Self::Text(value.text.clone()));
        };
        match typed.name.as_str() {
            "string" => Some(Self::Text(typed.text.clone())),
            "i4" | "int" => typed.text.trim().parse().ok().map(Self::Int),
            "i8" => typed.text.trim().parse().ok().map(Self::Long),
            "boolean" => Some(Self::Bool(typed.text.trim() == "1")),
            _ => None,
        }
    }
}

/// The body is no XML-RPC of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an XML-RPC message: {0}")]
pub struct NotRpc(String);

/// A call: `one.zone.enable("oneadmin:password", 100, true)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The full method name.
    pub method: String,
    /// All parameters; the first one is the session.
    pub parameters: Vec<Value>,
}

impl Call {
    /// A call with its session in front.
    pub fn new(method: &str, session: &str, parameters: impl IntoIterator<Item = Value>) -> Self {
        let session = Value::Text(session.to_owned());
        Self {
            method: method.to_owned(),
            parameters: std::iter::once(session).chain(parameters).collect(),
        }
    }

    /// Reads the body of a request.
    pub fn parse(body: &str) -> Result<Self, NotRpc> {
        let root = Element::parse(body).map_err(|error| NotRpc(error.to_string()))?;
        if root.name != "methodCall" {
            return Err(NotRpc(format!("`{}` is no methodCall", root.name)));
        }
        let parameters: Option<Vec<Value>> = root
            .child("params")
            .map_or(&[][..], |list| &list.children)
            .iter()
            .map(|parameter| Value::read(parameter.child("value")?))
            .collect();
        Ok(Self {
            method: root.text_of("methodName").trim().to_owned(),
            parameters: parameters.ok_or_else(|| NotRpc("a parameter has no value".to_owned()))?,
        })
    }

    /// The body of the request.
    pub fn render(&self) -> String {
        let method = escape(&self.method);
        let mut body =
            format!("<?xml version=\"1.0\"?>\n<methodCall><methodName>{method}</methodName><params>");
        for value in &self.parameters {
            body.push_str("<param>");
            value.render(&mut body);
            body.push_str("</param>");
        }
        body.push_str("</params></methodCall>\n");
        body
    }

    /// The session, `user:password`.
    pub fn session(&self) -> &str {
        self.parameters
            .first()
            .and_then(Value::as_text)
            .unwrap_or_default()
    }

    /// The number at place `at`, the session being 0.
    pub fn int(&self, at: usize) -> Result<i64, Refusal> {
        self.parameters
            .get(at)
            .and_then(Value::as_int)
            .ok_or_else(|| wrong_type(at, "int"))
    }

    /// The text at place `at`.
    pub fn text(&self, at: usize) -> Result<&str, Refusal> {
        self.parameters
            .get(at)
            .and_then(Value::as_text)
            .ok_or_else(|| wrong_type(at, "string"))
    }

    /// The truth at place `at`.
    pub fn bool(&self, at: usize) -> Result<bool, Refusal> {
        match self.parameters.get(at) {
            Some(Value::Bool(yes)) => Ok(*yes),
            _ => Err(wrong_type(at, "boolean")),
        }
    }
}

fn wrong_type(at: usize, kind: &str) -> Refusal {
    Refusal::new(
        Code::Parameters,
        format!("Parameter {at} is missing or no {kind}"),
    )
}

/// An answer of oned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Done; the data.
    Success(Value),
    /// Refused; the whole message with the method in brackets, and the code.
    Failure {
        /// For example `[one.zone.enable] Cannot process request, zone disabled`.
        message: String,
        /// See [`Code`].
        code: i64,
    },
    /// Not even understood: no such method.
    Fault {
        /// XML-RPC's own code.
        code: i64,
        /// What was wrong.
        message: String,
    },
}

impl Answer {
    /// The answer to a call of `method` that was refused.
    pub fn refused(method: &str, refusal: &Refusal) -> Self {
        Self::Failure {
            message: format!("[{method}] {}", refusal.message),
            code: refusal.code as i64,
        }
    }

    /// The answer to a method nobody knows.
    pub fn no_such_method(method: &str) -> Self {
        Self::Fault {
            code: -506,
            message: format!("Method '{method}' not defined"),
        }
    }

    /// The body of the response.
    pub fn render(&self) -> String {
        let mut body = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n<methodResponse>\r\n");
        match self {
            Self::Success(value) => array(&mut body, &[&Value::Bool(true), value, &Value::Int(0)]),
            Self::Failure { message, code } => array(
                &mut body,
                &[
                    &Value::Bool(false),
                    &Value::Text(message.clone()),
                    &Value::Int(*code),
                    &Value::Int(-1),
                    &Value::Long(-1),
                ],
            ),
            Self::Fault { code, message } => {
                body.push_str("<fault>\r\n<value><struct>\r\n<member><name>faultCode</name>\r\n");
                Value::Int(*code).render(&mut body);
                body.push_str("</member>\r\n<member><name>faultString</name>\r\n");
                text_value(&mut body, message);
                body.push_str("</member>\r\n</struct></value>\r\n</fault>\r\n");
            }
        }
        body.push_str("</methodResponse>\r\n");
        body
    }

    /// Reads the body of a response.
    pub fn parse(body: &str) -> Result<Self, NotRpc> {
        let root = Element::parse(body).map_err(|error| NotRpc(error.to_string()))?;
        let wrong = || NotRpc("the response has an unexpected form".to_owned());
        if let Some(fault) = root.child("fault") {
            let members = fault
                .child("value")
                .and_then(|value| value.child("struct"))
                .ok_or_else(wrong)?;
            let member = |name: &str| {
                let member = members
                    .children
                    .iter()
                    .find(|member| member.text_of("name") == name)?;
                Value::read(member.child("value")?)
            };
            return Ok(Self::Fault {
                code: member("faultCode").and_then(|code| code.as_int()).unwrap_or(-1),
                message: member("faultString")
                    .and_then(|text| text.as_text().map(str::to_owned))
                    .unwrap_or_default(),
            });
        }
        let data = ["params", "param", "value", "array", "data"]
            .iter()
            .try_fold(&root, |element, name| element.child(name))
            .ok_or_else(wrong)?;
        let values: Vec<Value> = data
            .children
            .iter()
            .map(Value::read)
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        match values.as_slice() {
            [Value::Bool(true), value, ..] => Ok(Self::Success(value.clone())),
            [Value::Bool(false), Value::Text(message), code, ..] => Ok(Self::Failure {
                message: message.clone(),
                code: code.as_int().unwrap_or(-1),
            }),
            _ => Err(wrong()),
        }
    }
}

fn text_value(to: &mut String, text: &str) {
    to.push_str("<value><string>");
    escape_into(to, text);
    to.push_str("</string></value>");
}

fn array(to: &mut String, values: &[&Value]) {
    to.push_str("<params>\r\n<param><value><array><data>\r\n");
    for value in values {
        value.render(to);
        to.push_str("\r\n");
    }
    to.push_str("</data></array></value></param>\r\n</params>\r\n");
}

#[cfg(test)]
mod tests;
