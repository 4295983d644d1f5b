struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn add1(&self) {}

    pub fn add_1(&self) {}
}

fn main() {}
