struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(boxed)]
    fn helper(&mut self, by: u64) {
        let _ = by;
    }
}

fn main() {}
