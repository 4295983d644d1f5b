struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn place(&mut self, (x, y): (u32, u32)) -> u32 {
        x + y
    }
}

fn main() {}
