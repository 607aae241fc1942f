//! No tuple parameters: a function that needs more arguments takes a request struct.

use syn::visit::Visit;
use syn::{FnArg, Pat, Signature, Type};

use crate::findings::Findings;
use crate::source::{Repository, RustFile, is_test_only};

/// Checks every function outside tests.
pub(crate) fn check(repository: &Repository, findings: &mut Findings) {
    for file in repository.rust.iter().filter(|file| !file.is_test()) {
        let mut visitor = Signatures { file, findings: &mut *findings };
        visitor.visit_file(&file.syntax);
    }
}

struct Signatures<'a> {
    file: &'a RustFile,
    findings: &'a mut Findings,
}

impl<'ast> Visit<'ast> for Signatures<'_> {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !is_test_only(&module.attrs) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        for input in &signature.inputs {
            let FnArg::Typed(input) = input else { continue };
            let pair = matches!(&*input.pat, Pat::Tuple(pattern) if pattern.elems.len() > 1);
            if pair && matches!(&*input.ty, Type::Tuple(_)) {
                let (path, name) = (&self.file.path, &signature.ident);
                self.findings.add(format!("{path}: {name} hides arguments in a tuple; use a request struct"));
            }
        }
    }
}
