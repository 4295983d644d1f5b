struct Clerk;

fn main() {
    let _ = regatta::actor::Builder::new().spawn_blocking(Clerk);
}
