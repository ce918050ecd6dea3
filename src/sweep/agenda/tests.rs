use proptest::prelude::*;

use super::super::schedule::STEP_MIN;
use super::*;

const START: Timestamp = Timestamp::constant(1_800_000_000, 0);

fn horizons() -> BTreeSet<Duration> {
    BTreeSet::from([Duration::from_hours(2)])
}

fn after(millis: i64) -> Timestamp {
    START + SignedDuration::from_millis(millis)
}

/// A parked receipt that never matches, and what is owed to it.
#[derive(Debug)]
struct Row {
    parked_at: Timestamp,
    carrier: String,
    is_due: bool,
    is_due_in_pass: bool,
}

/// The agenda at work on rows, beside a list of what is due, which the agenda does without.
struct World {
    rows: Vec<Row>,
    agenda: Agenda,
    schedule: Schedule,
    now: Timestamp,
}

impl World {
    /// Carriers are told apart by their number.
    fn new(parked: &[(i64, u8)]) -> Self {
        let mut rows: Vec<Row> = parked
            .iter()
            .map(|&(millis, carrier)| Row {
                parked_at: after(millis),
                carrier: carrier.to_string(),
                is_due: millis <= 0,
                is_due_in_pass: false,
            })
            .collect();
        rows.sort_by_key(|row| row.parked_at);
        rows.dedup_by_key(|row| row.parked_at);
        Self {
            rows,
            agenda: Agenda::new(&horizons(), START),
            schedule: Schedule::new(&horizons(), START),
            now: START,
        }
    }

    fn advance(&mut self, millis: i64) {
        self.now += SignedDuration::from_millis(millis);
        self.agenda.advance(self.now);
        for window in self.schedule.due(self.now) {
            for row in &mut self.rows {
                row.is_due |= window.contains(&row.parked_at);
            }
        }
    }

    /// A change of carriers' profiles, when no pass is under way.
    fn change(&mut self, carriers: &BTreeSet<String>) {
        let now = self.now;
        self.agenda
            .profiles_changed(carriers.iter().cloned(), &horizons(), now);
        self.agenda.advance(now);
        for row in &mut self.rows {
            row.is_due_in_pass |= row.parked_at <= now && carriers.contains(&row.carrier);
        }
        for window in self.schedule.due(now) {
            for row in &mut self.rows {
                row.is_due |= window.contains(&row.parked_at);
            }
        }
    }

    /// Looks at one page of at most `limit` rows; false when nothing is due.
    fn look(&mut self, limit: usize) -> Result<bool, TestCaseError> {
        let Some(errand) = self.agenda.next() else {
            return Ok(false);
        };
        let is_meant = |row: &&mut Row| {
            let ours = |carriers: &Arc<[String]>| carriers.contains(&row.carrier);
            row.parked_at <= self.now
                && errand.range.contains(&Position::at(row.parked_at))
                && errand.carriers.as_ref().is_none_or(ours)
        };
        let mut last = None;
        let mut seen = 0;
        for row in self.rows.iter_mut().filter(is_meant).take(limit) {
            let owed = match errand.carriers {
                None => &mut row.is_due,
                Some(_) => &mut row.is_due_in_pass,
            };
            prop_assert!(*owed, "looked at without being due: {:?}", row);
            *owed = false;
            last = Some(row.parked_at);
            seen += 1;
        }
        if let Some(last) = last
            && seen == limit
        {
            let behind = Position::at(last + SignedDuration::from_micros(1));
            self.agenda.give_back(errand, behind);
        }
        Ok(true)
    }

    fn is_settled(&self) -> bool {
        self.agenda.due.len() == 0
            && self.agenda.pass.is_none()
            && self
                .rows
                .iter()
                .all(|row| !row.is_due && !row.is_due_in_pass)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Advance(i64),
    Look { pages: usize, limit: usize },
    Change(BTreeSet<String>),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1..2_000_i64).prop_map(|tick| Step::Advance(tick * tick / 100)),
        4 => (1..8_usize, 1..6_usize).prop_map(|(pages, limit)| Step::Look { pages, limit }),
        1 => proptest::collection::btree_set("[0-3]", 1..3).prop_map(Step::Change),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Whatever the order of ticks, pages and changes, and however far the sweeper is behind.
    #[test]
    fn every_row_is_looked_at_once_whenever_it_is_due(
        parked in proptest::collection::vec((-100_000..100_000_i64, 0..4_u8), 0..40),
        steps in proptest::collection::vec(step(), 1..30),
        limit in 1..6_usize,
    ) {
        let mut world = World::new(&parked);
        for step in steps {
            match step {
                Step::Advance(millis) => world.advance(millis),
                Step::Look { pages, limit } => {
                    for _ in 0..pages {
                        world.look(limit)?;
                    }
                }
                Step::Change(carriers) => {
                    if world.agenda.pass.is_none() {
                        world.change(&carriers);
                    }
                }
            }
            let windows = 9;
            prop_assert!(world.agenda.due.len() <= 2 * windows + 3, "{}", world.agenda.due.len());
        }
        while world.look(limit)? {}
        prop_assert!(world.is_settled(), "{:?}", world.rows);
    }
}

#[test]
fn new_rows_do_not_wait_for_a_million_old_ones() {
    let mut agenda = Agenda::new(&horizons(), START);
    // The pass over everything has begun.
    let mut pages = 0;
    let mut looks = |agenda: &mut Agenda, at: Timestamp| {
        for turn in 1..=3 {
            let errand = agenda.next().unwrap();
            pages += 1;
            if errand.range.contains(&Position::at(at)) {
                return turn;
            }
            let behind = errand.range.start.parked_at + SignedDuration::from_millis(1);
            agenda.give_back(errand, Position::at(behind));
        }
        panic!("not looked at");
    };
    assert!(looks(&mut agenda, START) <= 3);
    for second in 0..10 {
        let parked = after(second * 1_000);
        agenda.advance(parked + SignedDuration::from_secs(1) + STEP_MIN);
        assert!(looks(&mut agenda, parked) <= 3);
    }
}

#[test]
fn a_flood_of_new_rows_does_not_keep_old_ones_waiting() {
    let mut agenda = Agenda::new(&horizons(), START);
    // One row that is an hour old, and at every look more new ones than it gets done.
    let old = START + SignedDuration::from_secs(1);
    let mut now = old + SignedDuration::from_mins(59);
    agenda.advance(now);
    while agenda.next().is_some() {}
    let seen = (0..10_000).any(|_| {
        now += SignedDuration::from_secs(1);
        agenda.advance(now);
        let errand = agenda.next().unwrap();
        if errand.range.contains(&Position::at(old)) {
            return true;
        }
        let behind = errand.range.start.parked_at + SignedDuration::from_millis(700);
        agenda.give_back(errand, Position::at(behind));
        false
    });
    assert!(seen);
}

#[test]
fn too_many_changed_carriers_make_everything_due() {
    let mut agenda = Agenda::new(&horizons(), START);
    while agenda.next().is_some() {}
    let carriers = (0..=CARRIERS_MAX).map(|number| number.to_string());
    agenda.profiles_changed(carriers, &horizons(), START);
    agenda.advance(START);
    let errand = std::iter::from_fn(|| agenda.next()).last().unwrap();
    assert!(errand.carriers.is_none());
}

#[test]
fn rows_parked_under_a_longer_horizon_are_due_when_it_is_cut() {
    for carriers in [1, CARRIERS_MAX + 1] {
        let longer = BTreeSet::from([Duration::from_hours(720), Duration::from_hours(73)]);
        let mut agenda = Agenda::new(&longer, START);
        while agenda.next().is_some() {}
        let now = START + SignedDuration::from_hours(400);
        agenda.advance(now);
        while agenda.next().is_some() {}
        // Open for 400 hours, and by the new profile beyond its end since long.
        let row = Position::at(START);
        let cut = (0..carriers).map(|number| number.to_string());
        agenda.profiles_changed(cut, &BTreeSet::from([Duration::from_hours(73)]), now);
        agenda.advance(now);
        let mut errands = std::iter::from_fn(|| agenda.next());
        assert!(errands.any(|errand| errand.range.contains(&row)));
    }
}
