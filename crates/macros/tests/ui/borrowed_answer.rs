struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn name(&self) -> &str {
        "me"
    }
}

fn main() {}
