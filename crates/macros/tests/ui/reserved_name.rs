struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn spawn(&mut self) {}
}

fn main() {}
