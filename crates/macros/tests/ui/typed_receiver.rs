struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn one(self: &mut Self) {}
}

fn main() {}
