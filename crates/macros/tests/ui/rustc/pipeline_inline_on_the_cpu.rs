use regatta::pipeline::Pipeline;

fn main() {
    let _ = Pipeline::from_iter(0..3).inline().map_cpu(2, |n| n + 1);
}
