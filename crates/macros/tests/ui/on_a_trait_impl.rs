struct Clerk;

#[regatta::actor]
impl std::fmt::Debug for Clerk {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Ok(())
    }
}

fn main() {}
