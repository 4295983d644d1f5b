struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(boxed)]
    pub fn one(&self) {}
}

fn main() {}
