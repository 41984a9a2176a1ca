//! A run that is killed: whenever that is, nothing of its stack stays, and no template is half a one.

use std::time::Duration;

use crate::checkout::text;
use crate::stores::{COUNT, Stores};

/// Moments of a run, spread at random, the same each time (Park and Miller's generator).
pub fn moments(count: usize, longest: Duration) -> impl Iterator<Item = Duration> {
    let random = std::iter::successors(Some(20_261_125_u64), |last| {
        Some(last * 48_271 % 0x7fff_ffff)
    });
    let longest = u64::try_from(longest.as_millis()).expect("short");
    random
        .skip(1)
        .take(count)
        .map(move |random| Duration::from_millis(random % longest))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_killed_at_thirty_moments_leaves_nothing() {
    let stores = Stores::new().await;
    // From before the first object, over the set-up and the keeping of a template, to within the command; as soon as a
    // template was kept, the runs after it begin with that.
    for moment in moments(30, Duration::from_millis(4500)) {
        let mut run = stores.command(&["--", "sleep", "3600"]);
        let mut run = run.spawn().expect("started");
        tokio::time::sleep(moment).await;
        run.kill().expect("killed");
        run.wait().expect("reaped");
    }

    // The guards of those runs, or else the next look, remove them.
    let swept = stores.tool(&["stacks", "gc"]);

    assert!(swept.status.success(), "{}", text(&swept.stderr));
    stores.checkout.until_stacks(0).await;
    let (count, _) = stores.works(&COUNT);
    assert_eq!(count, "2\n");
}
