struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn finish(self) {}
}

fn main() {}
