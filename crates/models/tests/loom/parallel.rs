//! Parts of a problem that are solved by different members.

use loom::sync::Arc;
use loom::thread;
use regatta::parallel::model::Recursion;

/// Whoever comes, whoever arrives first where parts meet: there is one solution, in order, and one who has it.
fn solves(parts: u32, members: usize, preemptions: Option<usize>) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = preemptions;
    model.check(move || {
        let recursion = Arc::new(Recursion::new(parts, members));
        let others: Vec<_> = (1..members)
            .map(|_| {
                let recursion = recursion.clone();
                thread::spawn(move || recursion.take_part())
            })
            .collect();
        let mut solutions: Vec<_> = recursion.take_part().into_iter().collect();
        solutions.extend(others.into_iter().filter_map(|other| other.join().unwrap()));
        let expected: String = (0..parts).map(|n| n.to_string()).collect();
        assert_eq!(solutions, [expected]);
    });
}

#[test]
fn two_members_meet() {
    solves(3, 2, None);
}

#[test]
fn two_members_meet_again_and_again() {
    solves(5, 2, Some(3));
}

#[test]
fn three_members_meet() {
    solves(4, 3, Some(2));
}
