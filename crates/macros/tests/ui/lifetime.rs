struct Clerk<'a>(&'a str);

#[regatta::actor]
impl<'a> Clerk<'a> {
    pub fn name(&self) -> String {
        self.0.to_owned()
    }
}

fn main() {}
