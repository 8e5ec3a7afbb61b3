//! What a schema asks for, as far as the structs of modules need it.

use serde_json::Value;

/// A place in a schema.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a> {
    schema: &'a Value,
    /// Whether there may be nothing.
    pub(super) nullable: bool,
}

/// What kind of value is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// Anything at all.
    Any,
    /// True or false.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number.
    Number,
    /// Text.
    Text,
    /// One of these texts.
    Choice(Vec<&'a str>),
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// One of several.
    OneOf,
}

impl<'a> Shape<'a> {
    /// The whole of a schema.
    pub fn of(schema: &'a Value) -> Self {
        let types = schema.get("type").and_then(Value::as_array);
        let nullable = types.is_some_and(|types| types.iter().any(|kind| kind == "null"))
            || variants(schema).any(|variant| is_null(&variant))
            || schema
                .get("enum")
                .and_then(Value::as_array)
                .is_some_and(|choices| choices.contains(&Value::Null));
        // `Option<T>` of anything but a plain type is a choice between it and nothing.
        let mut real = variants(schema).filter(|variant| !is_null(variant));
        match (real.next(), real.next()) {
            (Some(only), None) => Self {
                nullable: nullable || Self::of(only).nullable,
                ..Self::of(only)
            },
            _ => Self { schema, nullable },
        }
    }

    pub(super) fn kind(self) -> Kind<'a> {
        let choices = self.choices();
        if !choices.is_empty() {
            return Kind::Choice(choices);
        }
        if variants(self.schema).next().is_some() {
            return Kind::OneOf;
        }
        let name = match self.schema.get("type") {
            Some(Value::String(name)) => Some(name.as_str()),
            Some(Value::Array(names)) => {
                let mut names = names
                    .iter()
                    .filter_map(Value::as_str)
                    .filter(|name| *name != "null");
                match (names.next(), names.next()) {
                    (name, None) => name,
                    _ => None,
                }
            }
            _ => None,
        };
        match name {
            Some("boolean") => Kind::Boolean,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("string") => Kind::Text,
            Some("array") => Kind::List,
            Some("object") => Kind::Mapping,
            _ => Kind::Any,
        }
    }

    /// Whether text is meant, so that what stands in a file is to be taken as it is written: `6.10`, `0644`, `no`.
    pub fn is_text(self) -> bool {
        matches!(self.kind(), Kind::Text | Kind::Choice(_))
    }

    /// The items of a list.
    pub fn items(self) -> Option<Self> {
        self.schema.get("items").map(Self::of)
    }

    /// A key of a mapping, by its name or another name it has.
    pub fn property(self, name: &str) -> Option<Self> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let found = properties.and_then(|properties| {
            properties.get(name).or_else(|| {
                let mut all = properties.values();
                all.find(|property| aliases(property).any(|alias| alias == name))
            })
        });
        found.or_else(|| self.further()).map(Self::of)
    }

    /// What further keys may hold, where there may be any.
    fn further(self) -> Option<&'a Value> {
        let further = self.schema.get("additionalProperties");
        match (further, self.schema.get("properties")) {
            (Some(Value::Bool(false)), _) | (None, Some(_)) => None,
            (Some(schema), _) => Some(schema),
            (None, None) => Some(&Value::Bool(true)),
        }
    }

    /// The argument that takes what is written without a name: `command: uptime`.
    pub fn free_form(self) -> Option<&'a str> {
        self.schema.get("x-free-form").and_then(Value::as_str)
    }

    /// Names of all known keys.
    pub fn names(self) -> impl Iterator<Item = &'a str> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Keys that must be there.
    pub(super) fn required(self) -> impl Iterator<Item = &'a str> {
        let required = self.schema.get("required").and_then(Value::as_array);
        required.into_iter().flatten().filter_map(Value::as_str)
    }

    /// The names under which a key may be given: its own first.
    pub(super) fn names_of(self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let property = self.schema.get("properties").and_then(|all| all.get(name));
        std::iter::once(name).chain(property.into_iter().flat_map(aliases))
    }

    /// How a text must be written, as a regular expression.
    pub(super) fn pattern(self) -> Option<&'a str> {
        self.schema.get("pattern").and_then(Value::as_str)
    }

    pub(super) fn bound(self, name: &str) -> Option<f64> {
        self.schema.get(name).and_then(Value::as_f64)
    }

    pub(super) fn variants(self) -> impl Iterator<Item = Self> {
        variants(self.schema)
            .filter(|variant| !is_null(variant))
            .map(Self::of)
    }

    fn choices(self) -> Vec<&'a str> {
        if let Some(choices) = self.schema.get("enum").and_then(Value::as_array) {
            return choices.iter().filter_map(Value::as_str).collect();
        }
        if let Some(only) = self.schema.get("const").and_then(Value::as_str) {
            return vec![only];
        }
        let mut all = Vec::new();
        for variant in self.variants() {
            let choices = variant.choices();
            if choices.is_empty() {
                return Vec::new();
            }
            all.extend(choices);
        }
        all
    }
}

fn variants(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"]
        .into_iter()
        .filter_map(|key| schema.get(key).and_then(Value::as_array))
        .flatten()
}

fn is_null(schema: &&Value) -> bool {
    schema.get("type").is_some_and(|kind| kind == "null")
}

/// Other names of an argument, as its module declares them beside serde's `alias`.
fn aliases(property: &Value) -> impl Iterator<Item = &str> {
    let aliases = property.get("x-aliases").and_then(Value::as_array);
    aliases.into_iter().flatten().filter_map(Value::as_str)
}
