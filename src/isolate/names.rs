//! The names of isolated and of named stacks.

use std::path::Path;

use sha2::{Digest, Sha256};

use crate::domain::ProjectName;

/// The project of a disposable copy of `base`.
///
/// # Panics
/// Never: a project's name with such a suffix is one.
#[must_use]
pub fn ci_project(base: &ProjectName, random: u32) -> ProjectName {
    let random = random & 0x00ff_ffff;
    ProjectName::normalised(&format!("{base}-ci-{random:06x}"))
        .expect("a project's name with a suffix is one")
}

/// The project of the stack `name` beside `base`; where nothing of `name` can stand in a project's name, its digest.
///
/// # Panics
/// Never: a project's name with such a suffix is one.
#[must_use]
pub fn stack_project(base: &ProjectName, name: &str) -> ProjectName {
    let suffix = ProjectName::normalised(name).map_or_else(
        || {
            let hash = Sha256::digest(name.as_bytes());
            format!("{:02x}{:02x}{:02x}", hash[0], hash[1], hash[2])
        },
        |name| name.to_string(),
    );
    ProjectName::normalised(&format!("{base}-{suffix}"))
        .expect("a project's name with a suffix is one")
}

/// How many blocks of ports there are, from 20000 on: below those that the kernel hands out by itself.
pub const PORT_BLOCKS: u16 = 600;
/// How many ports a block has.
pub const PORT_BLOCK_WIDTH: u16 = 20;

/// The first port of the block that belongs to `directory`: the same each time.
#[must_use]
pub fn port_block(directory: &Path) -> u16 {
    let hash = Sha256::digest(directory.as_os_str().as_encoded_bytes());
    20_000 + u16::from_be_bytes([hash[0], hash[1]]) % PORT_BLOCKS * PORT_BLOCK_WIDTH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_named_after_what_it_copies() {
        let base = ProjectName::new("shop").unwrap();

        assert_eq!(ci_project(&base, 0xdead_beef).as_str(), "shop-ci-adbeef");
        assert_eq!(
            stack_project(&base, "Feature/Pay").as_str(),
            "shop-featurepay"
        );
        assert_eq!(stack_project(&base, "///").as_str(), "shop-732c4e");
    }

    #[test]
    fn a_directory_has_the_same_ports_each_time() {
        let first = port_block(Path::new("/home/ada/shop-2"));

        assert_eq!(first, port_block(Path::new("/home/ada/shop-2")));
        assert!((20_000..32_000).contains(&first) && first.is_multiple_of(20));
    }
}
