//! The attribute of the crate `regatta`; use it from there, as `#[regatta::actor]`.

mod attrs;
mod expand;
mod handle;
mod method;
mod model;
mod refuse;
mod scope;
mod twice;
mod types;

use proc_macro::TokenStream;
use quote::quote;

/// Makes an actor of a type: each of its methods that is not private becomes a message. The documentation is that of
/// `regatta::actor`, the attribute.
#[proc_macro_attribute]
pub fn actor(args: TokenStream, item: TokenStream) -> TokenStream {
    let args = match model::Args::parse(args.into()) {
        Ok(args) => args,
        Err(error) => return refused(item.into(), &error),
    };
    let (model, error) = match model::Model::parse(&args, item.clone().into()) {
        Ok(parsed) => parsed,
        Err(error) => return refused(item.into(), &error),
    };
    if let Err(error) = twice::refuse(&model.name, &model.self_ty) {
        return refused(item.into(), &error);
    }
    let (made, error) = (expand::expand(&model), error.map(|error| error.to_compile_error()));
    quote!(#made #error).into()
}

/// The block as it was, and nothing made of it.
fn refused(item: proc_macro2::TokenStream, error: &syn::Error) -> TokenStream {
    let (block, error) = (model::plain(item), error.to_compile_error());
    quote!(#block #error).into()
}
