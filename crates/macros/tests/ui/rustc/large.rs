struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn fill(&mut self, page: [u8; 200]) {
        let _ = page;
    }
}

fn main() {}
