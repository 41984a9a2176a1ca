//! Who asks for a bucket, and where it is: by the variables and files that every S3 client reads.

use std::path::{Path, PathBuf};

use super::DataError;
use crate::domain::Secret;

/// The region where none is named: S3's first, which other servers take for their own.
const REGION: &str = "us-east-1";

/// What is needed to ask for a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketAccess {
    /// The server, as `http://localhost:9000`; `None` for Amazon's own.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The access key's id.
    pub key: String,
    /// The secret access key.
    pub secret: Secret,
    /// The token of temporary credentials.
    pub token: Option<Secret>,
}

impl BucketAccess {
    /// Reads it from `variable`s, where they say nothing from the profile in what `text` gives of `~/.aws/credentials` and
    /// `~/.aws/config`.
    ///
    /// # Errors
    /// Where nothing names an access key.
    pub fn read(
        variable: impl Fn(&str) -> Option<String>,
        text: impl Fn(&Path) -> Option<String>,
    ) -> Result<Self, DataError> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = PathBuf::from(set("HOME").unwrap_or_default()).join(".aws");
        let file = |name: &str, fallback: &str| {
            let path = set(name).map_or_else(|| home.join(fallback), PathBuf::from);
            text(&path).unwrap_or_default()
        };
        let credentials = file("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let config = file("AWS_CONFIG_FILE", "config");
        let profile = set("AWS_PROFILE").unwrap_or_else(|| "default".to_owned());
        let noted = |name: &str| {
            let in_config = match profile.as_str() {
                "default" => profile.clone(),
                other => format!("profile {other}"),
            };
            entry(&credentials, &profile, name).or_else(|| entry(&config, &in_config, name))
        };
        // An id and a secret of different places belong to different people.
        let (key, secret, token) = match set("AWS_ACCESS_KEY_ID") {
            Some(key) => (
                Some(key),
                set("AWS_SECRET_ACCESS_KEY"),
                set("AWS_SESSION_TOKEN"),
            ),
            None => (
                noted("aws_access_key_id"),
                noted("aws_secret_access_key"),
                noted("aws_session_token"),
            ),
        };
        let (Some(key), Some(secret)) = (key, secret) else {
            return Err(DataError::NoBucketAccess { profile });
        };
        Ok(Self {
            endpoint: set("AWS_ENDPOINT_URL_S3")
                .or_else(|| set("AWS_ENDPOINT_URL"))
                .or_else(|| noted("endpoint_url")),
            region: set("AWS_REGION")
                .or_else(|| set("AWS_DEFAULT_REGION"))
                .or_else(|| noted("region"))
                .unwrap_or_else(|| REGION.to_owned()),
            key,
            secret: Secret::new(secret),
            token: token.map(Secret::new),
        })
    }
}

/// The value of `name` below `[section]`.
fn entry(text: &str, section: &str, name: &str) -> Option<String> {
    let mut is_in_it = false;
    for line in text.lines().map(str::trim) {
        if let Some(title) = line.strip_prefix('[') {
            is_in_it = title.strip_suffix(']').map(str::trim) == Some(section);
        } else if is_in_it
            && let Some((key, value)) = line.split_once('=')
            && key.trim() == name
        {
            return Some(value.trim().to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "[default]\naws_access_key_id = one\naws_secret_access_key = s1\n\
        [minio]\naws_access_key_id=two\naws_secret_access_key=s2\naws_session_token = t2\n";
    const CONFIG: &str =
        "[default]\nregion = eu-west-1\n[profile minio]\nendpoint_url = http://localhost:9000\n";

    fn read(variables: &[(&str, &str)]) -> Result<BucketAccess, DataError> {
        let variable = |name: &str| {
            let mut found = variables.iter().filter(|(known, _)| *known == name);
            found.next().map(|(_, value)| (*value).to_owned())
        };
        BucketAccess::read(variable, |path| match path.to_str() {
            Some("/h/.aws/credentials") => Some(CREDENTIALS.to_owned()),
            Some("/h/.aws/config") => Some(CONFIG.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn the_profile_is_read_where_no_variable_says_otherwise() {
        let default = read(&[("HOME", "/h")]).unwrap();
        assert_eq!(
            (default.key.as_str(), default.region.as_str()),
            ("one", "eu-west-1")
        );
        assert_eq!((default.endpoint, default.token), (None, None));

        let minio = read(&[("HOME", "/h"), ("AWS_PROFILE", "minio")]).unwrap();
        assert_eq!(minio.key, "two");
        assert_eq!(minio.token.unwrap().expose(), "t2");
        assert_eq!(minio.endpoint.as_deref(), Some("http://localhost:9000"));
        assert_eq!(minio.region, REGION);
    }

    #[test]
    fn a_variables_key_is_never_mixed_with_a_profiles_secret() {
        assert!(read(&[("HOME", "/h"), ("AWS_ACCESS_KEY_ID", "three")]).is_err());
        let access = read(&[
            ("HOME", "/h"),
            ("AWS_ACCESS_KEY_ID", "three"),
            ("AWS_SECRET_ACCESS_KEY", "s3"),
            ("AWS_ENDPOINT_URL", "http://all"),
            ("AWS_ENDPOINT_URL_S3", "http://s3"),
        ]);
        let access = access.unwrap();
        assert_eq!(
            (access.key.as_str(), access.secret.expose()),
            ("three", "s3")
        );
        assert_eq!(access.endpoint.as_deref(), Some("http://s3"));
    }

    #[test]
    fn who_has_no_key_is_told_where_one_is_looked_for() {
        let failure = crate::domain::Failure::from(read(&[]).unwrap_err());
        assert_eq!(
            failure.message,
            "no access key for the bucket: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor the profile `default` has one"
        );
    }
}
