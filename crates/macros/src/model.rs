//! What the block says: the type, its generics, its messages, its hooks.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::visit_mut::{self, VisitMut};
use syn::{Error, GenericParam, Generics, ImplItem, ItemImpl, Path, Result, Token, Type, Visibility, parse_quote};

use crate::attrs;
use crate::method::{self, Method};
use crate::refuse::refuse_hook;

/// What is in the parentheses of the attribute.
pub(crate) struct Args {
    /// Where `regatta` is.
    pub(crate) krate: Path,
    /// How far what is made is seen.
    vis: Option<Visibility>,
}

pub(crate) struct Model {
    pub(crate) krate: Path,
    /// As the user has written it, without our attributes.
    pub(crate) block: ItemImpl,
    pub(crate) name: Ident,
    pub(crate) self_ty: Type,
    pub(crate) generics: Generics,
    /// What the actor's trait names must be seen as far as the actor.
    pub(crate) vis: Visibility,
    /// Of the trait, which shows all methods.
    pub(crate) api_vis: Visibility,
    pub(crate) messages: Vec<Method>,
    /// What the block allows, its code does wherever it goes.
    pub(crate) allows: Vec<syn::Attribute>,
    /// Nothing of the user's is where `spawn` and `supervised` go.
    pub(crate) is_started: bool,
    /// Those that are there, whether they are async, and what decides whether they are there.
    pub(crate) hooks: Vec<(Ident, bool, Vec<syn::Attribute>)>,
}

/// The hooks of an actor, which are no messages.
const HOOKS: [&str; 4] = ["started", "restarted", "stopping", "stopped"];
/// What the handle, or the type, has already.
const RESERVED: [&str; 2] = ["actor", "clone"];
/// What the type gets.
const MADE: [&str; 2] = ["spawn", "supervised"];

impl Args {
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        syn::parse2(tokens)
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Self { krate: parse_quote!(::regatta), vis: None };
        while !input.is_empty() {
            if input.peek(Token![crate]) {
                input.parse::<Token![crate]>()?;
                input.parse::<Token![=]>()?;
                args.krate = input.call(Path::parse_mod_style)?;
            } else if input.peek(Token![pub]) {
                args.vis = Some(input.parse()?);
            } else {
                let said = "the arguments are `pub(crate)`, or another visibility of what is made, and `crate = path`, where \
                            the crate `regatta` is";
                return Err(input.error(said));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

impl Model {
    /// What is refused, in the second place, is left out: the rest is made all the same, so that one mistake is one error.
    pub(crate) fn parse(args: &Args, item: TokenStream) -> Result<(Self, Option<Error>)> {
        let hint = "`#[regatta::actor]` goes on an impl block: `impl Counter { … }`";
        let mut block: ItemImpl = syn::parse2(item).map_err(|error| Error::new(error.span(), hint))?;
        if let Some((_, path, _)) = &block.trait_ {
            let said = format!("{hint}, not on that of a trait");
            return Err(Error::new(path.span(), said));
        }
        let self_ty = (*block.self_ty).clone();
        let name = match &self_ty {
            Type::Path(path) if path.qself.is_none() => path.path.segments.last().map(|segment| segment.ident.clone()),
            _ => None,
        };
        let name = name.ok_or_else(|| Error::new(self_ty.span(), format!("{hint}, of a type of your own")))?;
        refuse_lifetimes(&block.generics)?;
        let mut own = Own { name: &self_ty };
        let (mut messages, mut hooks) = (Vec::new(), Vec::new());
        let mut errors: Option<Error> = None;
        for item in &mut block.items {
            let ImplItem::Fn(function) = item else { continue };
            match sort(function, &mut own, &mut messages, &mut hooks, &args.krate) {
                Ok(()) => {}
                Err(error) => match &mut errors {
                    Some(errors) => errors.combine(error),
                    None => errors = Some(error),
                },
            }
        }
        if messages.is_empty() && errors.is_none() {
            let said = "no method here is a message: those are the methods with `&self` or `&mut self` that are not private; \
                        write `pub` before one";
            errors = Some(Error::new(name.span(), said));
        }
        for twin in [without_twins(&mut messages), without_same_events(&mut messages)].into_iter().flatten() {
            match &mut errors {
                Some(errors) => errors.combine(twin),
                None => errors = Some(twin),
            }
        }
        let mut generics = block.generics.clone();
        own.visit_generics_mut(&mut generics);
        owned_and_sent(&mut generics);
        let vis = args.vis.clone().unwrap_or_else(|| parse_quote!(pub));
        let api_vis = narrowest(&vis, &messages);
        let allows = block.attrs.iter().filter_map(attrs::permit).collect();
        block.generics = generics.clone();
        let krate = args.krate.clone();
        let is_started = !block.items.iter().any(|item| matches!(item, ImplItem::Fn(function) if is_made(function)));
        let model = Self { krate, block, name, self_ty, generics, vis, api_vis, messages, allows, is_started, hooks };
        Ok((model, errors))
    }

    /// Whether a type depends on a parameter of the actor's.
    pub(crate) fn mentions_generics(&self, ty: &Type) -> bool {
        fn mentions(tokens: TokenStream, params: &[&Ident]) -> bool {
            tokens.into_iter().any(|token| match token {
                proc_macro2::TokenTree::Ident(ident) => params.contains(&&ident),
                proc_macro2::TokenTree::Group(group) => mentions(group.stream(), params),
                _ => false,
            })
        }
        let (types, consts) = (self.generics.type_params(), self.generics.const_params());
        let params: Vec<&Ident> = types.map(|param| &param.ident).chain(consts.map(|param| &param.ident)).collect();
        !params.is_empty() && mentions(ty.to_token_stream(), &params)
    }

    pub(crate) fn named(&self, end: &str) -> Ident {
        format_ident!("{}{end}", self.name)
    }
}

/// Decides what a function of the block is.
fn sort(
    function: &mut syn::ImplItemFn,
    own: &mut Own<'_>,
    messages: &mut Vec<Method>,
    hooks: &mut Vec<(Ident, bool, Vec<syn::Attribute>)>,
    krate: &Path,
) -> Result<()> {
    let options = method::Options::take(&mut function.attrs)?;
    let name = function.sig.ident.clone();
    if is_made(function) {
        let said = format!(
            "`{name}` is how the actor is started, and is made by the attribute: call this function something else"
        );
        return Err(Error::new(name.span(), said));
    }
    if HOOKS.iter().any(|hook| name == hook) {
        if !matches!(function.vis, Visibility::Inherited) {
            let said = format!(
                "`{name}` is a hook of the actor, which nobody else calls: leave `{}` out",
                plain_vis(&function.vis)
            );
            return Err(Error::new(function.vis.span(), said));
        }
        if let Some(span) = options.span {
            let said = format!("`{name}` is a hook of the actor, and no message: leave `#[msg]` out");
            return Err(Error::new(span, said));
        }
        refuse_hook(&function.sig)?;
        let cfgs = function.attrs.iter().filter_map(attrs::gate).collect();
        hooks.push((name, function.sig.asyncness.is_some(), cfgs));
        return Ok(());
    }
    let is_private = match &function.vis {
        Visibility::Inherited => true,
        Visibility::Restricted(restricted) => restricted.path.is_ident("self"),
        Visibility::Public(_) => false,
    };
    if is_private || function.sig.receiver().is_none() {
        return match options.span.filter(|_| !options.is_skipped) {
            Some(span) => Err(Error::new(
                span,
                format!(
                    "`{name}` is no message: only methods with `&self` or `&mut self` that are not private are; write `pub` before it, or leave `#[msg]` out"
                ),
            )),
            None => Ok(()),
        };
    }
    if options.is_skipped {
        return Ok(());
    }
    if RESERVED.iter().any(|reserved| name == reserved) {
        let said =
            format!("`{name}` is what the handle has already: call this method something else, or `#[msg(skip)]` it");
        return Err(Error::new(name.span(), said));
    }
    messages.push(Method::parse(function, options, own, krate)?);
    Ok(())
}

/// Leaves out a method whose message would be called as another's.
fn without_twins(messages: &mut Vec<Method>) -> Option<Error> {
    let is_twin = |one: &Method, other: &Method| one.variant == other.variant && one.name != other.name;
    let place = messages.iter().enumerate().position(|(place, method)| {
        method.cfgs().next().is_none() && messages[..place].iter().any(|earlier| is_twin(earlier, method))
    })?;
    let method = messages.remove(place);
    let earlier = messages.iter().find(|earlier| is_twin(earlier, &method))?;
    let said = format!(
        "the messages of `{}` and `{}` would both be called `{}`: call one of the methods something else",
        earlier.name, method.name, method.variant
    );
    Some(Error::new(method.name.span(), said))
}

/// Leaves out a method that is made from the event of another one.
fn without_same_events(messages: &mut Vec<Method>) -> Option<Error> {
    let event = |method: &Method| method.options.from.as_ref().map(|event| event.to_token_stream().to_string());
    let place = messages.iter().enumerate().position(|(place, method)| {
        let is_same = |earlier: &Method| event(earlier).is_some() && event(earlier) == event(method);
        method.cfgs().next().is_none() && messages[..place].iter().any(is_same)
    })?;
    let method = messages.remove(place);
    let said = "another method is made from this event already: an event calls one method";
    Some(Error::new(method.options.from.as_ref()?.span(), said))
}

/// As far as the method that is seen least.
fn narrowest(vis: &Visibility, messages: &[Method]) -> Visibility {
    let restricted = messages.iter().map(|method| &method.vis).chain([vis]).filter_map(|vis| match vis {
        Visibility::Restricted(restricted) => Some(restricted),
        _ => None,
    });
    let narrowest = restricted.min_by_key(|restricted| restricted.path.is_ident("crate"));
    narrowest.map_or_else(|| parse_quote!(pub), |restricted| Visibility::Restricted(restricted.clone()))
}

/// What a message is of is `Send` and owned, whether the block says so or not.
fn owned_and_sent(generics: &mut Generics) {
    let params: Vec<Ident> = generics.type_params().map(|param| param.ident.clone()).collect();
    if !params.is_empty() {
        let clause = generics.make_where_clause();
        clause.predicates.extend(
            params.iter().map(|param| -> syn::WherePredicate { parse_quote!(#param: ::core::marker::Send + 'static) }),
        );
    }
}

fn is_made(function: &syn::ImplItemFn) -> bool {
    MADE.iter().any(|made| function.sig.ident == made)
}

fn plain_vis(vis: &Visibility) -> String {
    vis.to_token_stream().to_string().replace(' ', "")
}

fn refuse_lifetimes(generics: &Generics) -> Result<()> {
    let lifetime = generics.params.iter().find(|param| matches!(param, GenericParam::Lifetime(_)));
    lifetime.map_or(Ok(()), |lifetime| {
        let said = "an actor owns its state, since it lives in a task of its own: it cannot borrow; own the data, or share it in \
                    an `Arc`";
        Err(Error::new(lifetime.span(), said))
    })
}

/// Says the name of the type instead of `Self`, for places outside its impl.
pub(crate) struct Own<'a> {
    name: &'a Type,
}

impl VisitMut for Own<'_> {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        if let Type::Path(path) = ty
            && path.qself.is_none()
            && path.path.is_ident("Self")
        {
            *ty = self.name.clone();
            return;
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_type_path_mut(&mut self, path: &mut syn::TypePath) {
        self.name_in(&mut path.qself, &mut path.path);
        visit_mut::visit_type_path_mut(self, path);
    }

    fn visit_expr_path_mut(&mut self, path: &mut syn::ExprPath) {
        self.name_in(&mut path.qself, &mut path.path);
        visit_mut::visit_expr_path_mut(self, path);
    }
}

impl Own<'_> {
    /// `Self::LEN`, as `<Counter>::LEN`.
    fn name_in(&self, qself: &mut Option<syn::QSelf>, path: &mut Path) {
        if qself.is_some() || path.segments.len() < 2 || path.segments.first().is_none_or(|first| first.ident != "Self")
        {
            return;
        }
        let (name, rest) = (self.name, path.segments.iter().skip(1));
        let named: syn::ExprPath = parse_quote!(<#name>::#(#rest)::*);
        (*qself, *path) = (named.qself, named.path);
    }
}

/// The block without our attributes.
pub(crate) fn plain(item: TokenStream) -> TokenStream {
    let Ok(mut block) = syn::parse2::<ItemImpl>(item.clone()) else { return item };
    for item in &mut block.items {
        if let ImplItem::Fn(function) = item {
            function.attrs.retain(|attr| !attr.path().is_ident("msg"));
        }
    }
    quote!(#block)
}
