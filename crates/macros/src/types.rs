//! What the tokens of a type tell of it, without knowing what the names stand for.

use proc_macro2::{TokenStream, TokenTree};
use syn::{GenericArgument, PathArguments, Type};

/// The type without what a macro or a hand has put around it.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        ty => ty,
    }
}

pub(crate) fn last_of(ty: &Type) -> Option<&syn::PathSegment> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

pub(crate) fn types_of(segment: &syn::PathSegment) -> Vec<&Type> {
    match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => arguments
            .args
            .iter()
            .filter_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}

/// The commonest types, each at most three words large, and `Send`: there is nothing to ask about them.
const PLAIN: [&str; 20] = [
    "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128",
    "usize", "String", "Duration", "Instant", "PathBuf",
];
/// The same, of what is in them. An `Option` of three words takes four at the most.
const PLAIN_OF: [&str; 3] = ["Vec", "Option", "Box"];

pub(crate) fn is_plain(ty: &Type) -> bool {
    match bare(ty) {
        Type::Tuple(unit) => unit.elems.is_empty(),
        Type::Path(path) if path.qself.is_none() && path.path.segments.len() == 1 => {
            let segment = &path.path.segments[0];
            match &segment.arguments {
                PathArguments::None => PLAIN.iter().any(|plain| segment.ident == plain),
                PathArguments::AngleBracketed(arguments) => {
                    let is_of = PLAIN_OF.iter().any(|plain| segment.ident == plain);
                    is_of && arguments.args.iter().all(|arg| matches!(arg, GenericArgument::Type(ty) if is_plain(ty)))
                }
                PathArguments::Parenthesized(_) => false,
            }
        }
        _ => false,
    }
}

/// What is `Send` in no case: of the standard library, and always with parameters.
const UNSENT: [&str; 5] = ["Rc", "MutexGuard", "RwLockReadGuard", "RwLockWriteGuard", "NonNull"];

/// Whether a type looks as if it were not `Send`, whatever is in it.
pub(crate) fn is_doubtful(ty: &TokenStream) -> bool {
    let tokens = flat(ty.clone());
    let is = |token: &str, name: &str| token == name;
    let is_unsent = |pair: &[String]| UNSENT.iter().any(|name| is(&pair[0], name)) && is(&pair[1], "<");
    let is_pointer = |pair: &[String]| is(&pair[0], "*") && (is(&pair[1], "const") || is(&pair[1], "mut"));
    tokens.windows(2).any(|pair| is_unsent(pair) || is_pointer(pair))
}

fn flat(tokens: TokenStream) -> Vec<String> {
    tokens
        .into_iter()
        .flat_map(|token| match token {
            TokenTree::Group(group) => flat(group.stream()),
            other => vec![other.to_string()],
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{is_doubtful, is_plain};

    fn parsed(text: &str) -> syn::Type {
        syn::parse_str(text).expect("a type")
    }

    #[test]
    fn what_is_not_send_looks_so() {
        for text in ["std::rc::Rc<u8>", "Vec<Rc<u8>>", "(u8, MutexGuard<u8>)", "*const u8", "[*mut u8; 2]"] {
            assert!(is_doubtful(&text.parse().expect("tokens")), "{text}");
        }
        for text in ["Arc<u8>", "Rc", "Cell<ClerkHandle>", "Box<dyn Order>", "Vec<u8>", "[u8; 2 * 3]"] {
            assert!(!is_doubtful(&text.parse().expect("tokens")), "{text}");
        }
    }

    #[test]
    fn the_commonest_types_are_plain() {
        for text in ["u8", "()", "Option<String>", "Vec<Option<u64>>"] {
            assert!(is_plain(&parsed(text)), "{text}");
        }
        for text in ["m::u8", "Order", "Vec<Order>", "[u8; 200]", "(u8, u8)", "Vec"] {
            assert!(!is_plain(&parsed(text)), "{text}");
        }
    }
}
