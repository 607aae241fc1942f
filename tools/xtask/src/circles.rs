//! Cyclic dependencies: no two files of a crate import from each other, directly or through others.
//!
//! An import counts for the file that defines the item, not for the module that re-exports it.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use syn::visit::Visit;
use syn::{Item, UseTree, Visibility};

use crate::findings::Findings;
use crate::source::{Repository, RustFile, is_test_only};

type Path = Vec<String>;

/// Checks every crate by itself.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) {
    let mut packages: BTreeMap<&str, Vec<&RustFile>> = BTreeMap::new();
    let sources = repository.rust.iter().filter(|file| !file.is_test() && file.path.contains("/src/"));
    for file in sources.filter(|file| !file.path.contains("/src/bin/")) {
        packages.entry(file.package()).or_default().push(file);
    }
    for files in packages.values() {
        let modules: HashMap<Path, Module> =
            files.iter().map(|file| (module_path(file), Module::of(file))).collect();
        let edges: BTreeMap<&Path, BTreeSet<&Path>> =
            modules.iter().map(|(path, module)| (path, imports(module, path, &modules))).collect();
        for circle in circles(&edges) {
            let files: Vec<&str> =
                circle.iter().filter_map(|path| Some(modules.get(*path)?.file.as_str())).collect();
            findings.add(format!("circles: these files import from each other: {}", files.join(", ")));
        }
    }
}

/// `crates/api/src/http/proxies.rs` is `http::proxies`; the crate's root is empty.
fn module_path(file: &RustFile) -> Path {
    let (_, path) = file.path.split_once("/src/").unwrap_or_default();
    let path = path.trim_end_matches(".rs");
    let mut parts: Path = path.split('/').map(ToOwned::to_owned).collect();
    if parts.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        parts.pop();
    }
    parts
}

struct Module {
    file: String,
    /// What the module re-exports, by name.
    exports: HashMap<String, Path>,
    /// Absolute paths of what it imports or names.
    uses: Vec<Path>,
}

impl Module {
    fn of(file: &RustFile) -> Self {
        let path = module_path(file);
        let mut collector =
            Collector { path: &path, aliases: HashMap::new(), exports: HashMap::new(), uses: Vec::new() };
        for item in &file.syntax.items {
            collector.declare(item);
        }
        collector.visit_file(&file.syntax);
        let Collector { exports, uses, .. } = collector;
        Self { file: file.path.clone(), exports, uses }
    }
}

/// Collects imports and paths, tests excluded.
struct Collector<'a> {
    path: &'a Path,
    /// Names that stand for a module or an item: imports and child modules.
    aliases: HashMap<String, Path>,
    exports: HashMap<String, Path>,
    uses: Vec<Path>,
}

impl Collector<'_> {
    fn declare(&mut self, item: &Item) {
        match item {
            Item::Mod(item) if !is_test_only(&item.attrs) => {
                let name = item.ident.to_string();
                let path = self.path.iter().cloned().chain([name.clone()]).collect();
                self.aliases.insert(name, path);
            }
            Item::Use(item) if !is_test_only(&item.attrs) => {
                for (name, path) in leaves(&item.tree, &Vec::new()) {
                    let Some(path) = self.absolute(&path) else { continue };
                    self.aliases.insert(name.clone(), path.clone());
                    if matches!(item.vis, Visibility::Inherited) {
                        self.uses.push(path);
                    } else {
                        self.exports.insert(name, path);
                    }
                }
            }
            _ => {}
        }
    }

    /// Resolves `crate`, `self`, `super` and names of child modules.
    fn absolute(&self, path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some(self.path.iter().chain(rest).cloned().collect()),
            "super" => {
                let mut base = self.path.clone();
                base.pop();
                let more = rest.iter().take_while(|part| *part == "super").count();
                base.truncate(base.len().saturating_sub(more));
                base.extend(rest.iter().skip(more).cloned());
                Some(base)
            }
            name => Some(self.aliases.get(name)?.iter().chain(rest).cloned().collect()),
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let test = match item {
            Item::Mod(item) => is_test_only(&item.attrs),
            Item::Fn(item) => is_test_only(&item.attrs),
            Item::Use(_) => true,
            _ => false,
        };
        if !test {
            syn::visit::visit_item(self, item);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Path = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if parts.len() > 1
            && let Some(path) = self.absolute(&parts)
        {
            self.uses.push(path);
        }
        syn::visit::visit_path(self, path);
    }
}

/// The names that a `use` brings into scope, each with its path.
fn leaves(tree: &UseTree, before: &Path) -> Vec<(String, Path)> {
    let with = |name: String| before.iter().cloned().chain([name]).collect::<Path>();
    match tree {
        UseTree::Path(tree) => leaves(&tree.tree, &with(tree.ident.to_string())),
        UseTree::Group(tree) => tree.items.iter().flat_map(|item| leaves(item, before)).collect(),
        UseTree::Name(tree) if tree.ident == "self" => {
            before.last().map(|name| (name.clone(), before.clone())).into_iter().collect()
        }
        UseTree::Name(tree) => vec![(tree.ident.to_string(), with(tree.ident.to_string()))],
        UseTree::Rename(tree) => vec![(tree.rename.to_string(), with(tree.ident.to_string()))],
        UseTree::Glob(_) => Vec::new(),
    }
}

/// The modules that a module imports from, re-exports resolved.
fn imports<'a>(module: &Module, own: &Path, modules: &'a HashMap<Path, Module>) -> BTreeSet<&'a Path> {
    module.uses.iter().filter_map(|path| defining(path, modules, 0)).filter(|target| *target != own).collect()
}

/// The module that defines what `path` names; none for a bare module or a path out of the crate.
fn defining<'a>(path: &[String], modules: &'a HashMap<Path, Module>, depth: usize) -> Option<&'a Path> {
    let known = (0..=path.len()).rev().find_map(|end| modules.get_key_value(path.get(..end)?))?;
    let rest = path.get(known.0.len()..)?;
    let item = rest.first()?;
    match known.1.exports.get(item) {
        Some(target) if depth < 8 => {
            let target: Path = target.iter().chain(rest.iter().skip(1)).cloned().collect();
            defining(&target, modules, depth + 1)
        }
        _ => Some(known.0),
    }
}

/// The strongly connected components of more than one module.
fn circles<'a>(edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> Vec<Vec<&'a Path>> {
    let reach: BTreeMap<&Path, BTreeSet<&Path>> =
        edges.keys().map(|from| (*from, reachable(from, edges))).collect();
    let mut found: Vec<Vec<&'a Path>> = Vec::new();
    for from in edges.keys() {
        let both = |to: &&&'a Path| {
            reach.get(**to).is_some_and(|back| back.contains(*from))
                && reach.get(*from).is_some_and(|there| there.contains(**to))
        };
        let circle: Vec<&'a Path> = edges.keys().filter(|to| both(to)).copied().collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

fn reachable<'a>(from: &Path, edges: &BTreeMap<&'a Path, BTreeSet<&'a Path>>) -> BTreeSet<&'a Path> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&'a Path> = edges.get(from).into_iter().flatten().copied().collect();
    while let Some(next) = open.pop() {
        if seen.insert(next) {
            open.extend(edges.get(next).into_iter().flatten());
        }
    }
    seen
}
