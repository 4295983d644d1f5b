struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn add(&mut self, reply: u64) {
        let _ = reply;
    }
}

fn main() {}
