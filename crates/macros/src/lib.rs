//! The attribute of the crate `regatta`; use it from there, as `#[regatta::actor]`.

mod expand;
mod method;
mod model;

use proc_macro::TokenStream;

/// Makes an actor of a type: each of its methods that is not private becomes a message.
///
/// Write the type, and one `impl` block with this attribute. The block stays as it is. From its methods come:
///
/// - `CounterHandle`, which has the same methods. Each gives a [`Call`](../regatta/actor/struct.Call.html): await it, and it
///   asks; or [`tell`](../regatta/actor/struct.Call.html#method.tell) it.
/// - `CounterApi`, a trait with these methods, for `Arc<dyn CounterApi>` and for mocks.
/// - `CounterMsg`, the messages: an enum, moved by value.
/// - `Counter::spawn` and `Counter::supervised`; `actor::Builder` and `ActorSystem::create` give the handle as well.
///
/// **Which methods are messages:** those with `&self` or `&mut self` that are not private; private ones are helpers.
///
/// - A parameter `&mut Context<Self>` is given by the actor, and is not part of the message.
/// - A parameter `Reply<T>` is the right to answer: the method returns nothing, and may answer later.
/// - A method that returns a `Result`, under this name, has two kinds of answer: an error of it is `AskError::Handler` for who asked. If nobody
///   asked it is logged. It never ends the actor.
/// - Methods called `started`, `restarted`, `stopping` and `stopped`, private ones, are the hooks of
///   [`Actor`](../regatta/actor/trait.Actor.html).
///
/// | on a method | meaning |
/// |---|---|
/// | `#[msg(skip)]` | no message, although it is not private |
/// | `#[msg(boxed)]` | its arguments travel in a box: for large ones, since every place of the mailbox is as large as the largest message |
/// | `#[msg(large)]` | above 128 bytes, and not boxed nevertheless |
/// | `#[msg(from = Tick)]` | its one argument is a `Tick`, and a `Recipient<Tick>` of the actor calls it |
///
/// `#[regatta::actor(crate = path)]` says where `regatta` is, if it is not there under its name.
///
/// # Examples
/// ```
/// use regatta::actor::AskError;
///
/// struct Counter { n: i64 }
///
/// #[regatta::actor]
/// impl Counter {
///     /// Adds to the counter and returns the new value.
///     pub async fn add(&mut self, by: i64) -> i64 {
///         self.n += by;
///         self.n
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), AskError> {
/// let counter = Counter { n: 0 }.spawn();
/// assert_eq!(counter.add(3).await?, 3);
/// counter.add(4).tell().await.unwrap();
/// assert_eq!(counter.add(0).await?, 7);
/// # Ok(()) }
/// ```
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
