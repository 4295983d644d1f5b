struct Clerk {
    n: std::rc::Rc<u8>,
}

#[regatta::actor]
impl Clerk {
    pub fn count(&mut self) -> u8 {
        *self.n
    }
}

fn main() {}
