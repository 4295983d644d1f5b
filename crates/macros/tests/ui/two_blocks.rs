struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn one(&self) {}
}

#[regatta::actor]
impl Clerk {
    pub fn two(&self) {}
}

fn main() {}
