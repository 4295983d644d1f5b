//! The attribute of the crate `regatta`; use it from there, as `#[regatta::actor]`.

mod expand;
mod handle;
mod method;
mod model;
mod scope;
mod twice;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an actor of a type: each of its methods that is not private becomes a message. The documentation is that of
/// `regatta::actor`, the attribute.
#[proc_macro_attribute]
pub fn actor(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = match model::Args::parse(args.into()) {
        Ok(args) => args,
        Err(error) => return refused(item.into(), &quote!(), &error),
    };
    let model = match model::Model::parse(&args, item.clone().into()) {
        Ok(model) => model,
        Err(error) => return refused(item.clone().into(), &expand::stub(&args.krate, item.into()), &error),
    };
    match twice::refuse(&model.name) {
        Ok(()) => expand::expand(&model).into(),
        Err(error) => refused(item.into(), &quote!(), &error),
    }
}

/// The block as it was, so that one mistake is one error.
fn refused(item: proc_macro2::TokenStream, stub: &proc_macro2::TokenStream, error: &syn::Error) -> TokenStream {
    let (block, error) = (model::plain(item), error.to_compile_error());
    quote!(#block #stub #error).into()
}
