struct Clerk;

#[regatta::actor]
impl Clerk {
    #[msg(skip)]
    async fn started(&mut self, _cx: &mut regatta::actor::Context<Self>) -> Result<(), std::io::Error> {
        Ok(())
    }

    pub fn one(&self) {}
}

fn main() {}
