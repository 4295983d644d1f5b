//! What callers get: the handle, the trait, and how an actor begins.

use proc_macro2::TokenStream;
use quote::quote;

use crate::expand::local;
use crate::method::Method;
use crate::model::Model;

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
pub(crate) fn handle(model: &Model) -> TokenStream {
    let Model { krate, vis, generics, self_ty, allows, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (msg, handle) = (model.named("Msg"), model.named("Handle"));
    let (given_msg, port) = (local("msg"), local("port"));
    let methods = model.messages.iter().map(|method| {
        let Method { attrs, vis, variant, args, options, .. } = method;
        let signature = signature(model, method);
        let names: Vec<_> = args.iter().map(|arg| &arg.name).collect();
        let given = match options.is_boxed {
            true => quote!(args: ::std::boxed::Box::new((#(#names,)*)),),
            false => quote!(#(#names,)*),
        };
        quote! {
            #(#attrs)*
            #[allow(clippy::too_many_arguments)]
            #[inline]
            #vis #signature {
                #krate::actor::Call::new(
                    &self.actor,
                    #msg::#variant { #given reply: #krate::actor::Reply::nobody() },
                    |#given_msg, #port| if let #msg::#variant { reply, .. } = #given_msg { *reply = #port },
                )
            }
        }
    });
    let doc = format!(
        "Reaches a [`{}`], and keeps it alive: a method for each message. Clones reach the same one.",
        model.name
    );
    let identity = identity(model);
    quote! {
        #[doc = #doc]
        #[allow(private_interfaces, private_bounds, unreachable_pub)]
        #vis struct #handle #impl_generics #wheres {
            actor: #krate::actor::ActorRef<#self_ty>,
        }

        #(#allows)*
        #[allow(
            rustdoc::broken_intra_doc_links,
            clippy::used_underscore_binding,
            private_interfaces,
            private_bounds,
            unreachable_pub,
            irrefutable_let_patterns,
            unreachable_patterns,
            unused_variables,
            deprecated,
            dead_code,
            missing_docs
        )]
        impl #impl_generics #handle #type_generics #wheres {
            /// The actor as such: to stop it, to wait for it, to watch it, to look at it.
            #[must_use]
            #vis fn actor(&self) -> &#krate::actor::ActorRef<#self_ty> {
                &self.actor
            }

            #(#methods)*
        }

        #identity
    }
}

/// What every handle can do.
fn identity(model: &Model) -> TokenStream {
    let Model { krate, generics, self_ty, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let handle = model.named("Handle");
    let (handle_name, to) = (handle.to_string(), local("f"));
    quote! {
        impl #impl_generics ::core::convert::From<#krate::actor::ActorRef<#self_ty>> for #handle #type_generics #wheres {
            #[inline]
            fn from(actor: #krate::actor::ActorRef<#self_ty>) -> Self {
                Self { actor }
            }
        }

        impl #impl_generics ::core::convert::AsRef<#krate::actor::ActorRef<#self_ty>> for #handle #type_generics #wheres {
            #[inline]
            fn as_ref(&self) -> &#krate::actor::ActorRef<#self_ty> {
                &self.actor
            }
        }

        impl #impl_generics ::core::clone::Clone for #handle #type_generics #wheres {
            #[inline]
            fn clone(&self) -> Self {
                Self { actor: ::core::clone::Clone::clone(&self.actor) }
            }
        }

        impl #impl_generics ::core::cmp::PartialEq for #handle #type_generics #wheres {
            #[inline]
            fn eq(&self, other: &Self) -> bool {
                self.actor == other.actor
            }
        }

        impl #impl_generics ::core::cmp::Eq for #handle #type_generics #wheres {}

        impl #impl_generics ::core::fmt::Debug for #handle #type_generics #wheres {
            #[inline]
            fn fmt(&self, #to: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #to.debug_tuple(#handle_name).field(&self.actor).finish()
            }
        }
    }
}

/// The trait that handles and mocks have.
pub(crate) fn api(model: &Model) -> TokenStream {
    let Model { api_vis, generics, allows, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let (api, handle) = (model.named("Api"), model.named("Handle"));
    let doc = format!("The methods of [`{}`] as messages, whoever answers them: [`{handle}`], or a mock.", model.name);
    let unmet = format!("`{{Self}}` does not answer the messages of `{}`", model.name);
    let label = format!("neither `{handle}` nor something that implements `{api}`");
    let note = format!("`{}::spawn` gives a `{handle}`; a mock implements `{api}`", model.name);
    let declared = model.messages.iter().map(|method| {
        let (attrs, signature) = (method.brief(), signature(model, method));
        quote! { #(#attrs)* #[allow(clippy::too_many_arguments)] #signature; }
    });
    let defined = model.messages.iter().map(|method| {
        let (cfgs, name, signature) = (method.cfgs(), &method.name, signature(model, method));
        let names = method.args.iter().map(|arg| &arg.name);
        quote! { #(#cfgs)* #[inline] #signature { #handle::#name(self, #(#names),*) } }
    });
    quote! {
        #[doc = #doc]
        #[diagnostic::on_unimplemented(message = #unmet, label = #label, note = #note)]
        #(#allows)*
        #[allow(private_interfaces, private_bounds, unreachable_pub, dead_code, missing_docs)]
        #[allow(rustdoc::broken_intra_doc_links)]
        #api_vis trait #api #impl_generics: ::core::marker::Send + ::core::marker::Sync + 'static #wheres { #(#declared)* }

        #(#allows)*
        #[allow(deprecated, clippy::used_underscore_binding)]
        impl #impl_generics #api #type_generics for #handle #type_generics #wheres { #(#defined)* }
    }
}

/// How it begins.
pub(crate) fn starts(model: &Model) -> TokenStream {
    let Model { krate, vis, generics, self_ty, .. } = model;
    let (impl_generics, type_generics, wheres) = generics.split_for_impl();
    let handle = model.named("Handle");
    if !model.is_started {
        return quote!();
    }
    quote! {
        #[allow(private_interfaces, unreachable_pub, dead_code)]
        impl #impl_generics #self_ty #wheres {
            /// Starts it in a task of its own; a panic stops it. For a name, a mailbox, policies: `actor::Builder`.
            ///
            /// # Panics
            /// Outside a tokio runtime.
            #[track_caller]
            #[inline]
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
