use regatta::actor::Context;

struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn look(&mut self, _cx: &Context<Self>) {}
}

fn main() {}
