mod inner {
    mod deeper {
        pub struct Clerk;

        #[regatta::actor]
        impl Clerk {
            pub fn one(&self) {}

            pub(super) fn two(&self) {}
        }
    }

    pub use deeper::{Clerk, ClerkApi};
}

fn main() {
    let _ = inner::Clerk;
}
