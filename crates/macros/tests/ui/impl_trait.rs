struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn greet(&mut self, name: impl Into<String>) {
        let _ = name.into();
    }
}

fn main() {}
