struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn greet<T: ToString>(&mut self, name: T) {
        let _ = name.to_string();
    }
}

fn main() {}
