//! The servers of a URL, each by itself.

use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

/// One configuration for each server, in the order to try them.
pub(super) fn one_by_one(config: &Config) -> Vec<Config> {
    let (names, addresses) = (config.get_hosts().len(), config.get_hostaddrs().len());
    let count = names.max(addresses);
    let all_or_none = |length: usize| length == 0 || length == count;
    let ports = config.get_ports().len();
    // What the driver would refuse, it shall refuse in its own words.
    if !all_or_none(names) || !all_or_none(addresses) || !(ports == 1 || all_or_none(ports)) {
        return vec![config.clone()];
    }
    let mut places: Vec<usize> = (0..count).collect();
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        fastrand::shuffle(&mut places);
    }
    places.into_iter().map(|at| only(config, at)).collect()
}

/// The same with one server. Copied part by part, because the driver cannot take a server away.
fn only(config: &Config, at: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(at) {
        Some(Host::Tcp(name)) => drop(one.host(name)),
        #[cfg(unix)]
        Some(Host::Unix(folder)) => drop(one.host_path(folder)),
        None => {}
    }
    if let Some(&address) = config.get_hostaddrs().get(at) {
        one.hostaddr(address);
    }
    let ports = config.get_ports();
    if let Some(&port) = ports.get(at).or_else(|| ports.first()) {
        one.port(port);
    }
    sign_in(config, &mut one);
    socket(config, &mut one);
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .load_balance_hosts(config.get_load_balance_hosts());
    one
}

fn sign_in(from: &Config, to: &mut Config) {
    if let Some(user) = from.get_user() {
        to.user(user);
    }
    if let Some(password) = from.get_password() {
        to.password(password);
    }
    if let Some(database) = from.get_dbname() {
        to.dbname(database);
    }
    if let Some(options) = from.get_options() {
        to.options(options);
    }
    if let Some(name) = from.get_application_name() {
        to.application_name(name);
    }
}

fn socket(from: &Config, to: &mut Config) {
    if let Some(&limit) = from.get_connect_timeout() {
        to.connect_timeout(limit);
    }
    if let Some(&limit) = from.get_tcp_user_timeout() {
        to.tcp_user_timeout(limit);
    }
    to.keepalives(from.get_keepalives())
        .keepalives_idle(from.get_keepalives_idle());
    if let Some(interval) = from.get_keepalives_interval() {
        to.keepalives_interval(interval);
    }
    if let Some(retries) = from.get_keepalives_retries() {
        to.keepalives_retries(retries);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "sms?target_session_attrs=read-write&application_name=us&connect_timeout=3\
        &options=-c%20jit%3Doff&tcp_user_timeout=9&keepalives_idle=7&keepalives_interval=8\
        &keepalives_retries=2&channel_binding=disable&sslmode=require";

    fn parts(servers: &str) -> Vec<String> {
        let url = format!("postgres://dlr_svc:word@{servers}/{REST}");
        let config = url.parse().unwrap();
        let parts = one_by_one(&config).into_iter();
        parts.map(|part| format!("{part:?}")).collect()
    }

    #[test]
    fn each_server_keeps_its_port_and_all_that_is_said_of_all() {
        let alone = |server: &str| {
            let url = format!("postgres://dlr_svc:word@{server}/{REST}");
            format!("{:?}", url.parse::<Config>().unwrap())
        };
        assert_eq!(parts("a:1,b:2"), [alone("a:1"), alone("b:2")]);
        assert_eq!(parts("a:1"), [alone("a:1")]);
    }

    #[test]
    fn one_server_is_left_as_it_is() {
        let config: Config = "postgres://a@localhost/b".parse().unwrap();
        assert_eq!(one_by_one(&config), [config]);
    }

    #[test]
    fn a_random_order_is_one_of_all_servers() {
        let url = "postgres://a@h1:1,h2:2,h3:3/b?load_balance_hosts=random";
        let mut ports: Vec<u16> = one_by_one(&url.parse().unwrap())
            .iter()
            .map(|part| part.get_ports()[0])
            .collect();
        ports.sort_unstable();
        assert_eq!(ports, [1, 2, 3]);
    }

    #[test]
    fn what_the_driver_refuses_stays_whole() {
        let mut config: Config = "postgres://a@h1,h2/b".parse().unwrap();
        config.port(1).port(2).port(3);
        assert_eq!(one_by_one(&config), [config]);
        let mut config: Config = "postgres://a@h1,h2/b".parse().unwrap();
        config.hostaddr([127, 0, 0, 1].into());
        assert_eq!(one_by_one(&config), [config]);
    }
}
