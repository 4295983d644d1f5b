//! What the block becomes.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use crate::attrs;
use crate::handle::{api, handle, starts};
use crate::method::{Arg, Method, Place};
use crate::model::Model;
use crate::types;

/// Above so many bytes a message is to be boxed.
const LARGE: usize = 128;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let block = &model.block;
    let parts = [messages(model), actor(model), handle(model), api(model), starts(model), lints(model)];
    // `pub` says here that a method is a message, not that it is seen from far.
    quote! { #[allow(unreachable_pub, clippy::needless_pass_by_value)] #block #(#parts)* }
}

/// A name that nothing of the user's has: a constant of the same name would be a pattern.
pub(crate) fn local(name: &str) -> Ident {
    format_ident!("__regatta_{name}")
}

/// The enum, and what every message can do.
fn messages(model: &Model) -> TokenStream {
    let Model { vis, generics, allows, .. } = model;
    let (impl_generics, _, wheres) = generics.split_for_impl();
    let msg = model.named("Msg");
    let doc = format!("The messages of [`{}`], one for each of its methods.", model.name);
    let variants = model.messages.iter().map(|method| variant(model, method));
    let types = generics.type_params().map(|param| &param.ident);
    let rest = (!generics.params.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            __Never(
                ::core::convert::Infallible,
                ::core::marker::PhantomData<fn() -> (#(::std::boxed::Box<#types>,)*)>,
            )
        }
    });
    let (impls, conversions) = (message_impls(model), conversions(model));
    quote! {
        #[doc = #doc]
        #(#allows)*
        #[allow(private_interfaces, private_bounds, unreachable_pub, deprecated, missing_docs)]
        #[allow(rustdoc::broken_intra_doc_links)]
        #vis enum #msg #impl_generics #wheres { #(#variants,)* #rest }

        #impls

        #conversions
    }
}

fn variant(model: &Model, method: &Method) -> TokenStream {
    let (krate, Method { variant, args, options, .. }) = (&model.krate, method);
    let (ok, err) = (&method.answer.ok, &method.answer.err);
    let reply = err.as_ref().map_or_else(|| quote!(#ok), |err| quote!(#ok, #err));
    let (reply, answers) = (quote!(#krate::actor::Reply<#reply>), [Some(ok), err.as_ref()]);
    let answers: Vec<&Type> = answers.into_iter().flatten().collect();
    let reply = field(model, method, "the answer", &format_ident!("reply"), &reply, &answers);
    let fields = if options.is_boxed {
        let types: Vec<&Type> = args.iter().map(|arg| &arg.ty).collect();
        let boxed = quote!(::std::boxed::Box<(#(#types,)*)>);
        field(model, method, "an argument", &format_ident!("args"), &boxed, &types)
    } else {
        let fields = args.iter().map(|arg| {
            let Arg { name, ty } = arg;
            field(model, method, &arg.said(), name, &quote!(#ty), &[ty])
        });
        quote!(#(#fields)*)
    };
    let attrs = method.brief();
    quote! { #(#attrs)* #variant { #fields #reply } }
}

fn message_impls(model: &Model) -> TokenStream {
    let Model { krate, generics, allows, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (msg, to) = (model.named("Msg"), local("f"));
    let names = model.messages.iter().map(|method| {
        let (cfgs, variant, name) = (method.cfgs(), &method.variant, method.name.unraw().to_string());
        quote! { #(#cfgs)* Self::#variant { .. } => #name, }
    });
    let args = model.messages.iter().map(|method| {
        let Method { variant, args, options, .. } = method;
        let (cfgs, names) = (method.cfgs(), args.iter().map(|arg| &arg.name).collect::<Vec<_>>());
        match options.is_boxed {
            true => quote! { #(#cfgs)* Self::#variant { args, .. } => args, },
            false => quote! {
                #(#cfgs)* Self::#variant { #(#names,)* .. } => ::std::boxed::Box::new((#(#names,)*)),
            },
        }
    });
    let is_generic = !generics.params.is_empty();
    let never = is_generic.then(|| quote!(Self::__Never(ref never, _) => match *never {},));
    let never_args = is_generic.then(|| quote!(Self::__Never(never, _) => match never {},));
    quote! {
        #(#allows)*
        #[allow(deprecated, clippy::used_underscore_binding)]
        impl #impl_generics #krate::actor::Message for #msg #type_generics #wheres {
            fn name(&self) -> &'static str {
                match *self { #(#names)* #never }
            }

            fn into_args(self) -> ::std::boxed::Box<dyn ::core::any::Any + ::core::marker::Send> {
                match self { #(#args)* #never_args }
            }
        }

        impl #impl_generics ::core::fmt::Debug for #msg #type_generics #wheres {
            fn fmt(&self, #to: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #to.write_str(#krate::actor::Message::name(self))
            }
        }
    }
}

/// Messages that are made from events.
fn conversions(model: &Model) -> TokenStream {
    let Model { krate, generics, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let msg = model.named("Msg");
    let froms = model.messages.iter().filter_map(|method| {
        let (event, arg) = (method.options.from.as_ref()?, method.args.first()?);
        let (cfgs, variant, name) = (method.cfgs(), &method.variant, &arg.name);
        // At the argument, so that an error is said there.
        let given = Ident::new("__regatta_event", arg.ty.span());
        let fields = match method.options.is_boxed {
            true => quote!(args: ::std::boxed::Box::new((#given,))),
            false => quote!(#name: #given),
        };
        Some(quote_spanned! {event.span()=>
            #(#cfgs)*
            #[allow(deprecated)]
            impl #impl_generics ::core::convert::From<#event> for #msg #type_generics #wheres {
                fn from(#given: #event) -> Self {
                    Self::#variant { #fields, reply: #krate::actor::Reply::nobody() }
                }
            }
        })
    });
    quote! { #(#froms)* }
}

/// A field. Where its type looks as if it were not `Send`, that is asked here: its type is none if it is not, so that nobody
/// else complains.
fn field(model: &Model, method: &Method, what: &str, name: &Ident, ty: &TokenStream, sent: &[&Type]) -> TokenStream {
    let krate = &model.krate;
    let doubtful: Vec<&Type> = sent.iter().copied().filter(|ty| is_doubtful(model, ty)).collect();
    if doubtful.is_empty() {
        return quote!(#name: #ty,);
    }
    let checks = doubtful.iter().map(|ty| assertion(model, ty, &format!("{what} of `{}`", method.name.unraw())));
    quote! {
        #[cfg(doc)]
        #name: #ty,
        #[cfg(not(doc))]
        #name: <#ty as #krate::actor::Checked<{
            #[allow(unused_imports)]
            use #krate::actor::IsNotSend as _;
            #(#checks)*
            true
        }>>::Type,
    }
}

/// Whether a field is to ask. Not for everything: that would be a circle where a type is of the actor itself, such as its
/// handle. Nor where a type depends on a parameter, of which a constant may know nothing.
fn is_doubtful(model: &Model, ty: &Type) -> bool {
    !model.mentions_generics(ty) && types::is_doubtful(&quote!(#ty))
}

/// That a type is `Send`, as an assertion at its place.
fn assertion(model: &Model, ty: &Type, what: &str) -> TokenStream {
    let krate = &model.krate;
    let said = format!(
        "{what} is not `Send`, and travels to another task, on whatever thread that is: use `Arc` for `Rc`, `Mutex` or an \
         atomic for `RefCell` or `Cell`, add `+ Send` to a `dyn`"
    );
    quote_spanned!(ty.span()=> ::core::assert!(#krate::actor::IsSend::<#ty>::SAID, #said);)
}

/// The trait that one may implement by hand.
fn actor(model: &Model) -> TokenStream {
    let Model { krate, generics, self_ty, allows, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (msg, handle, name) = (model.named("Msg"), model.named("Handle"), model.name.to_string());
    let arms = model.messages.iter().map(|method| {
        let Method { variant, args, options, .. } = method;
        let (cfgs, function) = (method.cfgs(), &method.name);
        let names: Vec<_> = args.iter().map(|arg| &arg.name).collect();
        let (fields, taken) = match options.is_boxed {
            true => (quote!(args,), quote!(let (#(#names,)*) = *args;)),
            false => (quote!(#(#names,)*), quote!()),
        };
        let places = method.places.iter().map(|place| match place {
            Place::Arg(name) => quote!(#name),
            Place::Context => quote!(__regatta_cx),
            Place::Reply => quote!(reply),
        });
        let waits = method.is_async.then(|| quote!(.await));
        let call = quote!(Self::#function(self, #(#places),*) #waits);
        let said = function.unraw().to_string();
        let body = match (method.answer.is_deferred, &method.answer.err) {
            (true, _) => quote!(let () = #call;),
            (false, None) => quote!(#krate::actor::answer(reply, #call);),
            (false, Some(_)) => quote! {
                #krate::actor::answer_result(reply, #call, #name, #said, |error| {
                    #[allow(unused_imports)]
                    use #krate::actor::{ShownByDisplay as _, ShownByName as _};
                    (&#krate::actor::Shown(error)).__regatta_text()
                });
            },
        };
        quote! { #(#cfgs)* #msg::#variant { #fields reply } => { #taken #body } }
    });
    let never = (!generics.params.is_empty()).then(|| quote!(#msg::__Never(never, _) => match never {},));
    let (hooks, local) = (hooks(model), local("msg"));
    quote! {
        #(#allows)*
        impl #impl_generics #krate::actor::Actor for #self_ty #wheres {
            type Msg = #msg #type_generics;
            type Handle = #handle #type_generics;

            #[allow(unused_variables, deprecated, clippy::used_underscore_binding)]
            async fn handle(&mut self, #local: Self::Msg, __regatta_cx: &mut #krate::actor::Context<Self>) {
                match #local { #(#arms)* #never }
            }

            #hooks

            fn message_name(#local: &Self::Msg) -> &'static str {
                #krate::actor::Message::name(#local)
            }
        }
    }
}

/// The hooks that the block has.
fn hooks(model: &Model) -> TokenStream {
    let krate = &model.krate;
    let hooks = model.hooks.iter().map(|(hook, is_async, cfgs)| {
        let waits = is_async.then(|| quote!(.await));
        match hook.to_string().as_str() {
            "started" => quote! {
                #(#cfgs)*
                async fn started(
                    &mut self,
                    cx: &mut #krate::actor::Context<Self>,
                ) -> ::core::result::Result<(), #krate::BoxError> {
                    Self::#hook(self, cx)#waits?;
                    ::core::result::Result::Ok(())
                }
            },
            "restarted" => quote! {
                #(#cfgs)*
                async fn restarted(
                    &mut self,
                    exit: &#krate::actor::StopReason,
                    cx: &mut #krate::actor::Context<Self>,
                ) -> ::core::result::Result<(), #krate::BoxError> {
                    Self::#hook(self, exit, cx)#waits?;
                    ::core::result::Result::Ok(())
                }
            },
            "stopping" => quote! {
                #(#cfgs)*
                async fn stopping(&mut self, cx: &mut #krate::actor::Context<Self>) {
                    Self::#hook(self, cx)#waits
                }
            },
            _ => quote! {
                #(#cfgs)*
                async fn stopped(self, reason: &#krate::actor::StopReason) {
                    Self::#hook(self, reason)#waits
                }
            },
        }
    });
    quote! { #(#hooks)* }
}

/// Errors at the place where they are, of what only the compiler knows.
fn lints(model: &Model) -> TokenStream {
    if !model.generics.params.is_empty() {
        return quote!();
    }
    let (krate, self_ty) = (&model.krate, &model.self_ty);
    let state = assertion(model, self_ty, &format!("the state of `{}`", model.name));
    let checks = model.messages.iter().map(|method| {
        let (cfgs, name) = (method.cfgs(), &method.name);
        let sent = method.sent().filter(|(ty, _)| !is_doubtful(model, ty) && !types::is_plain(ty));
        let sent = sent.map(|(ty, what)| assertion(model, ty, &format!("{what} of `{}`", name.unraw())));
        let size = (!method.options.is_boxed && !method.options.is_large && method.is_sizeable()).then(|| {
            let types = method.args.iter().map(|arg| &arg.ty);
            let said = format!(
                "the arguments of `{name}` take more than {LARGE} bytes, and so does every place of the mailbox: write \
                 #[msg(boxed)] before the method, or #[msg(large)] if that is meant"
            );
            quote_spanned!(name.span()=> ::core::assert!(::core::mem::size_of::<(#(#types,)*)>() <= #LARGE, #said);)
        });
        let allows = method.attrs.iter().filter_map(attrs::permit);
        quote! { #(#cfgs)* #(#allows)* { #(#sent)* #size } }
    });
    let allows = &model.allows;
    quote! {
        #(#allows)*
        #[allow(deprecated)]
        const _: () = {
            #[allow(unused_imports)]
            use #krate::actor::IsNotSend as _;
            #state
            #(#checks)*
        };
    }
}
