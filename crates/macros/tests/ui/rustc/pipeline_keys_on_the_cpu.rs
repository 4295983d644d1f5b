use regatta::pipeline::{Concurrency, Pipeline};

fn main() {
    let _ = Pipeline::from_iter(0..3_u32).map_cpu(Concurrency::keyed(2, |n: &u32| *n), |n| n);
}
