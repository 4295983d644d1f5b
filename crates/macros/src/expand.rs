//! What the block becomes.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::method::{Method, Place};
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
        let Method { attrs, variant, args, options, .. } = method;
        let (ok, err) = (&method.answer.ok, method.answer.err.as_ref().map(|err| quote!(, #err)));
        let (names, types): (Vec<_>, Vec<_>) = args.iter().map(|arg| (&arg.name, &arg.ty)).unzip();
        let fields = match options.is_boxed {
            true => quote!(args: ::std::boxed::Box<(#(#types,)*)>,),
            false => quote!(#(#names: #types,)*),
        };
        quote! { #(#attrs)* #variant { #fields reply: #krate::actor::Reply<#ok #err> } }
    });
    let types = generics.type_params().map(|param| &param.ident);
    let rest = (!generics.params.is_empty()).then(|| {
        quote! {
            #[doc(hidden)]
            __Never(::core::convert::Infallible, ::core::marker::PhantomData<fn() -> (#(#types,)*)>)
        }
    });
    let never = (!generics.params.is_empty()).then(|| quote!(Self::__Never(never, _) => match *never {},));
    let names = model.messages.iter().map(|method| {
        let (cfgs, variant, name) = (method.cfgs(), &method.variant, method.name.to_string());
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
        #vis enum #msg #impl_generics #wheres { #(#variants,)* #rest }

        #[allow(deprecated)]
        impl #impl_generics #krate::actor::Message for #msg #type_generics #wheres {
            fn name(&self) -> &'static str {
                match self { #(#names)* #never }
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
            Place::Context => quote!(cx),
            Place::Reply => quote!(reply),
        });
        let waits = method.is_async.then(|| quote!(.await));
        let call = quote!(Self::#function(self, #(#places),*) #waits);
        let said = function.to_string();
        let body = match (method.answer.is_deferred, &method.answer.err) {
            (true, _) => quote!(let () = #call;),
            (false, None) => quote!(#krate::actor::answer(reply, #call);),
            (false, Some(_)) => quote! {
                let result = #call;
                let text = match &result {
                    ::core::result::Result::Ok(_) => ::core::option::Option::None,
                    ::core::result::Result::Err(error) => {
                        #[allow(unused_imports)]
                        use #krate::actor::{ShownByDisplay as _, ShownByName as _};
                        ::core::option::Option::Some((&#krate::actor::Shown(error)).text())
                    }
                };
                #krate::actor::answer_result(reply, result, #name, #said, text);
            },
        };
        quote! { #(#cfgs)* #msg::#variant { #fields reply } => { #taken #body } }
    });
    let never = (!generics.params.is_empty()).then(|| quote!(#msg::__Never(never, _) => match never {},));
    let hooks = model.hooks.iter().map(|(hook, is_async)| {
        let waits = is_async.then(|| quote!(.await));
        match hook.to_string().as_str() {
            "started" => quote! {
                async fn started(
                    &mut self,
                    cx: &mut #krate::actor::Context<Self>,
                ) -> ::core::result::Result<(), #krate::BoxError> {
                    Self::#hook(self, cx)#waits?;
                    ::core::result::Result::Ok(())
                }
            },
            "restarted" => quote! {
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
                async fn stopping(&mut self, cx: &mut #krate::actor::Context<Self>) {
                    Self::#hook(self, cx)#waits
                }
            },
            _ => quote! {
                async fn stopped(self, reason: &#krate::actor::StopReason) {
                    Self::#hook(self, reason)#waits
                }
            },
        }
    });
    quote! {
        impl #impl_generics #krate::actor::Actor for #self_ty #wheres {
            type Msg = #msg #type_generics;
            type Handle = #handle #type_generics;

            #[allow(unused_variables, deprecated)]
            async fn handle(&mut self, msg: Self::Msg, cx: &mut #krate::actor::Context<Self>) {
                match msg { #(#arms)* #never }
            }

            #(#hooks)*

            fn message_name(msg: &Self::Msg) -> &'static str {
                #krate::actor::Message::name(msg)
            }
        }
    }
}

/// A method of the handle, without its body.
fn signature(model: &Model, method: &Method) -> TokenStream {
    let Model { krate, generics, .. } = model;
    let (_, type_generics, _) = generics.split_for_impl();
    let (msg, name) = (model.named("Msg"), &method.name);
    let (ok, err) = (&method.answer.ok, method.answer.err.as_ref().map(|err| quote!(, #err)));
    let args = method.args.iter().map(|arg| {
        let (name, ty) = (&arg.name, &arg.ty);
        quote!(#name: #ty)
    });
    quote!(fn #name(&self, #(#args),*) -> #krate::actor::Call<'_, #msg #type_generics, #ok #err>)
}

/// The handle, with a method for each message.
fn handle(model: &Model) -> TokenStream {
    let Model { krate, vis, generics, self_ty, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (msg, handle) = (model.named("Msg"), model.named("Handle"));
    let methods = model.messages.iter().map(|method| {
        let Method { attrs, vis, variant, args, options, .. } = method;
        let signature = signature(model, method);
        let names: Vec<_> = args.iter().map(|arg| &arg.name).collect();
        let (given, taken, tuple) = match options.is_boxed {
            true => (quote!(args: ::std::boxed::Box::new((#(#names,)*)),), quote!(args,), quote!(args)),
            false => (quote!(#(#names,)*), quote!(#(#names,)*), quote!(::std::boxed::Box::new((#(#names,)*)))),
        };
        quote! {
            #(#attrs)*
            #[allow(clippy::too_many_arguments)]
            #vis #signature {
                #krate::actor::Call::new(
                    &self.actor,
                    #msg::#variant { #given reply: #krate::actor::Reply::nobody() },
                    |msg, port| if let #msg::#variant { reply, .. } = msg { *reply = port },
                    |msg| match msg { #msg::#variant { #taken .. } => #tuple, _ => ::std::boxed::Box::new(()) },
                )
            }
        }
    });
    let doc = format!(
        "Reaches a [`{}`], and keeps it alive: a method for each message. Clones reach the same one.",
        model.name
    );
    let handle_name = handle.to_string();
    quote! {
        #[doc = #doc]
        #[allow(private_interfaces, private_bounds, unreachable_pub)]
        #vis struct #handle #impl_generics #wheres {
            actor: #krate::actor::ActorRef<#self_ty>,
        }

        #[allow(
            private_interfaces,
            private_bounds,
            unreachable_pub,
            irrefutable_let_patterns,
            unreachable_patterns,
            unused_variables,
            deprecated,
            dead_code
        )]
        impl #impl_generics #handle #type_generics #wheres {
            /// The actor as such: to stop it, to wait for it, to watch it, to look at it.
            #[must_use]
            #vis fn actor(&self) -> &#krate::actor::ActorRef<#self_ty> {
                &self.actor
            }

            #(#methods)*
        }

        impl #impl_generics ::core::convert::From<#krate::actor::ActorRef<#self_ty>> for #handle #type_generics #wheres {
            fn from(actor: #krate::actor::ActorRef<#self_ty>) -> Self {
                Self { actor }
            }
        }

        impl #impl_generics ::core::convert::AsRef<#krate::actor::ActorRef<#self_ty>> for #handle #type_generics #wheres {
            fn as_ref(&self) -> &#krate::actor::ActorRef<#self_ty> {
                &self.actor
            }
        }

        impl #impl_generics ::core::clone::Clone for #handle #type_generics #wheres {
            fn clone(&self) -> Self {
                Self { actor: ::core::clone::Clone::clone(&self.actor) }
            }
        }

        impl #impl_generics ::core::cmp::PartialEq for #handle #type_generics #wheres {
            fn eq(&self, other: &Self) -> bool {
                self.actor == other.actor
            }
        }

        impl #impl_generics ::core::cmp::Eq for #handle #type_generics #wheres {}

        impl #impl_generics ::core::fmt::Debug for #handle #type_generics #wheres {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_tuple(#handle_name).field(&self.actor).finish()
            }
        }
    }
}

/// The trait that handles and mocks have.
fn api(model: &Model) -> TokenStream {
    let Model { vis, generics, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (api, handle) = (model.named("Api"), model.named("Handle"));
    let doc = format!("The methods of [`{}`] as messages, whoever answers them: [`{handle}`], or a mock.", model.name);
    let declared = model.messages.iter().map(|method| {
        let (attrs, signature) = (&method.attrs, signature(model, method));
        quote! { #(#attrs)* #[allow(clippy::too_many_arguments)] #signature; }
    });
    let defined = model.messages.iter().map(|method| {
        let (cfgs, name, signature) = (method.cfgs(), &method.name, signature(model, method));
        let names = method.args.iter().map(|arg| &arg.name);
        quote! { #(#cfgs)* #signature { #handle::#name(self, #(#names),*) } }
    });
    quote! {
        #[doc = #doc]
        #[allow(private_interfaces, private_bounds, unreachable_pub, dead_code)]
        #vis trait #api #impl_generics: ::core::marker::Send + ::core::marker::Sync + 'static #wheres { #(#declared)* }

        #[allow(deprecated)]
        impl #impl_generics #api #type_generics for #handle #type_generics #wheres { #(#defined)* }
    }
}

/// How it begins.
fn starts(model: &Model) -> TokenStream {
    let Model { krate, vis, generics, self_ty, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let handle = model.named("Handle");
    quote! {
        #[allow(private_interfaces, unreachable_pub, dead_code)]
        impl #impl_generics #self_ty #wheres {
            /// Starts it in a task of its own; a panic stops it. For a name, a mailbox, policies: `actor::Builder`.
            ///
            /// # Panics
            /// Outside a tokio runtime.
            #[track_caller]
            #vis fn spawn(self) -> #handle #type_generics {
                #krate::actor::spawn(self)
            }

            /// Starts one that is made anew when it fails, at most three times within five seconds.
            ///
            /// # Panics
            /// Outside a tokio runtime.
            #[track_caller]
            #vis fn supervised(
                factory: impl ::core::ops::FnMut() -> Self + ::core::marker::Send + 'static,
            ) -> #handle #type_generics {
                #krate::actor::Builder::new().supervised(factory)
            }
        }
    }
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
