//! What carriers publish: stories of messages, drawn from a seed.

use fastrand::Rng;

use crate::support::receipt;

/// Receipts of some messages, each story in its order, all stories mixed.
pub(crate) struct Traffic {
    /// Operator message ids of those that the orchestrator has sent.
    pub(crate) messages: Vec<String>,
    pub(crate) receipts: Vec<String>,
}

/// What becomes of one message, as its receipts tell it.
const STORIES: [&[&str]; 8] = [
    &["DELIVRD"],
    &["DELIVRD"],
    &["ENROUTE", "DELIVRD"],
    &["ENROUTE", "ENROUTE", "EXPIRED"],
    // A correction, and what comes too late.
    &["UNDELIV", "DELIVRD"],
    &["DELIVRD", "ENROUTE"],
    // Twice the same.
    &["DELIVRD", "DELIVRD"],
    // Two carriers' final words.
    &["DELIVRD", "UNDELIV"],
];

impl Traffic {
    /// `count` messages, and for each twenty of them a receipt of nobody's message and one that is
    /// none at all. `name` sets the ids apart from those of other traffic.
    pub(crate) fn draw(random: &mut Rng, name: &str, count: usize) -> Self {
        let messages: Vec<String> = (0..count).map(|n| format!("{name}-{n}")).collect();
        let mut stories: Vec<Vec<String>> = messages
            .iter()
            .map(|id| {
                let story = STORIES[random.usize(..STORIES.len())];
                // To be taken from the end.
                story.iter().rev().map(|stat| receipt(id, stat)).collect()
            })
            .collect();
        for n in 0..count.div_ceil(20) {
            stories.push(vec![receipt(&format!("{name}-nobody-{n}"), "DELIVRD")]);
            stories.push(vec![format!(r#"{{"carrierId":"acme","stat":"{name}"}}"#)]);
        }
        let mut receipts = Vec::new();
        while !stories.is_empty() {
            let at = random.usize(..stories.len());
            receipts.extend(stories[at].pop());
            if stories[at].is_empty() {
                stories.swap_remove(at);
            }
        }
        Self { messages, receipts }
    }
}
