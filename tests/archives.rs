//! Receipts in the archive encoding, as a gateway in Rust publishes them.

use dlr::receipt::archive::{ReceiptV1, TlvV1};

use crate::support::TestApp;

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_settles_its_message_and_a_broken_one_is_rejected_by_name() {
    let app = TestApp::start().await;
    let message = app.message("0059113978").await;
    let receipt = ReceiptV1 {
        carrier_id: Some("acme".into()),
        operator_message_id: Some("0059113978".into()),
        err: Some("000".into()),
        dest_addr: Some("+447700900123".into()),
        account_id: Some(message.account),
        tlv: TlvV1 {
            message_state: Some(2),
            ..TlvV1::default()
        },
        ..ReceiptV1::default()
    };
    let payload = receipt.to_bytes().unwrap();
    app.publish(payload.clone()).await;
    app.drained().await;
    assert_eq!(
        app.status(message).await,
        ("delivered".into(), Some("DELIVRD".into()))
    );

    app.publish(payload.slice(..payload.len() - 1)).await;
    app.publish([&payload[..], b"\n"].concat()).await;
    app.publish("DLR\u{2} of the next version").await;
    app.drained().await;
    assert_eq!(app.dispositions().await, [1, 0, 0, 3]);
    let reasons = app
        .column("SELECT reason FROM dlr.rejected_receipts ORDER BY seq")
        .await;
    assert_eq!(
        reasons,
        ["truncated", "malformed_archive", "unknown_encoding"]
    );
}
