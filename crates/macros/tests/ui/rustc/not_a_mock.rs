use std::sync::Arc;

struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn one(&self) {}
}

fn main() {
    let _: Arc<dyn ClerkApi> = Arc::new(Clerk);
}
