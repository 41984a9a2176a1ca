//! Secrets that nobody told us of, known by their shape alone: for text that leaves this machine.

/// What stands for them.
const MASK: &str = "***";
/// Names whose values are secrets, wherever they stand in a longer name.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "api_key",
    "api-key",
    "apikey",
    "access_key",
    "authorization",
    "cookie",
];
/// How the tokens of well-known services begin.
const BEGINNINGS: [&str; 16] = [
    "ghp_",
    "gho_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "sk-",
    "sk_live_",
    "sk_test_",
    "npm_",
    "AKIA",
    "AIza",
    "dckr_pat_",
];
/// A shorter word is no token.
const SHORTEST: usize = 16;

/// The text without passwords in URLs, values of telling names, tokens of well-known services, JSON web tokens and private keys.
#[must_use]
pub fn without_shapes(text: &str) -> String {
    let mut inside_key = false;
    let lines = text.split_inclusive('\n').map(|line| {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let begins = line.contains("-----BEGIN") && line.contains("PRIVATE KEY");
        let ends = line.contains("-----END");
        let masked = if inside_key || begins {
            MASK.to_owned()
        } else {
            tokens(&named_values(&addresses(line)))
        };
        inside_key = (inside_key || begins) && !ends;
        masked + end
    });
    lines.collect()
}

/// `scheme://user:password@host` without the password.
fn addresses(line: &str) -> String {
    let mut parts = line.split("://");
    let mut masked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        masked.push_str("://");
        let authority = part.find(|c: char| c.is_whitespace() || "/\"'`<>?#".contains(c));
        let (authority, rest) = part.split_at(authority.unwrap_or(part.len()));
        match authority.rsplit_once('@') {
            Some((user, host)) => {
                let name = user.split_once(':').map(|(name, _)| name);
                match name {
                    Some(name) => masked.extend([name, ":", MASK, "@", host]),
                    None => masked.push_str(authority),
                }
            }
            None => masked.push_str(authority),
        }
        masked.push_str(rest);
    }
    masked
}

/// `name=value`, `"name": "value"` and `name: Bearer value` without the value, where the name tells that it is a secret.
fn named_values(line: &str) -> String {
    let mut masked = String::new();
    let mut rest = line;
    while let Some((at, name)) = first_name(rest) {
        let (before, after) = rest.split_at(at + name);
        masked.push_str(before);
        rest = after;
        // The name may go on: `TOKEN_TTL` is told like `TOKEN`, which hides rather too much.
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let tail = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        masked.push_str(&rest[..tail]);
        rest = &rest[tail..];
        let quotes = |c: char| c == '"' || c == '\'' || c == '\\';
        let sign = rest.trim_start_matches(quotes).trim_start();
        if !sign.starts_with([':', '=']) {
            continue;
        }
        let value = sign[1..].trim_start_matches(|c: char| quotes(c) || c == ' ');
        masked.push_str(&rest[..rest.len() - value.len()]);
        let scheme = ["Bearer ", "Basic ", "bearer ", "basic "];
        let value = scheme
            .iter()
            .find_map(|word| value.strip_prefix(word))
            .map_or(value, |bare| {
                masked.push_str(&value[..value.len() - bare.len()]);
                bare
            });
        let end = value.find(|c: char| c.is_whitespace() || quotes(c) || ",;&})]".contains(c));
        let end = end.unwrap_or(value.len());
        let is_open = end == 0 || value.starts_with("${") || value.starts_with(MASK);
        masked.push_str(if is_open { &value[..end] } else { MASK });
        rest = &value[end..];
    }
    masked + rest
}

/// The first telling name: where, and how long.
fn first_name(text: &str) -> Option<(usize, usize)> {
    let lower = text.to_ascii_lowercase();
    let found = NAMES
        .iter()
        .filter_map(|name| Some((lower.find(name)?, name.len())));
    found.min_by_key(|(at, length)| (*at, std::cmp::Reverse(*length)))
}

/// Words that are tokens by themselves.
fn tokens(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let mut masked = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let begin = rest.find(is_part).unwrap_or(rest.len());
        masked.push_str(&rest[..begin]);
        let word = &rest[begin..];
        let word = &word[..word.find(|c| !is_part(c)).unwrap_or(word.len())];
        let follows = masked.to_ascii_lowercase().ends_with("bearer ");
        masked.push_str(if is_token(word) || follows && word.len() >= 8 {
            MASK
        } else {
            word
        });
        rest = &rest[begin + word.len()..];
    }
    masked
}

fn is_token(word: &str) -> bool {
    let is_web_token = word.starts_with("eyJ") && word.split('.').count() == 3;
    let is_known = BEGINNINGS.iter().any(|begin| word.starts_with(begin));
    word.len() >= SHORTEST && (is_web_token || is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_known_by_where_it_stands_and_how_it_looks() {
        let cases = [
            (
                "db at postgres://app:hunter2@db:5432/app is up",
                "db at postgres://app:***@db:5432/app is up",
            ),
            ("amqp://guest:a@b@rabbit/", "amqp://guest:***@rabbit/"),
            ("http://localhost:3000/a@b", "http://localhost:3000/a@b"),
            ("password=hunter2 user=app", "password=*** user=app"),
            ("DB_PASSWORD: 'hunter2'", "DB_PASSWORD: '***'"),
            (
                r#"{"apiKey":"k1","user":"u"}"#,
                r#"{"apiKey":"***","user":"u"}"#,
            ),
            (r#"{\"token\":\"k1\"}"#, r#"{\"token\":\"***\"}"#),
            ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
            ("got Bearer abcdefgh12 from x", "got Bearer *** from x"),
            ("eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl", "***"),
            ("cloned with ghp_0123456789abcdefghij", "cloned with ***"),
            ("key AKIAIOSFODNN7EXAMPLE used", "key *** used"),
            ("TOKEN: ${TOKEN}", "TOKEN: ${TOKEN}"),
            ("the token is missing", "the token is missing"),
        ];

        for (text, masked) in cases {
            assert_eq!(without_shapes(text), masked);
        }
    }

    #[test]
    fn a_private_key_goes_with_all_its_lines() {
        let text = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nb\n";

        assert_eq!(without_shapes(text), "a\n***\n***\n***\nb\n");
    }

    #[test]
    fn what_is_masked_already_and_what_is_no_ascii_stays() {
        let text = "passwort „straße“ password=*** – ünd token:*** ";

        assert_eq!(without_shapes(text), text);
    }
}
