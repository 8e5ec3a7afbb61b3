//! Lists and sets: `union`, `intersect`, `difference`, `flatten`, `product`, `combinations`, `zip_longest`, `is subset`, `is contains`.

use minijinja::value::{Rest, Tuple, ValueOrKwargs};
use minijinja::{Environment, Error, Value};

use super::given::Given;
use super::invalid;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("union", |a: &Value, b: &Value| {
        let all = items(a)?.into_iter().chain(items(b)?);
        Ok::<_, Error>(unique(all))
    });
    environment.add_filter("intersect", |a: &Value, b: &Value| {
        let other = items(b)?;
        let both = items(a)?.into_iter().filter(|item| other.contains(item));
        Ok::<_, Error>(unique(both))
    });
    environment.add_filter("difference", |a: &Value, b: &Value| {
        let other = items(b)?;
        let only = items(a)?.into_iter().filter(|item| !other.contains(item));
        Ok::<_, Error>(unique(only))
    });
    environment.add_filter("symmetric_difference", |a: &Value, b: &Value| {
        let (a, b) = (items(a)?, items(b)?);
        let only_a = a.iter().filter(|item| !b.contains(item));
        let only_b = b.iter().filter(|item| !a.contains(item));
        Ok::<_, Error>(unique(only_a.chain(only_b).cloned()))
    });
    environment.add_filter("flatten", flatten);
    environment.add_filter("product", product);
    environment.add_filter("combinations", |list: &Value, size: usize| {
        choices(list, Some(size), false)
    });
    environment.add_filter("permutations", |list: &Value, size: Option<usize>| {
        choices(list, size, true)
    });
    environment.add_filter("zip_longest", zip_longest);
    for name in ["subset", "issubset"] {
        environment.add_test(name, |a: &Value, b: &Value| subset(a, b));
    }
    for name in ["superset", "issuperset"] {
        environment.add_test(name, |a: &Value, b: &Value| subset(b, a));
    }
    environment.add_test("contains", |list: &Value, item: &Value| {
        Ok::<_, Error>(match list.as_str() {
            Some(text) => text.contains(&item.to_string()),
            None => items(list)?.contains(item),
        })
    });
    environment.add_test("any", |list: &Value| {
        Ok::<_, Error>(items(list)?.iter().any(Value::is_true))
    });
    environment.add_test("all", |list: &Value| {
        Ok::<_, Error>(items(list)?.iter().all(Value::is_true))
    });
}

/// The items of a list; a text is none.
fn items(value: &Value) -> Result<Vec<Value>, Error> {
    if value.as_str().is_some() {
        return Err(invalid("expected a list, not a string"));
    }
    Ok(value.try_iter()?.collect())
}

fn unique(values: impl IntoIterator<Item = Value>) -> Vec<Value> {
    let mut kept = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

fn subset(small: &Value, large: &Value) -> Result<bool, Error> {
    let large = items(large)?;
    Ok(items(small)?.iter().all(|item| large.contains(item)))
}

/// `flatten(levels, skip_nulls=true)`: all levels unless said.
fn flatten(list: &Value, given: Rest<ValueOrKwargs>) -> Result<Vec<Value>, Error> {
    fn add(list: &Value, levels: usize, skip_nulls: bool, into: &mut Vec<Value>) -> Result<(), Error> {
        for item in items(list)? {
            if levels > 0 && item.kind() == minijinja::value::ValueKind::Seq {
                add(&item, levels - 1, skip_nulls, into)?;
            } else if !(skip_nulls && item.is_none()) {
                into.push(item);
            }
        }
        Ok(())
    }
    let given = Given::new(given)?;
    let levels = given.get(0, "levels")?.unwrap_or(usize::MAX);
    let skip_nulls = given.get(1, "skip_nulls")?.unwrap_or(true);
    given.end(2)?;
    let mut flat = Vec::new();
    add(list, levels, skip_nulls, &mut flat)?;
    Ok(flat)
}

fn tuple(items: Vec<Value>) -> Value {
    Value::from_object(Tuple::new(items))
}

/// Above this many tuples a product is a mistake, and would only use up the memory.
const LARGEST_PRODUCT: usize = 100_000;

/// `a | product(b, c)`: every way to take one item of each list, the last list changing fastest.
fn product(first: &Value, others: Rest<Value>) -> Result<Vec<Value>, Error> {
    let mut tuples: Vec<Vec<Value>> = vec![Vec::new()];
    for list in std::iter::once(first).chain(others.iter()) {
        let choices = items(list)?;
        if tuples.len().saturating_mul(choices.len()) > LARGEST_PRODUCT {
            return Err(invalid(format!("product has more than {LARGEST_PRODUCT} items")));
        }
        let longer = tuples.iter().flat_map(|tuple| {
            choices
                .iter()
                .map(|choice| [tuple.as_slice(), std::slice::from_ref(choice)].concat())
        });
        tuples = longer.collect();
    }
    Ok(tuples.into_iter().map(tuple).collect())
}

/// Every way to take so many of the items (all, unless said), in their order, or in any.
fn choices(list: &Value, size: Option<usize>, in_any_order: bool) -> Result<Vec<Value>, Error> {
    let items: Vec<Value> = match list.as_str() {
        Some(text) => text.chars().map(|c| Value::from(c.to_string())).collect(),
        None => items(list)?,
    };
    let size = size.unwrap_or(items.len());
    let mut taken: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..size.min(items.len() + 1) {
        let longer = taken.iter().flat_map(|taken| {
            let begin = taken.last().filter(|_| !in_any_order).map_or(0, |last| last + 1);
            let free = (begin..items.len()).filter(|item| !taken.contains(item));
            free.map(|item| [taken.as_slice(), &[item]].concat())
        });
        taken = longer.take(LARGEST_PRODUCT + 1).collect();
        if taken.len() > LARGEST_PRODUCT {
            return Err(invalid(format!("there are more than {LARGEST_PRODUCT} ways")));
        }
    }
    let chosen = |taken: Vec<usize>| tuple(taken.into_iter().map(|item| items[item].clone()).collect());
    Ok(taken.into_iter().map(chosen).collect())
}

/// `a | zip_longest(b, c, fillvalue=none)`: the first items together, the second ones, …, as many as the longest list has.
fn zip_longest(first: &Value, given: Rest<ValueOrKwargs>) -> Result<Vec<Value>, Error> {
    let given = Given::new(given)?;
    let fill: Option<Value> = given.named("fillvalue")?;
    let fill = fill.unwrap_or(Value::from(()));
    let lists = std::iter::once(first).chain(given.all_from(0)).map(items);
    let lists = lists.collect::<Result<Vec<_>, Error>>()?;
    given.end(usize::MAX)?;
    let length = lists.iter().map(Vec::len).max().unwrap_or_default();
    let row = |at: usize| {
        let cells = lists.iter().map(|list| list.get(at).unwrap_or(&fill).clone());
        tuple(cells.collect())
    };
    Ok((0..length).map(row).collect())
}
