use regatta::pipeline::Pipeline;

fn main() {
    let _ = Pipeline::from_iter(0..3).map_async("8", |n| async move { n });
}
