use std::time::Duration;

use regatta::pipeline::Pipeline;

fn main() {
    let _ = Pipeline::from_iter(0..3).map(|n| n + 1).timeout(Duration::from_secs(1));
}
