struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn later(&mut self, reply: regatta::actor::Reply<u8>) -> u8 {
        drop(reply);
        1
    }
}

fn main() {}
