//! The short form of `volumes`: `[SOURCE:]TARGET[:OPTIONS]`.

/// One mount of the short form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct ShortVolume {
    /// A volume's key or a path; `None` for an anonymous volume.
    pub source: Option<String>,
    pub target: String,
    pub read_only: bool,
    pub no_copy: bool,
    pub propagation: Option<String>,
    pub selinux: Option<String>,
    /// Options that mean nothing to Compose.
    pub unknown: Vec<String>,
}

impl ShortVolume {
    /// Whether the source is a path of the host rather than a volume's key.
    pub(super) fn is_bind(&self) -> bool {
        self.source.as_deref().is_some_and(is_path)
    }
}

/// Reads a short form; the error says what was expected.
pub(super) fn parse(text: &str) -> Result<ShortVolume, String> {
    let parts = cut(text);
    if text.is_empty() || parts.iter().any(|part| part.is_empty()) {
        return Err(format!(
            "`{text}` has an empty part: `[SOURCE:]TARGET[:OPTIONS]` was expected"
        ));
    }
    let mut volume = ShortVolume::default();
    match parts.as_slice() {
        [target] => (*target).clone_into(&mut volume.target),
        [source, target] => volume.place(source, target),
        [source, target, options] => {
            volume.place(source, target);
            options.split(',').for_each(|option| volume.option(option));
        }
        _ => {
            return Err(format!(
                "`{text}` has too many colons: `[SOURCE:]TARGET[:OPTIONS]` was expected"
            ));
        }
    }
    Ok(volume)
}

impl ShortVolume {
    fn place(&mut self, source: &str, target: &str) {
        self.source = Some(source.to_owned());
        target.clone_into(&mut self.target);
    }

    fn option(&mut self, option: &str) {
        match option {
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "nocopy" => self.no_copy = true,
            "z" | "Z" => self.selinux = Some(option.to_owned()),
            "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave" => {
                self.propagation = Some(option.to_owned());
            }
            other => self.unknown.push(other.to_owned()),
        }
    }
}

/// Cuts at colons, but not after a Windows drive's letter.
fn cut(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(':') {
        let part = &text[start..at];
        let is_drive = part.chars().count() == 1 && part.chars().all(char::is_alphabetic);
        if !is_drive || text.len() <= 2 {
            parts.push(part);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// Whether a mount's source is a path: it starts with `.`, `/`, `~`, `\\` or a drive's letter.
pub(super) fn is_path(source: &str) -> bool {
    let mut characters = source.chars();
    let drive =
        characters.next().is_some_and(char::is_alphabetic) && characters.next() == Some(':');
    source.starts_with(['.', '/', '~']) || source.starts_with("\\\\") || drive
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ShortVolume, parse};

    fn shown(volume: &ShortVolume) -> String {
        let kind = match &volume.source {
            None => "anonymous",
            Some(_) if volume.is_bind() => "bind",
            Some(_) => "volume",
        };
        let mut words = vec![kind.to_owned()];
        words.extend(volume.source.clone());
        words.push(volume.target.clone());
        words.extend(volume.read_only.then(|| "ro".to_owned()));
        words.extend(volume.no_copy.then(|| "nocopy".to_owned()));
        words.extend(volume.propagation.clone());
        words.extend(volume.selinux.clone());
        words.extend(volume.unknown.iter().map(|option| format!("?{option}")));
        words.join(" ")
    }

    /// `written => kind source target options` or `written => ! why`, one a line.
    #[test]
    fn the_table_of_volumes_reads_as_compose_does() {
        let table = include_str!("../../tests/compose/volumes.txt");
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (written, expected) = line.split_once(" => ").expect("a case has ` => `");
            let got = parse(written).map_or_else(|why| format!("! {why}"), |volume| shown(&volume));
            assert_eq!(got, expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[a-c:./~\\\\,é-]{0,24}") {
            let _ = parse(&text);
        }
    }
}
