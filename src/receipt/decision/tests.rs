use super::*;

/// CONTRACT §4, pair by pair. A row is the status that a receipt meets, a column what it reports:
///
/// | `+` | applied |
/// | `=` | recorded: no higher |
/// | `!` | recorded: a failure after `delivered` |
/// | `w` | recorded: no table knows the word |
/// | `s` | recorded: no table knows the status |
const RULE: &str = "\
            queued sent in_transit accepted unknown expired failed delivered SOME_WORD
queued         =     =       +         +       +       +      +        +         w
sent           =     =       +         +       +       +      +        +         w
in_transit     =     =       =         +       +       +      +        +         w
accepted       =     =       =         =       +       +      +        +         w
unknown        =     =       =         =       =       +      +        +         w
expired        =     =       =         =       =       =      +        +         w
failed         =     =       =         =       =       =      =        +         w
delivered      =     =       =         =       =       !      !        =         w
on_hold        s     s       s         s       s       s      s        s         w";

#[test]
fn every_pair_of_statuses_is_judged_as_the_table_says() {
    let mut rows = RULE.lines().map(str::split_whitespace);
    let reports: Vec<&str> = rows.next().unwrap().collect();
    let mut judged = 0;
    for mut row in rows {
        let current = row.next().unwrap();
        for (reported, expected) in reports.iter().zip(row) {
            let expected = match expected {
                "+" => Verdict::Applied,
                "=" => Verdict::Recorded(Because::NotHigher),
                "!" => Verdict::Recorded(Because::Conflict),
                "w" => Verdict::Recorded(Because::UnknownWord),
                "s" => Verdict::Recorded(Because::UnknownStatus),
                other => panic!("{other} stands for nothing"),
            };
            let verdict = judge(Status::from_stored(current), Status::from_stored(reported));
            assert_eq!(verdict, expected, "{current} meets {reported}");
            judged += 1;
        }
    }
    let kinds = Status::ALL.len() + 1;
    assert_eq!(judged, kinds * kinds);
}
