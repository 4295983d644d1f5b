use std::borrow::Cow;

struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn file(&self, _name: Option<&str>) {}

    pub fn store(&self, _text: Cow<'_, str>) {}

    pub fn find(&self) -> Option<&str> {
        None
    }

    pub fn call(&self, _back: Box<dyn Fn(&str) + Send>, _plain: fn(&str) -> usize) {}
}

fn main() {}
