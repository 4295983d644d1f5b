struct Order {
    _lines: std::rc::Rc<u8>,
}

struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn take(&mut self, _order: Order) {}
}

fn main() {}
