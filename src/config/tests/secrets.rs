//! Secrets: in a setting or in a file, never twice, never shown.

use super::*;

#[test]
fn secret_comes_from_file_of_later_layer() {
    let folder = Folder::new();
    let secret = folder.write("url", "postgres://role:word@localhost/dlr\n");
    let given = [
        ("DATABASE_URL", "postgres://other@localhost/dlr"),
        ("DLR__POSTGRES__URL_FILE", &secret),
    ];
    let loaded = load(&given).unwrap();
    let url = loaded.config.postgres.url.expose_secret();
    assert_eq!(url, "postgres://role:word@localhost/dlr");
    assert_eq!(loaded.config.postgres.url_file, Some(secret.clone().into()));
    assert_eq!(origin(&loaded, "postgres.url"), secret);

    let given = [
        ("DATABASE_URL_FILE", &*secret),
        ("DLR__POSTGRES__URL", "postgres://a@[::1]/b"),
    ];
    let loaded = load(&given).unwrap();
    assert_eq!(
        loaded.config.postgres.url.expose_secret(),
        "postgres://a@[::1]/b"
    );
    assert_eq!(loaded.config.postgres.url_file, None);
}

#[test]
fn secret_given_twice_is_refused() {
    let given = [
        ("DLR__POSTGRES__URL", "x"),
        ("DLR__POSTGRES__URL_FILE", "y"),
    ];
    refused(load(&given), "postgres.url");
}

#[test]
fn missing_secret_file_is_refused() {
    let message = refused(
        load(&[("DATABASE_URL_FILE", "/no/such")]),
        "postgres.url_file",
    );
    assert!(
        message.contains("/no/such") && message.contains("DATABASE_URL_FILE"),
        "{message}"
    );
}

#[test]
fn the_url_of_profiles_keeps_the_rule_about_tls_and_its_own_name() {
    for url in [
        "postgres://dlr_profiles:hunter2@db.example/dlr?sslmode=disable",
        "hunter2",
    ] {
        let given = [("DLR__POSTGRES__PROFILES_URL", url)];
        let message = refused(load(&given), "postgres.profiles_url");
        assert!(!message.contains("hunter2"), "{message}");
    }
    let remote = [(
        "DLR__POSTGRES__PROFILES_URL",
        "postgres://dlr_profiles:hunter2@db.example/dlr",
    )];
    let message = refused(load(&remote), "postgres.ca_file");
    assert!(!message.contains("hunter2"), "{message}");

    let local = [(
        "DLR__POSTGRES__PROFILES_URL",
        "postgres://dlr_profiles:hunter2@localhost/dlr",
    )];
    let loaded = load(&local).unwrap();
    assert_eq!(loaded.require_profiles().unwrap().1, SignIn::Profiles);
    let everything = format!("{:?} {loaded:?}", loaded.settings());
    assert!(everything.contains("dlr_profiles:********@") && !everything.contains("hunter2"));
}

#[test]
fn who_writes_no_profiles_need_not_be_able_to_read_their_url() {
    let given = [
        ("DATABASE_URL", "postgres://dlr_svc@localhost/dlr"),
        ("DLR__POSTGRES__PROFILES_URL_FILE", "/no/such"),
    ];
    let loaded = load(&given).unwrap();
    assert_eq!(loaded.require_profiles().unwrap().1, SignIn::Profiles);
    let main = load(&given[..1]).unwrap();
    assert_eq!(main.require_profiles().unwrap().1, SignIn::Main);
    let none = load(&[])
        .unwrap()
        .require_profiles()
        .map(|_| ())
        .unwrap_err();
    assert_eq!(none.setting(), Some("postgres.url"));
}
