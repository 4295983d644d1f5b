struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn stopping(&mut self, _cx: &mut regatta::actor::Context<Self>) {}
}

fn main() {}
