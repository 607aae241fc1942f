//! Passwords are hashed again at login when the cost was raised.

use serde_json::json;
use server::config::Options;

use crate::support::{Call, Person, Reply, World, eventually};

fn log_in(address: std::net::SocketAddr, password: &str) -> Reply {
    let body = json!({"uid": "alice_01", "password": password});
    Call::new(address, "POST", "/api/login/uid").json(&body).send()
}

#[test]
fn a_login_raises_the_cost_of_its_hash_and_none_lowers_it() {
    let world = World::new();
    world.person("alice_01");
    world.person("bob_0001");
    let with_cost = |cost: u32| world.count(&format!("users WHERE password_hash LIKE '$2b$0{cost}$%'"));
    assert_eq!((with_cost(4), with_cost(6)), (2, 0));
    let raised = world.second_instance_with(Options { bcrypt_cost: Some(6), ..Options::default() });
    log_in(raised.address, "wrong password").refused(401, "invalid_credentials");
    assert_eq!(with_cost(6), 0, "a wrong password changes nothing");
    log_in(raised.address, Person::PASSWORD).ok();
    eventually("the hash is not replaced", || with_cost(6) == 1);
    assert_eq!(with_cost(4), 1, "an account that has not logged in keeps its hash");
    for address in [world.address(), raised.address] {
        log_in(address, Person::PASSWORD).ok();
        log_in(address, "wrong password").refused(401, "invalid_credentials");
    }
    assert_eq!((with_cost(4), with_cost(6)), (1, 1));
}

#[test]
fn concurrent_logins_all_succeed_while_the_hash_is_replaced() {
    let world = World::new();
    for round in 0..5 {
        let raised =
            world.second_instance_with(Options { bcrypt_cost: Some(5 + round), ..Options::default() });
        if round == 0 {
            world.person("alice_01");
        }
        let logins: Vec<_> = (0..5)
            .map(|_| {
                let address = raised.address;
                std::thread::spawn(move || log_in(address, Person::PASSWORD).status)
            })
            .collect();
        let statuses: Vec<u16> = logins.into_iter().map(|login| login.join().unwrap()).collect();
        assert_eq!(statuses, [200; 5]);
    }
}
