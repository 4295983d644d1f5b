//! One method that is a message.

use proc_macro2::{Ident, Span};
use quote::quote;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit_mut::VisitMut;
use syn::{Attribute, Error, FnArg, ImplItemFn, Pat, Path, Result, ReturnType, Type, Visibility, parse_quote};

use crate::attrs::{carry, gate, summary};
use crate::model::Own;
use crate::refuse::{refuse_gate, refuse_kind, refuse_type};
use crate::types::{self, bare, last_of, types_of};

pub(crate) struct Method {
    /// Those that everything that is made from it has as well.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) vis: Visibility,
    pub(crate) name: Ident,
    pub(crate) variant: Ident,
    /// What the caller gives.
    pub(crate) args: Vec<Arg>,
    /// How the method is called: what stands in each place.
    pub(crate) places: Vec<Place>,
    pub(crate) answer: Answer,
    pub(crate) is_async: bool,
    pub(crate) options: Options,
}

pub(crate) struct Arg {
    pub(crate) name: Ident,
    pub(crate) ty: Type,
}

impl Arg {
    pub(crate) fn said(&self) -> String {
        format!("the argument `{}`", self.name.unraw())
    }
}

/// What stands in a place of a method's parameters.
pub(crate) enum Place {
    Arg(Ident),
    Context,
    Reply,
}

/// What a caller gets.
pub(crate) struct Answer {
    pub(crate) ok: Type,
    /// Of a `Result`.
    pub(crate) err: Option<Type>,
    /// It is given by way of a `Reply` in the parameters.
    pub(crate) is_deferred: bool,
}

/// What `#[msg(…)]` says.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) span: Option<Span>,
    pub(crate) is_skipped: bool,
    pub(crate) is_boxed: bool,
    pub(crate) is_large: bool,
    pub(crate) from: Option<Type>,
}

impl Options {
    pub(crate) fn take(attrs: &mut Vec<Attribute>) -> Result<Self> {
        let mut options = Self::default();
        let ours: Vec<Attribute> = attrs.extract_if(.., |attr| attr.path().is_ident("msg")).collect();
        for attr in &ours {
            options.span = Some(attr.span());
            attr.parse_nested_meta(|meta| {
                if meta.path.is_ident("skip") {
                    options.is_skipped = true;
                } else if meta.path.is_ident("boxed") {
                    options.is_boxed = true;
                } else if meta.path.is_ident("large") {
                    options.is_large = true;
                } else if meta.path.is_ident("from") {
                    options.from = Some(meta.value()?.parse()?);
                } else {
                    return Err(meta.error("`#[msg(…)]` knows `skip`, `boxed`, `large` and `from = Type`"));
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

impl Method {
    pub(crate) fn parse(function: &ImplItemFn, options: Options, own: &mut Own<'_>, krate: &Path) -> Result<Self> {
        let sig = &function.sig;
        let name = sig.ident.clone();
        refuse_kind(sig)?;
        let (mut args, mut places, mut reply) = (Vec::new(), Vec::new(), None);
        for input in &sig.inputs {
            let FnArg::Typed(input) = input else { continue };
            refuse_gate(&input.attrs)?;
            if is_context(&input.ty)? {
                if places.iter().any(|place| matches!(place, Place::Context)) {
                    return Err(Error::new(input.ty.span(), "there is one context: take it once"));
                }
                places.push(Place::Context);
                continue;
            }
            if let Some(answer) = reply_of(&input.ty) {
                if reply.is_some() {
                    return Err(Error::new(input.ty.span(), "a message has one answer: one `Reply`"));
                }
                reply = Some(answer?);
                places.push(Place::Reply);
                continue;
            }
            let arg = argument(&input.pat, &input.ty)?;
            places.push(Place::Arg(arg.name.clone()));
            args.push(arg);
        }
        let mut answer = match reply {
            None => returned(&sig.output, krate)?,
            Some(answer) => match &sig.output {
                ReturnType::Default => answer,
                ReturnType::Type(_, ty) if matches!(bare(ty), Type::Tuple(unit) if unit.elems.is_empty()) => answer,
                ReturnType::Type(_, ty) => {
                    let said = "the answer is given by the `Reply`: this method returns nothing";
                    return Err(Error::new(ty.span(), said));
                }
            },
        };
        let mut options = options;
        options.from.iter_mut().for_each(|event| own.visit_type_mut(event));
        own.visit_type_mut(&mut answer.ok);
        answer.err.iter_mut().for_each(|err| own.visit_type_mut(err));
        args.iter_mut().for_each(|arg| own.visit_type_mut(&mut arg.ty));
        if options.is_boxed && args.is_empty() {
            let said = "there are no arguments to box: leave `#[msg(boxed)]` out";
            return Err(Error::new(options.span.unwrap_or(name.span()), said));
        }
        if options.from.is_some() && args.len() != 1 {
            let said = "a message that is made from an event has one argument, the event";
            return Err(Error::new(options.span.unwrap_or(name.span()), said));
        }
        Ok(Self {
            attrs: function.attrs.iter().filter_map(carry).collect(),
            vis: function.vis.clone(),
            variant: variant_of(&name)?,
            name,
            args,
            places,
            answer,
            is_async: sig.asyncness.is_some(),
            options,
        })
    }

    /// Its attributes, with the first paragraph of what is said of it: the whole stands at the handle, and an example is run
    /// wherever it stands.
    pub(crate) fn brief(&self) -> Vec<Attribute> {
        let mut is_over = false;
        self.attrs.iter().filter_map(|attr| summary(attr, &mut is_over)).collect()
    }

    /// The types that travel, and what they are.
    pub(crate) fn sent(&self) -> impl Iterator<Item = (&Type, String)> {
        let args = self.args.iter().map(|arg| (&arg.ty, arg.said()));
        let answer = [Some(&self.answer.ok), self.answer.err.as_ref()].into_iter().flatten();
        args.chain(answer.map(|ty| (ty, "the answer".into())))
    }

    /// Whether its arguments may be large at all.
    pub(crate) fn is_sizeable(&self) -> bool {
        let plain = self.args.iter().filter(|arg| types::is_plain(&arg.ty)).count();
        plain < self.args.len() || plain > 4
    }

    /// The attributes that decide whether it is there.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = Attribute> {
        self.attrs.iter().filter_map(gate)
    }
}

fn argument(pat: &Pat, ty: &Type) -> Result<Arg> {
    refuse_type(ty, "an argument travels to the actor")?;
    let name = match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.subpat.is_none() => pat.ident.clone(),
        pat => {
            return Err(Error::new(
                pat.span(),
                "the argument of a message needs a name; take it apart within the method",
            ));
        }
    };
    if name == "reply" || name == "args" {
        let said = format!("`{name}` is what a field of every message is called: call this argument something else");
        return Err(Error::new(name.span(), said));
    }
    Ok(Arg { name, ty: ty.clone() })
}

/// `&mut Context<Self>`, under whatever path.
fn is_context(ty: &Type) -> Result<bool> {
    if last_of(ty).is_some_and(|segment| segment.ident == "Context" && types_of(segment).first().is_some_and(is_self)) {
        return Err(Error::new(ty.span(), "the context is lent: take `&mut Context<Self>`"));
    }
    let Type::Reference(reference) = bare(ty) else { return Ok(false) };
    let is_context = last_of(&reference.elem).is_some_and(|segment| segment.ident == "Context");
    if is_context && reference.mutability.is_none() {
        return Err(Error::new(ty.span(), "the context is the method's alone: take `&mut Context<Self>`"));
    }
    Ok(is_context)
}

fn is_self(ty: &&Type) -> bool {
    matches!(bare(ty), Type::Path(path) if path.path.is_ident("Self"))
}

/// `Reply<T>` or `Reply<T, E>`, under whatever path.
fn reply_of(ty: &Type) -> Option<Result<Answer>> {
    let segment = last_of(ty).filter(|segment| segment.ident == "Reply")?;
    let answer = |ok: &Type, err: Option<&Type>| Answer { ok: ok.clone(), err: err.cloned(), is_deferred: true };
    Some(match types_of(segment)[..] {
        [ok] => Ok(answer(ok, None)),
        [ok, err] => Ok(answer(ok, Some(err))),
        _ => Err(Error::new(ty.span(), "say what is answered: `Reply<T>`")),
    })
}

fn returned(output: &ReturnType, krate: &Path) -> Result<Answer> {
    let ty = match output {
        ReturnType::Default => return Ok(Answer { ok: parse_quote!(()), err: None, is_deferred: false }),
        ReturnType::Type(_, ty) => &**ty,
    };
    if let Type::ImplTrait(_) = bare(ty) {
        return Err(Error::new(ty.span(), "an answer is of one type: write it; a method that waits is an `async fn`"));
    }
    refuse_type(ty, "an answer travels back")?;
    let result = last_of(ty).filter(|segment| segment.ident == "Result");
    Ok(match result.map(types_of).as_deref() {
        Some([ok, err]) => Answer { ok: (*ok).clone(), err: Some((*err).clone()), is_deferred: false },
        // An alias with an error of its own, such as `io::Result`.
        Some([ok]) => {
            let err = parse_quote!(<#ty as #krate::actor::AnyResult>::Err);
            Answer { ok: (*ok).clone(), err: Some(err), is_deferred: false }
        }
        // One with both of its own, such as `fmt::Result`.
        Some([]) => {
            let of = quote!(<#ty as #krate::actor::AnyResult>);
            Answer { ok: parse_quote!(#of::Ok), err: Some(parse_quote!(#of::Err)), is_deferred: false }
        }
        _ => Answer { ok: ty.clone(), err: None, is_deferred: false },
    })
}

/// The variant that is called as the method is.
fn variant_of(name: &Ident) -> Result<Ident> {
    let camel = camel(name);
    let said = |_| {
        Error::new(
            name.span(),
            format!("there would be a message called `{camel}`, which is no name: call this method something else"),
        )
    };
    let variant: Ident = syn::parse_str(&camel).map_err(said)?;
    Ok(Ident::new(&variant.to_string(), name.span()))
}

fn camel(name: &Ident) -> String {
    let name = name.to_string();
    let name = name.strip_prefix("r#").unwrap_or(&name);
    name.split('_').map(capital).collect()
}

fn capital(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
