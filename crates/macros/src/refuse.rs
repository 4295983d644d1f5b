//! What cannot be a message, said at its place with what to do instead.

use proc_macro2::Span;
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Attribute, Error, GenericArgument, PathArguments, Result, ReturnType, Type};

use crate::types::{bare, types_of};

/// A hook that is not what the actor's trait has under this name.
pub(crate) fn refuse_hook(sig: &syn::Signature) -> Result<()> {
    let (hook, owns, args, fails) = match sig.ident.to_string().as_str() {
        "started" => ("async fn started(&mut self, cx: &mut Context<Self>) -> Result<(), BoxError>", false, 2, true),
        "restarted" => (
            "async fn restarted(&mut self, exit: &StopReason, cx: &mut Context<Self>) -> Result<(), BoxError>",
            false,
            3,
            true,
        ),
        "stopping" => ("async fn stopping(&mut self, cx: &mut Context<Self>)", false, 2, false),
        _ => ("async fn stopped(self, reason: &StopReason)", true, 2, false),
    };
    let is_unit = match &sig.output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(bare(ty), Type::Tuple(unit) if unit.elems.is_empty()),
    };
    let is_owned = sig.receiver().map(|receiver| receiver.reference.is_none() && receiver.colon_token.is_none());
    if is_owned == Some(owns) && sig.inputs.len() == args && is_unit != fails {
        return Ok(());
    }
    Err(Error::new(sig.span(), format!("the hook `{}` is `{hook}`, or the same without `async`", sig.ident)))
}

/// An argument that is there at times only.
pub(crate) fn refuse_gate(attrs: &[Attribute]) -> Result<()> {
    let gate = attrs.iter().find(|attr| attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr"));
    gate.map_or(Ok(()), |gate| {
        let said = "a message has the same arguments always: put `#[cfg]` before the method, and write it twice";
        Err(Error::new(gate.span(), said))
    })
}

pub(crate) fn refuse_kind(sig: &syn::Signature) -> Result<()> {
    if let Some(receiver) = sig.receiver()
        && receiver.colon_token.is_some()
    {
        return Err(Error::new(receiver.span(), "a message is called by the actor: write `&mut self`, or `&self`"));
    }
    if let Some(receiver) = sig.receiver()
        && receiver.reference.is_none()
    {
        let said = "a message leaves the actor its state: take `&mut self`; to end the actor from within, take \
                    `cx: &mut Context<Self>` and call `cx.stop()`";
        return Err(Error::new(receiver.span(), said));
    }
    if let Some(param) = sig.generics.params.first() {
        let said = "a message is of one type, so its method has no generic parameters: write the type, or give them to the actor";
        return Err(Error::new(param.span(), said));
    }
    if let Some(clause) = &sig.generics.where_clause {
        return Err(Error::new(
            clause.span(),
            "a message is there for every actor of the type: write the bounds at the impl block",
        ));
    }
    if let Some(unsafety) = &sig.unsafety {
        return Err(Error::new(unsafety.span(), "a message is sent by anybody: it cannot be `unsafe`"));
    }
    if let Some(abi) = &sig.abi {
        return Err(Error::new(abi.span(), "a message is no `extern` function"));
    }
    Ok(())
}

/// Messages travel to another task, and are known by their types.
pub(crate) fn refuse_type(ty: &Type, what: &str) -> Result<()> {
    if let Some(span) = opaque(ty) {
        return Err(Error::new(span, format!("{what}, and is of one type: write it, or `Box<dyn … + Send>`")));
    }
    match bare(ty) {
        Type::Never(never) => {
            return Err(Error::new(never.span(), "who never returns never answers: leave the `!` out"));
        }
        Type::Path(path) if path.path.is_ident("str") => {
            return Err(Error::new(ty.span(), format!("{what} by value: use `String`, or `Arc<str>`")));
        }
        Type::Slice(slice) => {
            let said = format!("{what} by value: use `Vec<{0}>`, or `Arc<[{0}]>`", plain(&slice.elem));
            return Err(Error::new(ty.span(), said));
        }
        Type::TraitObject(object) => {
            let said = format!("{what} by value: use `Box<{}>`", plain(&Type::TraitObject(object.clone())));
            return Err(Error::new(ty.span(), said));
        }
        _ => {}
    }
    match borrowed(ty) {
        None => Ok(()),
        Some(borrow) => {
            let hint = match bare(ty) {
                Type::Reference(reference) => instead(reference),
                _ => "own what is in it, or share it in an `Arc`".into(),
            };
            Err(Error::new(borrow, format!("{what}, to another task, and cannot borrow: {hint}")))
        }
    }
}

/// Where a type is `impl Trait`.
fn opaque(ty: &Type) -> Option<Span> {
    match bare(ty) {
        Type::ImplTrait(opaque) => Some(opaque.span()),
        Type::Path(path) => path.path.segments.iter().flat_map(types_of).find_map(opaque),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(opaque),
        Type::Array(array) => opaque(&array.elem),
        Type::Reference(reference) => opaque(&reference.elem),
        _ => None,
    }
}

/// Where a type borrows what does not live for ever.
fn borrowed(ty: &Type) -> Option<Span> {
    let of = |arguments: &PathArguments| match arguments {
        PathArguments::AngleBracketed(arguments) => arguments.args.iter().find_map(|argument| match argument {
            GenericArgument::Type(ty) => borrowed(ty),
            GenericArgument::Lifetime(lifetime) if lifetime.ident != "static" => Some(lifetime.span()),
            GenericArgument::AssocType(assoc) => borrowed(&assoc.ty),
            _ => None,
        }),
        // What a closure gets and gives is its own matter.
        PathArguments::Parenthesized(_) | PathArguments::None => None,
    };
    match bare(ty) {
        Type::Reference(reference) if is_static(reference) => borrowed(&reference.elem),
        Type::Reference(reference) => Some(reference.span()),
        Type::Path(path) => path.path.segments.iter().find_map(|segment| of(&segment.arguments)),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(borrowed),
        Type::Array(array) => borrowed(&array.elem),
        Type::Slice(slice) => borrowed(&slice.elem),
        Type::TraitObject(object) => object.bounds.iter().find_map(|bound| match bound {
            syn::TypeParamBound::Lifetime(lifetime) if lifetime.ident != "static" => Some(lifetime.span()),
            // What is for any lifetime borrows nothing.
            syn::TypeParamBound::Trait(bound) if bound.lifetimes.is_some() => None,
            syn::TypeParamBound::Trait(bound) => bound.path.segments.iter().find_map(|segment| of(&segment.arguments)),
            _ => None,
        }),
        _ => None,
    }
}

/// What lives for ever may be borrowed for ever.
fn is_static(reference: &syn::TypeReference) -> bool {
    reference.mutability.is_none() && reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static")
}

fn instead(reference: &syn::TypeReference) -> String {
    match bare(&reference.elem) {
        Type::Path(path) if path.path.is_ident("str") => "use `String`, or `Arc<str>`".into(),
        Type::Path(path) if path.path.is_ident("Path") => "use `PathBuf`".into(),
        Type::Slice(slice) => format!("use `Vec<{0}>`, or `Arc<[{0}]>`", plain(&slice.elem)),
        other if reference.mutability.is_some() => format!("use `{0}`, and answer with it", plain(other)),
        other => format!("use `{0}`, or `Arc<{0}>`", plain(other)),
    }
}

fn plain(ty: &Type) -> String {
    ty.to_token_stream()
        .to_string()
        .replace(" <", "<")
        .replace("< ", "<")
        .replace(" >", ">")
        .replace(" ,", ",")
        .replace(" :: ", "::")
}
