struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn share(&mut self) -> std::rc::Rc<u8> {
        std::rc::Rc::new(1)
    }
}

fn main() {}
