struct Tick;

struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(from = Tick)]
    pub fn tick(&self, _at: u32) {}
}

fn main() {}
