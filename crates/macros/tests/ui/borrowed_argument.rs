struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn greet(&mut self, name: &str) {
        let _ = name;
    }
}

fn main() {}
