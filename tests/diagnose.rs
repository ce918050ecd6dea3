//! `dlr carriers diagnose`: faults that were planted are found, and nothing else is.

mod apply;
mod planting;
mod refusals;

use dlr::clock::Clock;
use serde_json::{Value, json};

use self::planting::{Planted, app, diagnosed, numbers, plant, store};
use crate::support::run;

fn text(id: &str) -> Value {
    json!({"rawPayload": format!("id:{id} sub:001 dlvrd:001 stat:DELIVRD err:000 text:")})
}

/// How a carrier and its orchestrator write a number, and the rules that make them meet.
type Fault = (&'static str, fn(u64) -> Planted, Value);

fn faults() -> Vec<Fault> {
    vec![
        (
            "decimal-text",
            |n| Planted::new(text(&format!("{n:010}")), format!("{n:x}")),
            json!({"text": {"form": "decimal"}, "stored": {"form": "hex"}}),
        ),
        (
            "padded-hex",
            |n| Planted::new(text(&n.to_string()), format!("{n:016x}")),
            json!({"text": {"form": "decimal"}, "stored": {"form": "hex", "width": 16}}),
        ),
        (
            "hex-tlv",
            |n| {
                let tlv = json!({"receiptedMessageId": format!("{n:x}")});
                Planted::new(json!({"tlv": tlv}), n.to_string())
            },
            json!({"tlv": {"form": "hex"}, "stored": {"form": "decimal"}}),
        ),
        (
            "upper-case",
            |n| {
                let id = format!("{:x}-abc", n * 0x9E37_79B9);
                Planted::new(json!({"operatorMessageId": id.to_uppercase()}), id)
            },
            json!({"field": {"case": "lower"}}),
        ),
        (
            "zeros",
            |n| {
                Planted::new(
                    json!({"operatorMessageId": format!("{n:014}")}),
                    n.to_string(),
                )
            },
            json!({"field": {"stripZeros": true}}),
        ),
        (
            "suffix",
            |n| {
                Planted::new(
                    json!({"operatorMessageId": format!("{n}@mx1")}),
                    n.to_string(),
                )
            },
            json!({"field": {"stripSuffix": "@mx1"}}),
        ),
        (
            "prefix",
            |n| {
                Planted::new(
                    json!({"operatorMessageId": format!("smsc-{n}")}),
                    n.to_string(),
                )
            },
            json!({"field": {"stripPrefix": "smsc-"}}),
        ),
        (
            "cut-short",
            |n| {
                let id = format!("{:020}", u128::from(n) * 0x9E37_79B9);
                let tlv = json!({"receiptedMessageId": id});
                Planted::new(json!({"operatorMessageId": id.get(..10), "tlv": tlv}), id)
            },
            json!({"field": {"form": "ignore"}}),
        ),
        (
            "stored-suffix",
            |n| {
                Planted::new(
                    json!({"operatorMessageId": n.to_string()}),
                    format!("{n}@b"),
                )
            },
            json!({"field": {"form": "decimal"}, "stored": {"form": "decimal", "suffix": "@b"}}),
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_planted_fault_is_found_and_its_cure_is_the_least() {
    let app = app().await;
    for (carrier, write, _) in faults() {
        plant(&app, carrier, numbers(60).map(write)).await;
    }
    let missing = numbers(60).map(|n| Planted::missing(text(&n.to_string())));
    plant(&app, "missing", missing).await;
    app.drained().await;

    let output = run(&app.config, &["carriers", "diagnose", "--json"]).await;
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let of = |carrier: &str| {
        let carriers = report["carriers"].as_array().unwrap();
        let found = carriers.iter().find(|it| it["carrier"] == carrier);
        found.unwrap_or_else(|| panic!("{carrier} is not in {report:#}"))
    };
    for (carrier, _, cure) in faults() {
        let diagnosis = of(carrier);
        let proposal = &diagnosis["proposal"];
        assert_eq!(
            proposal["profile"],
            json!({"ids": cure}),
            "{carrier}: {diagnosis:#}"
        );
        assert_eq!(proposal["follows"], json!(0));
        let ran = &diagnosis["reading"]["dryRun"];
        let counts = ["studied", "matched", "gained", "raising"].map(|name| ran[name].clone());
        assert_eq!(counts, [60, 60, 60, 60].map(|n| json!(n)), "{carrier}");
        assert_eq!(ran["complete"], json!(true));
        assert_eq!(diagnosis["unfound"]["receipts"], json!(0), "{carrier}");
    }
    let missing = of("missing");
    assert_eq!(
        (&missing["reading"], &missing["proposal"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(missing["unfound"]["receipts"], json!(60));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_profile_mends_is_told_apart() {
    let app = app().await;
    let of = |carrier: &'static str| {
        let (first, count) = match carrier {
            "other" => (0, 5),
            "late" => (5, 7),
            _ => (12, 18),
        };
        let some = numbers(30).skip(first).take(count);
        some.map(|n| n.to_string()).collect::<Vec<_>>()
    };
    store(&app, "other", &of("other")).await;
    store(&app, "late", &of("late")).await;
    let aged = "UPDATE orch.sms_messages SET created_at = now() - interval '80 hours'
                WHERE carrier_id = 'late'";
    app.sql.batch_execute(aged).await.unwrap();
    let all = numbers(30).map(|n| Planted::missing(json!({"operatorMessageId": n.to_string()})));
    plant(&app, "late", all).await;
    app.drained().await;

    let (diagnosis, code) = diagnosed(&app, "late").await;
    let expected = json!({"receipts": 30, "tooOld": 7, "ofCarriers": {"other": 5}});
    assert_eq!(diagnosis["unfound"], expected);
    assert_eq!((code, &diagnosis["proposal"]), (0, &Value::Null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_unknown_words_and_disagreeing_sources_are_noticed() {
    let app = app().await;
    let now = Clock.now();
    let ahead = now + jiff::SignedDuration::from_mins(330);
    let ahead = ahead.strftime("%y%m%d%H%M%S").to_string();
    let odd = numbers(40).enumerate().map(|(at, n)| {
        let mut fields = json!({"operatorMessageId": n.to_string(), "doneDate": ahead});
        fields["receivedAt"] = json!(now);
        if at % 4 == 0 {
            fields["tlv"] = json!({"receiptedMessageId": "x"});
        }
        Planted::new(fields, n.to_string())
    });
    plant(&app, "acme", odd).await;
    for word in ["HANDSET", "handset", "44770090012", "GONE"] {
        let id = format!("word-{word}");
        let fields = json!({"operatorMessageId": id, "stat": word, "carrierId": "acme"});
        store(&app, "acme", &[id]).await;
        app.publish(fields.to_string()).await;
    }
    app.drained().await;

    let (diagnosis, code) = diagnosed(&app, "acme").await;
    assert_eq!(diagnosis["clock"]["timeZone"], json!("+05:30"));
    assert_eq!(diagnosis["clock"]["explained"], json!(40));
    assert_eq!(
        diagnosis["proposal"]["profile"],
        json!({"timeZone": "+05:30"})
    );
    assert_eq!(code, 1);
    let lately = &diagnosis["lately"];
    assert_eq!(
        (&lately["lookedAt"], &lately["idsDisagree"]),
        (&json!(44), &json!(10))
    );
    let words: Vec<String> = lately["unknownWords"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["word"], it["receipts"]))
        .collect();
    assert_eq!(
        words,
        [r#""HANDSET" 2"#, r#""(withheld)" 1"#, r#""GONE" 1"#]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_phone_number_is_shown_in_either_base() {
    let app = app().await;
    let phones: Vec<u64> = numbers(60)
        .map(|n| 447_700_000_000 + n % 1_000_000)
        .collect();
    let ids = phones.iter().map(|n| {
        let fields = json!({"operatorMessageId": n.to_string(), "destAddr": format!("+{n}")});
        Planted::new(fields, format!("{n:x}"))
    });
    plant(&app, "acme", ids).await;
    app.drained().await;
    for json in [true, false] {
        let mut args = vec!["carriers", "diagnose", "acme"];
        args.extend(json.then_some("--json"));
        let output = run(&app.config, &args).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("hex"), "{said}");
        for phone in &phones {
            assert!(!said.contains(&phone.to_string()), "{said}");
            assert!(!said.contains(&format!("{phone:x}")), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proposal_is_told_on_a_screen() {
    let app = app().await;
    let mut planted: Vec<Planted> = numbers(120)
        .map(|n| Planted::new(text(&format!("{n:010}")), format!("{n:x}")))
        .collect();
    for one in planted.iter_mut().take(3) {
        one.stored = None;
    }
    plant(&app, "acme", planted).await;
    app.drained().await;
    let output = run(&app.config, &["carriers", "diagnose"]).await;
    let said = String::from_utf8(output.stdout).unwrap();
    let since = said.split(" since ").nth(1).and_then(|rest| rest.get(..20));
    let said = said.replace(since.unwrap(), "<when>");
    let examples = said.lines().filter(|line| line.contains("e.g."));
    assert_eq!(examples.count(), 3);
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("e.g.")).collect();
    insta::assert_snapshot!(said.join("\n"));

    // A part of them is enough to try it on.
    let limited = ["carriers", "diagnose", "acme", "--json", "--limit", "40"];
    let output = run(&app.config, &limited).await;
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let ran = &report["carriers"][0]["reading"]["dryRun"];
    let studied = ran["studied"].as_u64().unwrap();
    assert!((25..=65).contains(&studied), "{ran}");
    assert_eq!(ran["complete"], json!(false));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anything_odd_it_says_so_and_succeeds() {
    let app = app().await;
    let output = run(&app.config, &["carriers", "diagnose"]).await;
    assert!(output.status.success());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        said,
        "no parked receipts are open, and nothing odd was noticed\n"
    );
    let output = run(&app.config, &["carriers", "diagnose", "NO ONE"]).await;
    assert_eq!(output.status.code(), Some(1));
}
