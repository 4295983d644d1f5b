struct Clerk;

#[regatta::actor]
impl Clerk {
    fn helper(&self) {}
}

fn main() {}
