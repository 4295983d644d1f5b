//! The classical map-reduce: a mapper from a record to pairs, a reducer from a key and its values to a result.
//!
//! Run: `cargo run --example textbook_map_reduce`
//!
//! You will see the words of three lines counted, an average for each city, that no data gives an empty map, and the same count
//! in the fast form.

use std::collections::HashMap;
use std::error::Error;

use regatta::parallel::{Emit, MapReduce, Text};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let lines = vec!["the quick brown fox", "the lazy dog", "the end"];

    // mapper: line -> [(word, 1)], reducer: (word, [1, 1, …]) -> count
    let count_words = || {
        MapReduce::new()
            .map(|line: &&str| line.split(' ').map(|word| (word.to_owned(), 1)).collect::<Vec<_>>())
            .reduce(|_word: &String, ones: Vec<u32>| ones.iter().sum::<u32>())
    };
    let counts: HashMap<String, u32> = count_words().run(lines.clone()).await?;
    println!("the: {}, words: {}", counts["the"], counts.len());
    assert_eq!((counts["the"], counts.len()), (3, 7));
    assert!(count_words().run(Vec::new()).await?.is_empty());

    // The exercise: an average.
    let readings = vec![("Oslo", 3.0), ("Rome", 20.0), ("Oslo", 5.0), ("Rome", 24.0)];
    let averages = MapReduce::new()
        .map(|(city, degrees): &(&'static str, f64)| [(*city, *degrees)])
        .reduce(|_city, degrees: Vec<f64>| degrees.iter().sum::<f64>() / degrees.len() as f64)
        .run(readings)
        .await?;
    println!("Oslo: {}, Rome: {}", averages["Oslo"], averages["Rome"]);
    assert_eq!((averages["Oslo"], averages["Rome"]), (4.0, 22.0));

    // The fast form: pairs are emitted as they are found, a known word is not copied, and its count grows as they come.
    let fast = MapReduce::new()
        .map_emit(|text: &str, emit: &mut Emit<'_, String, u32>| {
            text.split_whitespace().for_each(|word| emit.by_ref(word, 1));
        })
        .combine(|count: &mut u32, more| *count += more)
        .run(Text::from(lines.join("\n")))
        .await?;
    assert_eq!(fast, counts);
    Ok(())
}
