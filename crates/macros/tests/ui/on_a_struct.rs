#[regatta::actor]
struct Clerk;

fn main() {}
