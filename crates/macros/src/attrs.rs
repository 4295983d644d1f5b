//! Which attributes of a method, or of the block, hold for what is made of it.

use syn::{Attribute, Path, parse_quote};

/// An attribute, unless it is documentation below the first paragraph.
pub(crate) fn summary(attr: &Attribute, is_over: &mut bool) -> Option<Attribute> {
    let syn::Meta::NameValue(meta) = &attr.meta else { return Some(attr.clone()) };
    if !meta.path.is_ident("doc") {
        return Some(attr.clone());
    }
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &meta.value else { return None };
    let text = text.value();
    let said = text.lines().skip_while(|line| line.trim().is_empty()).take_while(|line| !line.trim().is_empty());
    let said = said.collect::<Vec<_>>().join("\n");
    if *is_over || said.is_empty() {
        *is_over = true;
        return None;
    }
    *is_over = said.len() < text.trim().len();
    Some(parse_quote!(#[doc = #said]))
}

/// What of an attribute holds for everything that is made of a method.
pub(crate) fn carry(attr: &Attribute) -> Option<Attribute> {
    if attr.path().is_ident("expect") {
        // It is met once, on the method; what is made of it may or may not meet it.
        let mut allowed = attr.clone();
        if let syn::Meta::List(list) = &mut allowed.meta {
            list.path = parse_quote!(allow);
        }
        return Some(allowed);
    }
    only(attr, &["cfg", "deprecated", "doc", "allow"])
}

/// What an attribute permits.
pub(crate) fn permit(attr: &Attribute) -> Option<Attribute> {
    carry(attr).and_then(|attr| only(&attr, &["allow"]))
}

/// What of an attribute decides whether something is there.
pub(crate) fn gate(attr: &Attribute) -> Option<Attribute> {
    only(attr, &["cfg"])
}

/// An attribute, if it is called so; of a `cfg_attr` what is called so.
fn only(attr: &Attribute, names: &[&str]) -> Option<Attribute> {
    let is_one = |path: &Path| names.iter().any(|name| path.is_ident(name));
    if !attr.path().is_ident("cfg_attr") {
        return is_one(attr.path()).then(|| attr.clone());
    }
    let metas =
        attr.parse_args_with(syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated).ok()?;
    let mut metas = metas.into_iter();
    let when = metas.next()?;
    let kept: Vec<_> = metas.filter(|meta| is_one(meta.path())).collect();
    (!kept.is_empty()).then(|| parse_quote!(#[cfg_attr(#when, #(#kept),*)]))
}
