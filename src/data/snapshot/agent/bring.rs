//! What this program needs to run in somebody else's container: itself, and the libraries that it has here.
//!
//! The container's own C library may be older, another one, or none. So the dynamic loader of this process goes along and is
//! told where the rest is. Format of the list: `proc_pid_maps(5)`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::data::snapshot::helper::bind;
use crate::domain::{Mount, MountAccess};

/// Where all of it is in the container.
const PLACE: &str = "/agent";

/// What is mounted, and the words that run it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Brought {
    pub mounts: Vec<Mount>,
    pub words: Vec<String>,
}

/// What `program`, which is this one, needs; `None` where that can't be told.
pub(super) fn bring(program: &Path) -> Option<Brought> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    // Where it was built anew while it ran, its file is another one by now, or none.
    program.is_file().then(|| from(program, &maps))
}

fn from(program: &Path, maps: &str) -> Brought {
    let libraries: Vec<&Path> = maps.lines().filter_map(library).collect();
    let mut places = BTreeMap::new();
    for library in &libraries {
        let directory = library.parent().unwrap_or(Path::new("/"));
        let next = format!("{PLACE}/lib{}", places.len());
        places.entry(directory).or_insert(next);
    }
    let tool = format!("{PLACE}/jobsprint-dev");
    let mut mounts = vec![bind(program, tool.clone(), MountAccess::ReadOnly)];
    let directories = places.iter();
    mounts.extend(directories.map(|(from, to)| bind(from, to.clone(), MountAccess::ReadOnly)));
    let is_loader = |path: &&&Path| name(path).starts_with("ld-");
    let mut words = Vec::new();
    if let Some(loader) = libraries.iter().find(is_loader) {
        let directory = &places[loader.parent().unwrap_or(Path::new("/"))];
        let all: Vec<&str> = places.values().map(String::as_str).collect();
        words = vec![
            format!("{directory}/{}", name(loader)),
            "--library-path".to_owned(),
            all.join(":"),
        ];
    }
    words.push(tool);
    Brought { mounts, words }
}

/// The shared library that a line of the list tells of as code: the loader is one, too.
fn library(line: &str) -> Option<&Path> {
    let mut fields = line.split_ascii_whitespace();
    let is_code = fields.nth(1)?.contains('x');
    let path = Path::new(&line[line.find('/')?..]);
    (is_code && name(path).contains(".so")).then_some(path)
}

fn name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MountSource;

    const MAPS: &str = "\
55e0-55f0 r--p 00000000 fe:00 1                          /home/ada/my bin/jobsprint-dev
55f0-55ff r-xp 00000000 fe:00 1                          /home/ada/my bin/jobsprint-dev
7f00-7f01 r-xp 00026000 fe:00 2                          /usr/lib/x86_64-linux-gnu/libc.so.6
7f01-7f02 r--p 00026000 fe:00 3                          /usr/lib/locale/locale.so
7f02-7f03 r-xp 00026000 fe:00 4                          /opt/gcc/libgcc_s.so.1
7f03-7f04 r-xp 00001000 fe:00 5                          /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
7f04-7f05 r-xp 00000000 00:00 0                          [vdso]
";

    #[test]
    fn the_loader_is_told_where_each_library_is() {
        let brought = from(Path::new("/home/ada/my bin/jobsprint-dev"), MAPS);

        let mounts: Vec<_> = brought
            .mounts
            .iter()
            .map(|mount| match &mount.source {
                MountSource::Bind { source, .. } => {
                    (source.to_str().unwrap(), mount.target.as_str())
                }
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(
            mounts,
            [
                ("/home/ada/my bin/jobsprint-dev", "/agent/jobsprint-dev"),
                ("/opt/gcc", "/agent/lib1"),
                ("/usr/lib/x86_64-linux-gnu", "/agent/lib0"),
            ]
        );
        assert_eq!(
            brought.words,
            [
                "/agent/lib0/ld-linux-x86-64.so.2",
                "--library-path",
                "/agent/lib1:/agent/lib0",
                "/agent/jobsprint-dev"
            ]
        );
    }

    #[test]
    fn one_that_needs_no_libraries_runs_by_itself() {
        let brought = from(Path::new("/bin/tool"), "1-2 r-xp 0 fe:00 1   /bin/tool\n");

        assert_eq!(brought.words, ["/agent/jobsprint-dev"]);
        assert_eq!(brought.mounts.len(), 1);
    }

    #[test]
    fn a_program_that_is_gone_is_not_brought() {
        assert_eq!(bring(Path::new("/nowhere/tool (deleted)")), None);
    }
}
