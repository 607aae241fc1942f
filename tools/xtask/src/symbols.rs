//! An index of functions, methods and SQL names, to look up what documents name.

use std::collections::{HashMap, HashSet};

use anyhow::Result;
use regex::Regex;
use syn::visit::Visit;
use syn::{ImplItem, TraitItem, Type};

use crate::source::{Repository, has_extension};

/// Where functions and methods are defined.
#[derive(Debug, Default)]
pub(crate) struct Symbols {
    /// `Type::method` of inherent impls and `Trait::method` of traits, with the file.
    methods: HashMap<String, String>,
    /// Every function of a file, methods included.
    functions: HashMap<String, HashSet<String>>,
    /// Names after `fn`, `CONSTRAINT` and `INDEX` anywhere, also within macros.
    names: HashSet<String>,
}

impl Symbols {
    pub(crate) fn of(repository: &Repository) -> Result<Self> {
        let mut symbols = Self::default();
        for file in &repository.rust {
            let mut visitor = Definitions { symbols: &mut symbols, path: &file.path };
            visitor.visit_file(&file.syntax);
        }
        let defined = Regex::new(r"\b(?:fn|CONSTRAINT|INDEX) ([a-z_][a-z0-9_]*)")?;
        let texts =
            repository.files.iter().filter(|path| has_extension(path, "rs") || has_extension(path, "sql"));
        for path in texts {
            let text = repository.read(path)?;
            symbols.names.extend(
                defined.captures_iter(&text).filter_map(|found| Some(found.get(1)?.as_str().to_owned())),
            );
        }
        Ok(symbols)
    }

    /// The file that defines `Type::method` or `Trait::method`, below `folder`.
    pub(crate) fn method(&self, name: &str, folder: &str) -> Option<&str> {
        self.methods.get(name).map(String::as_str).filter(|path| path.starts_with(folder))
    }

    /// The file below `folder` whose path ends in `ending` and that defines `function`.
    pub(crate) fn function(&self, folder: &str, ending: &str, function: &str) -> Option<&str> {
        let ending = format!("/{ending}");
        let fits = |path: &str| path.starts_with(folder) && path.ends_with(&ending);
        let found = self.functions.iter().find(|(path, names)| fits(path) && names.contains(function));
        found.map(|(path, _)| path.as_str())
    }

    /// Whether any function, constraint or index has this name.
    pub(crate) fn has_name(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

struct Definitions<'a> {
    symbols: &'a mut Symbols,
    path: &'a str,
}

impl Definitions<'_> {
    fn function(&mut self, name: String) {
        self.symbols.functions.entry(self.path.to_owned()).or_default().insert(name);
    }

    fn method(&mut self, owner: &str, name: String) {
        self.symbols.methods.insert(format!("{owner}::{name}"), self.path.to_owned());
        self.function(name);
    }
}

impl<'ast> Visit<'ast> for Definitions<'_> {
    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(item.sig.ident.to_string());
        syn::visit::visit_item_fn(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        for member in &item.items {
            if let TraitItem::Fn(function) = member {
                self.method(&item.ident.to_string(), function.sig.ident.to_string());
            }
        }
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        let Type::Path(owner) = &*item.self_ty else { return };
        let owner = owner.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        for member in &item.items {
            let ImplItem::Fn(function) = member else { continue };
            let name = function.sig.ident.to_string();
            if item.trait_.is_none() { self.method(&owner, name) } else { self.function(name) }
        }
        syn::visit::visit_item_impl(self, item);
    }
}
