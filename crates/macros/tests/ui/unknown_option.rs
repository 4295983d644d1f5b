struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(box)]
    pub fn add(&mut self, by: u64) {
        let _ = by;
    }
}

fn main() {}
