//! The short form of `ports`: `[[IP:]HOST:]CONTAINER[/PROTOCOL]`, each part a port or a range.

/// One published port of the short form, ranges spread out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ShortPort {
    pub host_ip: Option<String>,
    /// A port, or a range to choose from.
    pub published: Option<String>,
    pub target: u16,
    pub protocol: String,
}

/// Reads a short form; the error says what was expected.
pub(super) fn parse(text: &str) -> Result<Vec<ShortPort>, String> {
    let (address, protocol) = match text.split_once('/') {
        Some((address, protocol)) => (address, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    };
    if !["tcp", "udp", "sctp"].contains(&protocol.as_str()) {
        return Err(format!(
            "`{protocol}` is no protocol: one of `tcp`, `udp`, `sctp` was expected"
        ));
    }
    let (host, container) = address.rsplit_once(':').unwrap_or(("", address));
    let (ip, host) = host.rsplit_once(':').unwrap_or(("", host));
    let host_ip = address_of(ip)?;
    if container.is_empty() {
        return Err(format!("`{text}` names no port of the container"));
    }
    let (first, last) = range(container)?;
    let (host_first, host_last) = if host.is_empty() {
        (0, 0)
    } else {
        range(host)?
    };
    let spread = host.is_empty() || last - first == host_last - host_first;
    if !spread && first != last {
        return Err(format!(
            "the ranges `{host}` and `{container}` differ in length"
        ));
    }
    let published = |target: u16| match host {
        "" => None,
        _ if spread => Some((host_first + (target - first)).to_string()),
        _ => Some(format!("{host_first}-{host_last}")),
    };
    let port = |target| ShortPort {
        host_ip: host_ip.clone(),
        published: published(target),
        target,
        protocol: protocol.clone(),
    };
    Ok((first..=last).map(port).collect())
}

fn address_of(text: &str) -> Result<Option<String>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let bare = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(text);
    match bare.parse::<std::net::IpAddr>() {
        Ok(_) => Ok(Some(bare.to_owned())),
        Err(_) => Err(format!("`{text}` is not an IP address")),
    }
}

/// A port or a range of ports, ends included.
pub(super) fn range(text: &str) -> Result<(u16, u16), String> {
    let port = |part: &str| {
        let is_digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        let parsed = is_digits.then(|| part.parse().ok()).flatten();
        parsed.ok_or_else(|| format!("`{part}` is not a port: a number up to 65535 was expected"))
    };
    let Some((first, last)) = text.split_once('-') else {
        return port(text).map(|only| (only, only));
    };
    let (first, last) = (port(first)?, port(last)?);
    if last < first {
        return Err(format!("the range `{text}` ends before it starts"));
    }
    Ok((first, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    /// `written => ip published target/protocol, …` with `-` for nothing, or `written => ! why`.
    #[test]
    fn the_table_of_ports_reads_as_compose_does() {
        let table = include_str!("../../tests/compose/ports.txt");
        for line in table.lines().filter(|line| !line.is_empty()) {
            let (written, expected) = line.split_once(" => ").expect("a case has ` => `");
            let got = match parse(written) {
                Ok(ports) => {
                    let show = |part: Option<String>| part.unwrap_or_else(|| "*".to_owned());
                    let one = |port: super::ShortPort| {
                        format!(
                            "{} {} {}/{}",
                            show(port.host_ip),
                            show(port.published),
                            port.target,
                            port.protocol
                        )
                    };
                    ports.into_iter().map(one).collect::<Vec<_>>().join(", ")
                }
                Err(why) => format!("! {why}"),
            };
            assert_eq!(got, expected, "{written}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9:.\\[\\]/a-f-]{0,24}") {
            let _ = parse(&text);
        }
    }
}
