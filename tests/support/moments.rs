//! Random moments at which runs are killed: the seed is printed, and `SEED=…` gives the same ones again.

#![allow(dead_code, reason = "every test binary takes the part that it needs")]

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// So often each verb is killed.
pub const KILLS: usize = 30;

/// Moments between the start of a run and a little after its end.
pub fn moments(whole: Duration) -> impl Iterator<Item = Duration> {
    let given = std::env::var("SEED")
        .ok()
        .map(|seed| seed.parse().expect("SEED is a number"));
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("the moments are those of SEED={seed}, within {whole:?}");
    let mut random = StdRng::seed_from_u64(seed);
    (0..KILLS).map(move |_| whole.mul_f64(random.random_range(0.0..1.1)))
}
