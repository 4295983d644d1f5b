//! The attribute of the crate `regatta`; use it from there, as `#[regatta::actor]`.

mod expand;
mod handle;
mod method;
mod model;

use proc_macro::TokenStream;

/// Makes an actor of a type: each of its methods that is not private becomes a message. The documentation is that of
/// `regatta::actor`, the attribute.
#[proc_macro_attribute]
pub fn actor(args: TokenStream, item: TokenStream) -> TokenStream {
    let expanded = model::Args::parse(args.into())
        .and_then(|args| model::Model::parse(args, item.clone().into()))
        .map(|model| expand::expand(&model));
    match expanded {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            // The block as it was, so that one mistake is one error.
            let mut tokens = model::plain(item.into());
            tokens.extend(error.to_compile_error());
            tokens.into()
        }
    }
}
