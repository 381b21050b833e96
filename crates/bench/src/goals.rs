//! What the figures are to reach, on a machine with 2 cores.

/// A bound of one figure.
#[derive(Clone, Copy, Debug)]
pub struct Goal {
    /// The beginning of the item's title.
    item: &'static str,
    /// The figure.
    figure: &'static str,
    bound: Bound,
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Least(f64),
    Most(f64),
}

const fn least(item: &'static str, figure: &'static str, bound: f64) -> Goal {
    Goal { item, figure, bound: Bound::Least(bound) }
}

const fn most(item: &'static str, figure: &'static str, bound: f64) -> Goal {
    Goal { item, figure, bound: Bound::Most(bound) }
}

const GOALS: &[Goal] = &[
    most("S1", "memory of an empty server", 20.0),
    most("S1", "memory per client", 8.0),
    most("S1", "CPU of the server", 1.0),
    least("S2", "saturated: messages per server CPU second", 40_000.0),
    least("S2 pairs for minutes", "whole: messages per server CPU second", 40_000.0),
    most("S2 pairs for minutes", "memory at most", 640.0),
    most("S2 pairs for minutes", "memory of the last slice to the second", 1.25),
    most("S2 pairs, in memory", "5000/s: send to answer p99", 1.5),
    most("S2 pairs, in memory", "5000/s: send to delivery p99", 1.5),
    most("S2 pairs, on disk", "5000/s: send to answer p99", 8.0),
    most("S2 pairs, on disk", "5000/s: send to delivery p99", 8.0),
    least("S3", "light: deliveries per server CPU second", 150_000.0),
    least("S3", "saturated: deliveries per server CPU second", 1_200_000.0),
    most("S3 group of 10000", "light: until the last has it p50", 70.0),
    most("S4", "delete 100 with 1000000 messages in all p99", 10.0),
    most("S4", "delete 100 with 10000000 messages in all p99", 10.0),
    most("S4", "delete 100: p99 of the largest to the smallest", 1.5),
    most("S4 erase", "send to answer p99: while erasing to without", 1.1),
    least("S5", "warm, 8 clients: pages per server CPU second", 50_000.0),
    most("S5", "warm, one client: page p99", 2.0),
    most("S6", "login with 1000 conversations p50", 30.0),
    least("S6", "list of 50 of 1000: lists per server CPU second", 8000.0),
    most("S7", "server accepts until all are back", 5.0),
    most("S8", "1000000 messages: clean start until the first login", 30.0),
    most("S8", "1000000 messages: start after a kill until the first login", 500.0),
    most("S8", "1000000 messages: disk per message of 100 bytes", 240.0),
    most("S8", "10000000 messages: clean start until the first login", 30.0),
    most("S8", "10000000 messages: start after a kill until the first login", 500.0),
    most("S8", "10000000 messages: disk per message of 100 bytes", 240.0),
    least("S10", "saturated: messages per second", 12_000.0),
];

/// The goal of a figure in words, and whether a value reaches it.
#[must_use]
pub fn goal(item: &str, figure: &str, value: f64) -> Option<(String, bool)> {
    let goal = GOALS.iter().find(|goal| begins(item, goal.item) && goal.figure == figure)?;
    Some(match goal.bound {
        Bound::Least(bound) => (format!("≥ {}", crate::figures::show(bound)), value >= bound),
        Bound::Most(bound) => (format!("≤ {}", crate::figures::show(bound)), value <= bound),
    })
}

/// `S1` begins `S1 idle` and not `S10 cluster`.
fn begins(title: &str, with: &str) -> bool {
    title
        .strip_prefix(with)
        .is_some_and(|rest| rest.is_empty() || !rest.starts_with(|next: char| next.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_found_by_item_and_figure() {
        assert_eq!(goal("S1 idle", "memory per client", 9.0), Some(("≤ 8.00".to_owned(), false)));
        assert_eq!(goal("S10 cluster", "memory per client", 9.0), None);
        assert!(
            goal("S3 group of 500", "light: deliveries per server CPU second", 2e5)
                .is_some_and(|goal| goal.1)
        );
    }
}
