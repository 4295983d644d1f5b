struct Clerk;

#[regatta::actor]
impl Clerk {
    pub fn sum(&mut self, numbers: &[u64]) -> u64 {
        numbers.iter().sum()
    }
}

fn main() {}
