//! URLs within a text, found and put in others' places.

/// A URL as far as a login and a database are in it; what follows, as a query, isn't.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    /// Without the login.
    pub(super) host: &'a str,
    pub(super) port: Option<u16>,
}

impl<'a> Url<'a> {
    fn of(scheme: &'a str, authority: &'a str) -> Self {
        let address = match authority.rsplit_once('@') {
            Some((_, address)) => address,
            None => authority,
        };
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host, port.parse().ok()),
            None => (address, None),
        };
        Self { scheme, host, port }
    }

    /// `postgres:5432`.
    pub(super) fn address(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.to_owned(),
        }
    }
}

/// A text whose URLs were looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Rewritten {
    /// The text, with others in the places of those that have one.
    pub(super) text: String,
    /// What is left of it without these.
    pub(super) rest: String,
}

/// Looks at each URL of `text`; where `other` has one for it, that is put in its place up to the query.
pub(super) fn rewrite(text: &str, other: impl Fn(&Url) -> Option<String>) -> Rewritten {
    let mut rewritten = Rewritten::default();
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let begin = rest[..at]
            .char_indices()
            .rev()
            .take_while(|(_, c)| is_scheme(*c))
            .last()
            .map_or(at, |(begin, _)| begin);
        let after = &rest[at + 3..];
        let is_end =
            |c: char| matches!(c, '?' | '#' | ',' | ';' | '"' | '\'' | '`') || c.is_whitespace();
        let whole = after.find(is_end).unwrap_or(after.len());
        let authority = after[..whole].find('/').unwrap_or(whole);
        let url = Url::of(&rest[begin..at], &after[..authority]);
        rewritten.text.push_str(&rest[..begin]);
        rewritten.rest.push_str(&rest[..begin]);
        let end = at + 3 + whole;
        if let Some(other) = other(&url) {
            rewritten.text.push_str(&other);
        } else {
            rewritten.text.push_str(&rest[begin..end]);
            rewritten.rest.push_str(&rest[begin..end]);
        }
        rest = &rest[end..];
    }
    rewritten.text.push_str(rest);
    rewritten.rest.push_str(rest);
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_replaced_up_to_its_query_and_the_rest_stays() {
        let text = "a=postgresql://me:s@pg:5432/shop?x=1, http://web/y";

        let rewritten = rewrite(text, |url| {
            (url.scheme == "postgresql").then(|| format!("new://{}/db", url.address()))
        });

        assert_eq!(rewritten.text, "a=new://pg:5432/db?x=1, http://web/y");
        assert_eq!(rewritten.rest, "a=?x=1, http://web/y");
    }

    #[test]
    fn a_url_without_login_port_and_path_is_one() {
        let seen = |text: &str| {
            let mut hosts = Vec::new();
            let found = std::cell::RefCell::new(&mut hosts);
            rewrite(text, |url| {
                found.borrow_mut().push((url.host.to_owned(), url.port));
                None
            });
            hosts
        };

        assert_eq!(seen("redis://redis"), [("redis".to_owned(), None)]);
        assert_eq!(seen("redis://:pw@r:1/0"), [("r".to_owned(), Some(1))]);
        assert!(seen("no url").is_empty());
    }
}
