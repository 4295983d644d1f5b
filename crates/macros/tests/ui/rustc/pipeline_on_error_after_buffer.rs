use regatta::pipeline::{OnError, Pipeline};
use regatta::policy::Overflow;

fn main() {
    let _ = Pipeline::from_iter(0..3).buffer(4, Overflow::Wait).on_error(OnError::Skip);
}
