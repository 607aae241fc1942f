//! One noun, one type: no name of a module-level type is used twice in the workspace.

use std::collections::BTreeMap;

use syn::Item;

use crate::findings::Findings;
use crate::source::{Repository, is_test_only};

/// Names that two or more crates or modules share by intent, each with the reason.
const SHARED: [(&str, &str); 0] = [];

/// Checks that each type name is defined once outside tests.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) {
    let mut defined: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in repository.rust.iter().filter(|file| !file.is_test()) {
        for name in types(&file.syntax.items) {
            defined.entry(name).or_default().push(&file.path);
        }
    }
    for (name, places) in defined {
        let shared = SHARED.iter().any(|(shared, _)| *shared == name);
        match places.as_slice() {
            [_] if shared => {
                findings.add(format!("names: {name} is not shared any more: {}", places.join(", ")));
            }
            [_] => {}
            _ if shared => {}
            _ => findings.add(format!("names: {name} names {} types: {}", places.len(), places.join(", "))),
        }
    }
}

/// The names of the types that `items` define, those of inline modules included.
fn types(items: &[Item]) -> Vec<String> {
    let mut names = Vec::new();
    for item in items {
        match item {
            Item::Struct(item) if !is_test_only(&item.attrs) => names.push(item.ident.to_string()),
            Item::Enum(item) if !is_test_only(&item.attrs) => names.push(item.ident.to_string()),
            Item::Trait(item) if !is_test_only(&item.attrs) => names.push(item.ident.to_string()),
            Item::Type(item) if !is_test_only(&item.attrs) => names.push(item.ident.to_string()),
            Item::Mod(item) if !is_test_only(&item.attrs) => {
                names.extend(item.content.iter().flat_map(|(_, items)| types(items)));
            }
            _ => {}
        }
    }
    names
}
