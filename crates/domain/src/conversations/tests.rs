use proptest::prelude::*;

use super::*;

const HEAD: Head = Head {
    seq: 10,
    count: 8,
    time: 1000,
    last: 10,
    floor: 0,
    floor_count: 0,
    floor_time: 0,
    erased_to: 0,
    removed_time: 0,
};

fn at_head() -> Place {
    Place { seq: HEAD.seq, count: HEAD.count, own_above: 0 }
}

#[test]
fn deleting_hides_and_a_newer_message_brings_back_just_itself() {
    let mut view = View::default();
    view.delete(at_head(), &HEAD, true);
    assert!(!view.listed(&HEAD));
    assert_eq!(view.unread(&HEAD), 0);
    let newer = Head { seq: 11, count: 9, time: 2000, last: 11, ..HEAD };
    assert!(view.listed(&newer));
    assert_eq!((view.unread(&newer), view.messages(&newer)), (1, 1));
}

#[test]
fn keeping_the_history_keeps_it_readable() {
    let mut view = View::default();
    view.delete(at_head(), &HEAD, false);
    assert!(!view.listed(&HEAD));
    assert_eq!(view.messages(&HEAD), 10);
}

#[test]
fn a_deletion_sends_no_receipt_and_drops_pin_but_not_the_rest() {
    let mut view = View { pinned: true, marks: 4, custom_data: "x".into(), ..View::default() };
    view.set_remind_type(RemindType::AcceptNotNotify);
    view.delete(at_head(), &HEAD, true);
    assert_eq!(view.read_to, 0);
    assert!(!view.pinned);
    assert_eq!((view.marks, view.custom_data.as_str()), (4, "x"));
    assert_eq!(view.remind_type(), RemindType::AcceptNotNotify);
}

#[test]
fn a_timelines_floor_hides_from_all_and_never_falls() {
    let mut head = HEAD;
    assert!(head.raise_floor(6, 5, 100));
    assert!(!head.raise_floor(6, 5, 200) && !head.raise_floor(2, 1, 200));
    let mut view = View { base: 3, base_count: 2, own: 2, ..View::default() };
    assert!(view.lags_behind(&head));
    view.sink(&head, 1);
    assert!(!view.lags_behind(&head));
    assert_eq!((view.messages(&head), view.unread(&head)), (4, 2));
    assert!(head.raise_floor(99, 99, 300), "at most what there is");
    assert_eq!((head.floor, head.floor_count), (10, 8));
}

#[test]
fn what_is_put_away_comes_back_with_a_message_or_not() {
    let newer = Head { seq: 11, ..HEAD };
    let mut view = View { pinned: true, ..View::default() };
    view.set_archive(Archive::UntilMessage, &HEAD);
    assert!(view.archived(&HEAD) && !view.archived(&newer) && !view.pinned);
    view.set_archive(Archive::Kept, &HEAD);
    assert!(view.archived(&newer));
    view.set_archive(Archive::No, &newer);
    assert!(!view.archived(&HEAD));
}

#[test]
fn restoring_gives_back_what_was_taken_and_keeps_what_came_since() {
    let former = View { pinned: true, read_to: 4, base: 4, base_count: 3, opened_at: 5, ..View::default() };
    let mut view = former.clone();
    view.delete(at_head(), &HEAD, true);
    view.custom_data = "later".into();
    view.restore(&former, Place { seq: 4, count: 3, own_above: 0 });
    assert_eq!(view, View { custom_data: "later".into(), ..former });
}

#[test]
fn leaving_freezes_the_view() {
    let mut view = View::default();
    view.leave(7, 500);
    assert_eq!((view.head(&HEAD), view.unread(&HEAD), view.messages(&HEAD)), (7, 0, 7));
    assert_eq!(view.active_at(&HEAD), 500);
}

#[test]
fn lists_have_one_to_a_hundred_entries() {
    assert!(may_take_list(1).is_ok());
    assert!(may_take_list(100).is_ok());
    assert_eq!(may_take_list(0).unwrap_err().code, Code::CONVERSATION_LIST_SIZE);
    assert_eq!(may_take_list(101).unwrap_err().code, Code::CONVERSATION_LIST_SIZE);
}

#[test]
fn fifty_conversations_are_pinned_at_most() {
    assert!(may_pin(49).is_ok());
    assert_eq!(may_pin(50).unwrap_err().code, Code::TOO_MANY_PINNED);
}

#[test]
fn marks_are_powers_of_two() {
    for good in ["1", "2", "4", "8", "4294967296", "9223372036854775808"] {
        assert!(mark_from(good).is_ok(), "{good}");
    }
    for bad in ["0", "3", "16", "2147483648", "4294967297", "x", "", "-1", "18446744073709551616"] {
        assert!(mark_from(bad).is_err(), "{bad}");
    }
}

#[test]
fn custom_data_has_256_bytes_at_most() {
    assert!(may_store_custom_data(&"x".repeat(256)).is_ok());
    assert!(may_store_custom_data(&"x".repeat(257)).is_err());
}

#[derive(Clone, Debug)]
enum Move {
    Delete(u64, bool),
    Clear(u64),
    Read(u64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        (0..20_u64, any::<bool>()).prop_map(|(seq, clear)| Move::Delete(seq, clear)),
        (0..20_u64).prop_map(Move::Clear),
        (0..20_u64).prop_map(Move::Read),
    ];
    prop::collection::vec(one, 1..20)
}

fn apply(view: &mut View, step: &Move) {
    let place = |seq| Place { seq, count: seq, own_above: 0 };
    match *step {
        Move::Delete(seq, clear) => view.delete(place(seq), &HEAD, clear),
        Move::Clear(seq) => view.clear(place(seq)),
        Move::Read(seq) => {
            view.read(place(seq), 1);
        }
    }
}

proptest! {
    /// Shuffled and doubled commands end in the same floors, and no step lowers one.
    #[test]
    fn floors_only_grow_and_do_not_care_for_order(steps in moves(), seed in any::<u64>()) {
        let mut straight = View::default();
        for step in &steps {
            let before = straight.clone();
            apply(&mut straight, step);
            prop_assert!(straight.listed_after >= before.listed_after);
            prop_assert!(straight.cleared_to >= before.cleared_to);
            prop_assert!(straight.read_to >= before.read_to);
            prop_assert!(straight.base >= before.base);
        }
        let mut shuffled: Vec<_> = steps.iter().chain(&steps).collect();
        let mut state = seed | 1;
        for i in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(i, usize::try_from(state >> 33).unwrap() % (i + 1));
        }
        let mut other = View::default();
        shuffled.into_iter().for_each(|step| apply(&mut other, step));
        let floors = |v: &View| (v.listed_after, v.cleared_to, v.read_to, v.base, v.base_count);
        prop_assert_eq!(floors(&straight), floors(&other));
    }
}
