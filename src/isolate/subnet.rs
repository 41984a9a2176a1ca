//! Small subnets, so that hundreds of stacks fit where the engine's own choice has room for thirty.

use std::net::Ipv4Addr;

/// How many subnets there are to choose from.
pub const POOL_SIZE: u32 = 4096;
/// Where they begin: a part of the private 10/8 that neither the engine nor the usual home networks use.
const FIRST: u32 = 0x0ad6_0000;
/// Thirteen containers, the gateway, and the two addresses at the ends.
const SMALL: u32 = 28;
/// Where one needs more.
const WIDE: u32 = 25;

/// A subnet for so many containers that none of `taken` (in CIDR notation) touches, searched from the `start`th on.
#[must_use]
pub fn free_subnet(containers: usize, taken: &[String], start: u32) -> Option<String> {
    let taken: Vec<(u32, u32)> = taken.iter().filter_map(|cidr| range(cidr)).collect();
    let prefix = if containers <= 13 { SMALL } else { WIDE };
    let size = 1u32 << (32 - prefix);
    let count = POOL_SIZE * 16 / size;
    (0..count)
        .map(|step| FIRST + (start.wrapping_add(step) % count) * size)
        .find(|first| {
            let last = first + (size - 1);
            taken.iter().all(|(from, to)| *to < *first || *from > last)
        })
        .map(|first| format!("{}/{prefix}", Ipv4Addr::from(first)))
}

/// First and last address of an IPv4 subnet; others are none of this pool's neighbours.
fn range(cidr: &str) -> Option<(u32, u32)> {
    let (address, prefix) = cidr.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
    let first = u32::from(address) & !host;
    Some((first, first | host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_that_somebody_has_is_left_alone() {
        let taken = [
            "10.214.0.0/28".to_owned(),
            "10.214.0.16/30".to_owned(),
            "fd00::/8".to_owned(),
        ];

        let chosen = free_subnet(7, &taken, 0);

        assert_eq!(chosen.as_deref(), Some("10.214.0.32/28"));
    }

    #[test]
    fn a_large_stack_gets_a_wider_one() {
        assert_eq!(free_subnet(40, &[], 1).as_deref(), Some("10.214.0.128/25"));
    }

    #[test]
    fn the_search_goes_round_and_ends() {
        let all_but_first = ["10.214.0.16/28".to_owned(), "10.214.128.0/17".to_owned()];

        assert_eq!(
            free_subnet(1, &all_but_first, 4095).as_deref(),
            Some("10.214.0.0/28")
        );
        assert_eq!(free_subnet(1, &["10.0.0.0/8".to_owned()], 5), None);
    }
}
