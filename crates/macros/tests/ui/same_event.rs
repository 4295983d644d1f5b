struct Tick;

struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(from = Tick)]
    pub fn one(&self, _tick: Tick) {}

    #[msg(from = Tick)]
    pub fn two(&self, _tick: Tick) {}

    pub fn text(&self, _text: &str) {}
}

fn main() {}
