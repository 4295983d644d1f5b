//! What the block becomes.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{ItemImpl, Path, Type};

use crate::handle::{api, handle, starts};
use crate::method::{Arg, Method, Place};
use crate::model::Model;

/// Above so many bytes a message is to be boxed.
const LARGE: usize = 128;

pub(crate) fn expand(model: &Model) -> TokenStream {
    let block = &model.block;
    let parts = [messages(model), actor(model), handle(model), api(model), starts(model), lints(model)];
    // `pub` says here that a method is a message, not that it is seen from far.
    quote! { #[allow(unreachable_pub, clippy::needless_pass_by_value)] #block #(#parts)* }
}

/// The enum.
fn messages(model: &Model) -> TokenStream {
    let Model { krate, vis, generics, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let msg = model.named("Msg");
    let doc = format!("The messages of [`{}`], one for each of its methods.", model.name);
    let variants = model.messages.iter().map(|method| {
        let Method { variant, args, options, .. } = method;
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
            let fields = args.iter().map(|Arg { name, ty }| {
                let what = format!("the argument `{}`", name.unraw());
                field(model, method, &what, name, &quote!(#ty), &[ty])
            });
            quote!(#(#fields)*)
        };
        let attrs = method.brief();
        quote! { #(#attrs)* #variant { #fields #reply } }
    });
    let types = generics.type_params().map(|param| &param.ident);
    let rest = (!generics.params.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            __Never(::core::convert::Infallible, ::core::marker::PhantomData<fn() -> (#(::std::boxed::Box<#types>,)*)>)
        }
    });
    let never = (!generics.params.is_empty()).then(|| quote!(Self::__Never(ref never, _) => match *never {},));
    let names = model.messages.iter().map(|method| {
        let (cfgs, variant, name) = (method.cfgs(), &method.variant, method.name.unraw().to_string());
        quote! { #(#cfgs)* Self::#variant { .. } => #name, }
    });
    let froms = model.messages.iter().filter_map(|method| {
        let (event, arg) = (method.options.from.as_ref()?, method.args.first()?);
        let (cfgs, variant, name) = (method.cfgs(), &method.variant, &arg.name);
        let fields = match method.options.is_boxed {
            true => quote!(args: ::std::boxed::Box::new((event,))),
            false => quote!(#name: event),
        };
        Some(quote_spanned! {event.span()=>
            #(#cfgs)*
            #[allow(deprecated)]
            impl #impl_generics ::core::convert::From<#event> for #msg #type_generics #wheres {
                fn from(event: #event) -> Self {
                    Self::#variant { #fields, reply: #krate::actor::Reply::nobody() }
                }
            }
        })
    });
    quote! {
        #[doc = #doc]
        #[allow(private_interfaces, private_bounds, unreachable_pub, deprecated, missing_docs)]
        #[allow(rustdoc::broken_intra_doc_links)]
        #vis enum #msg #impl_generics #wheres { #(#variants,)* #rest }

        #[allow(deprecated)]
        impl #impl_generics #krate::actor::Message for #msg #type_generics #wheres {
            fn name(&self) -> &'static str {
                match *self { #(#names)* #never }
            }
        }

        impl #impl_generics ::core::fmt::Debug for #msg #type_generics #wheres {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.write_str(#krate::actor::Message::name(self))
            }
        }

        #(#froms)*
    }
}

/// A field that is checked where it is written, and nowhere else. Not where its type depends on a parameter, of which the
/// constant may know nothing; nor for an editor, which shows the types.
fn field(model: &Model, method: &Method, what: &str, name: &Ident, ty: &TokenStream, sent: &[&Type]) -> TokenStream {
    let krate = &model.krate;
    if !model.is_compiled || sent.iter().any(|ty| model.mentions_generics(ty)) {
        return quote!(#name: #ty,);
    }
    let said = format!(
        "{what} of `{}` is not `Send`, and a message travels to the actor's task, on whatever thread that is: use `Arc` for \
         `Rc`, `Mutex` or an atomic for `RefCell` or `Cell`, add `+ Send` to a `dyn`",
        method.name.unraw()
    );
    let checks =
        sent.iter().map(|ty| quote_spanned!(ty.span()=> ::core::assert!(#krate::actor::IsSend::<#ty>::SAID, #said);));
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

/// What stands for an actor whose methods are refused, so that they may mention `Context<Self>`.
pub(crate) fn stub(krate: &Path, item: TokenStream) -> TokenStream {
    let Ok(block) = syn::parse2::<ItemImpl>(item) else { return quote!() };
    let is_owned = block.generics.lifetimes().next().is_none();
    if block.trait_.is_some() || !is_owned || !matches!(*block.self_ty, Type::Path(_)) {
        return quote!();
    }
    let (self_ty, (impl_generics, _, wheres)) = (&block.self_ty, block.generics.split_for_impl());
    quote! {
        impl #impl_generics #krate::actor::Actor for #self_ty #wheres {
            type Msg = ::core::convert::Infallible;
            type Handle = #krate::actor::ActorRef<Self>;
            async fn handle(&mut self, msg: Self::Msg, _: &mut #krate::actor::Context<Self>) {
                match msg {}
            }
        }
    }
}

/// The trait that one may implement by hand.
fn actor(model: &Model) -> TokenStream {
    let Model { krate, generics, self_ty, .. } = model;
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
    let hooks = hooks(model);
    quote! {
        impl #impl_generics #krate::actor::Actor for #self_ty #wheres {
            type Msg = #msg #type_generics;
            type Handle = #handle #type_generics;

            #[allow(unused_variables, deprecated)]
            async fn handle(&mut self, msg: Self::Msg, __regatta_cx: &mut #krate::actor::Context<Self>) {
                match msg { #(#arms)* #never }
            }

            #hooks

            fn message_name(msg: &Self::Msg) -> &'static str {
                #krate::actor::Message::name(msg)
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
    let sizes =
        model.messages.iter().filter(|method| !method.options.is_boxed && !method.options.is_large).map(|method| {
            let (cfgs, name) = (method.cfgs(), &method.name);
            let types = method.args.iter().map(|arg| &arg.ty);
            let said = format!(
                "the arguments of `{name}` take more than {LARGE} bytes, and so does every place of the mailbox: write \
             #[msg(boxed)] before the method, or #[msg(large)] if that is meant"
            );
            quote_spanned! {name.span()=>
                #(#cfgs)*
                const _: () = ::core::assert!(::core::mem::size_of::<(#(#types,)*)>() <= #LARGE, #said);
            }
        });
    quote! { #(#sizes)* }
}
