struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn text(&self, _text: str) {}

    pub fn bytes(&self, _bytes: [u8]) {}

    pub fn shape(&self, _shape: dyn std::fmt::Debug + Send) {}

    pub fn list(&self, _list: Vec<impl Clone>) {}

    pub fn never(&self) -> ! {
        panic!()
    }

    pub fn fine(&self, _any: Box<dyn for<'a> Fn(&'a str) -> Option<&'a u8> + Send>) {}
}

fn main() {}
