use std::collections::HashMap;

use serde_json::Value;

/// A copy with ids, times and tokens masked; equal values get equal masks.
pub(crate) fn masked(value: &Value) -> Value {
    mask(value, &mut Masks::default())
}

#[derive(Default)]
struct Masks {
    known: HashMap<String, String>,
    count: HashMap<&'static str, usize>,
}

fn mask(value: &Value, masks: &mut Masks) -> Value {
    match value {
        Value::String(text) => Value::String(masks.of(text)),
        Value::Array(items) => Value::Array(items.iter().map(|item| mask(item, masks)).collect()),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, field)| (name.clone(), mask(field, masks))).collect())
        }
        other => other.clone(),
    }
}

impl Masks {
    fn of(&mut self, text: &str) -> String {
        let Some(kind) = kind(text) else { return text.to_owned() };
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        // Whether two times differ depends on the clock, so all get one mask.
        if kind == "time" {
            return "<time>".to_owned();
        }
        let count = self.count.entry(kind).or_default();
        *count += 1;
        let mask = format!("<{kind} {count}>");
        self.known.insert(text.to_owned(), mask.clone());
        mask
    }
}

fn is_uuid(text: &str) -> bool {
    let shape = |(place, byte): (usize, u8)| match place {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(shape)
}

fn is_time(text: &str) -> bool {
    let shape = "0000-00-00T00:00:00.000Z";
    text.len() == shape.len()
        && text
            .bytes()
            .zip(shape.bytes())
            .all(|(byte, shape)| if shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
}

fn kind(text: &str) -> Option<&'static str> {
    if is_uuid(text) {
        return Some("id");
    }
    if is_time(text) {
        return Some("time");
    }
    if text.starts_with("eyJ") && text.split('.').count() == 3 {
        return Some("token");
    }
    let (uuid, seq) = text.rsplit_once('-')?;
    (is_uuid(uuid) && seq.parse::<u64>().is_ok()).then_some("message id")
}
