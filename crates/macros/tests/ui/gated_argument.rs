struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn file(&self, #[cfg(unix)] mode: u32) {
        let _ = mode;
    }
}

fn main() {}
