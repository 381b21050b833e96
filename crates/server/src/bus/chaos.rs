use crate::bus::subject::Subject;
use crate::bus::word::Word;

/// Faults of the bus, in so many of a hundred words: for the tests that show that they are harmless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chaos {
    /// Lost.
    pub drop: u8,
    /// Said twice.
    pub double: u8,
    /// Said after the next.
    pub shuffle: u8,
}

/// Loses, doubles and shuffles events. What nodes say about themselves they say again by themselves.
#[derive(Debug, Default)]
pub(super) struct Mixer {
    chaos: Chaos,
    held: Option<(Subject, Word)>,
}

impl Mixer {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { chaos, held: None }
    }

    /// What really goes out when this is to go out.
    pub(super) fn mix(&mut self, subject: Subject, word: Word) -> Vec<(Subject, Word)> {
        if self.chaos == Chaos::default() || matches!(word, Word::Alive { .. } | Word::Clients { .. }) {
            return vec![(subject, word)];
        }
        let fate = rand::random::<u8>() % 100;
        let Chaos { drop, double, shuffle } = self.chaos;
        let mut out = Vec::new();
        if fate < drop {
            // Lost.
        } else if fate < drop + double {
            out.push((subject.clone(), word.clone()));
            out.push((subject, word));
        } else if fate < drop + double + shuffle {
            return self.held.replace((subject, word)).into_iter().collect();
        } else {
            out.push((subject, word));
        }
        out.extend(self.held.take());
        out
    }
}
