struct Clerk;

fn main() {
    let _ = regatta::actor::spawn(Clerk);
}
