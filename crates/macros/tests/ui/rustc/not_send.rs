struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn share(&mut self, shared: std::rc::Rc<u8>) {
        let _ = shared;
    }
}

fn main() {}
