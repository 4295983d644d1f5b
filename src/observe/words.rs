//! Names of messages as numbers, so that “what it is at” is one store.

use std::cell::Cell;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

/// So many different words are known by number; programs have as many as they have kinds of messages.
const KNOWN: usize = 1 << 16;

/// So many are known to each thread, by where they lie in memory: an actor that is sent two kinds in turn asks each time.
const NEAR: usize = 64;

/// A word, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Word(u32);

#[derive(Default)]
struct Dictionary {
    numbers: HashMap<&'static str, u32>,
    words: Vec<&'static str>,
}

static DICTIONARY: LazyLock<Mutex<Dictionary>> = LazyLock::new(Mutex::default);

thread_local! {
    /// Address, length and number; at the place that the first two say.
    static NEARBY: [Cell<(usize, usize, Word)>; NEAR] = const { [const { Cell::new((0, 0, Word(0))) }; NEAR] };
}

impl Word {
    /// None of the words; also one that came too late to be known.
    pub(crate) const NONE: Self = Self(0);

    /// The number of a word. Takes a lock when this thread has not seen it lately.
    pub(crate) fn of(word: &'static str) -> Self {
        let (address, length) = (word.as_ptr().addr(), word.len());
        NEARBY.with(|nearby| {
            let near = &nearby[(address ^ (address >> 6) ^ length) % NEAR];
            match near.get() {
                (known, as_long, number) if (known, as_long) == (address, length) && length > 0 => number,
                _ => {
                    let number = Self::look_up(word);
                    near.set((address, length, number));
                    number
                }
            }
        })
    }

    #[cold]
    fn look_up(word: &'static str) -> Self {
        let mut dictionary = DICTIONARY.lock().unwrap_or_else(PoisonError::into_inner);
        let Dictionary { numbers, words } = &mut *dictionary;
        if let Some(number) = numbers.get(word) {
            return Self(*number);
        }
        if words.len() >= KNOWN {
            return Self::NONE;
        }
        words.push(word);
        // Bounded just now.
        let number = words.len() as u32;
        numbers.insert(word, number);
        Self(number)
    }

    pub(crate) fn from_number(number: u32) -> Self {
        Self(number)
    }

    pub(crate) fn number(self) -> u32 {
        self.0
    }

    pub(crate) fn text(self) -> Option<&'static str> {
        let place = (self.0 as usize).checked_sub(1)?;
        DICTIONARY.lock().unwrap_or_else(PoisonError::into_inner).words.get(place).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Word;

    #[test]
    fn a_word_has_one_number() {
        let number = Word::of("Query");
        assert_eq!((number, number.text()), (Word::of("Query"), Some("Query")));
        assert_ne!(number, Word::of("Insert"));
        let (whole, part) = ("QueryAll", &"QueryAll"[..5]);
        assert_eq!((Word::of(whole).text(), Word::of(part).text()), (Some("QueryAll"), Some("Query")));
        assert_eq!((Word::of(part), Word::of("").text()), (number, Some("")));
        assert_eq!(Word::NONE.text(), None);
    }
}
