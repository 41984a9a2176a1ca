//! Values that a team shares, encrypted with a passphrase in age's format (<https://age-encryption.org/v1>).

use std::collections::BTreeMap;
use std::io;

use age::secrecy::SecretString;

use super::{Document, Origin, Schema, is_placeholder, list};
use crate::domain::{EnvFormat, Secret};

/// A parcel can't be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// It is no text of age's.
    #[error("it is not an export of `jobsprint-dev env export`")]
    Foreign,
    /// The passphrase is another one.
    #[error("the passphrase does not open it")]
    Locked,
    /// What is inside is no list of variables.
    #[error("what is inside is not a list of variables")]
    Garbled,
    /// The library failed.
    #[error("it can't be encrypted: {0}")]
    Failed(#[from] io::Error),
}

/// The values that only people know: what the schema neither makes nor gives a default for.
#[must_use]
pub fn shareable(schema: &Schema, document: &Document) -> BTreeMap<String, Secret> {
    schema
        .variables()
        .filter(|variable| matches!(variable.origin, Origin::Asked { .. } | Origin::Nowhere))
        .filter_map(|variable| {
            let value = document.value(&variable.key)?;
            let is_real = !value.is_empty() && !is_placeholder(value);
            is_real.then(|| (variable.key.clone(), Secret::from(value)))
        })
        .collect()
}

/// Encrypts variables.
///
/// # Errors
/// [`ParcelError::Failed`].
pub fn seal(
    variables: &BTreeMap<String, Secret>,
    passphrase: &Secret,
) -> Result<String, ParcelError> {
    let recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.expose()));
    let text = list(variables, EnvFormat::Env);
    age::encrypt_and_armor(&recipient, text.as_bytes())
        .map_err(|error| io::Error::other(error).into())
}

/// Decrypts what [`seal`] made.
///
/// # Errors
/// [`ParcelError`].
pub fn open(text: &str, passphrase: &Secret) -> Result<BTreeMap<String, Secret>, ParcelError> {
    let identity = age::scrypt::Identity::new(SecretString::from(passphrase.expose()));
    let plain = age::decrypt(&identity, text.as_bytes()).map_err(|error| match error {
        age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed
        | age::DecryptError::NoMatchingKeys => ParcelError::Locked,
        _ => ParcelError::Foreign,
    })?;
    let plain = String::from_utf8(plain).map_err(|_| ParcelError::Garbled)?;
    let document = Document::parse(&plain).map_err(|_| ParcelError::Garbled)?;
    let variables = document.values().into_iter();
    Ok(variables
        .map(|(key, value)| (key, Secret::from(value)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_passphrase_alone() {
        let variables = BTreeMap::from([("PUTER_APP_ID".to_owned(), Secret::from("app 'x' $1"))]);
        let passphrase = Secret::from("correct horse");

        let sealed = seal(&variables, &passphrase).unwrap();

        assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----"));
        assert!(!sealed.contains("app"));
        assert_eq!(open(&sealed, &passphrase).unwrap(), variables);
        let other = open(&sealed, &Secret::from("battery")).unwrap_err();
        assert!(matches!(other, ParcelError::Locked), "{other}");
        let foreign = open("A=1\n", &passphrase).unwrap_err();
        assert!(matches!(foreign, ParcelError::Foreign), "{foreign}");
    }

    #[test]
    fn only_what_people_know_is_shared() {
        let schema = Schema::parse(
            "s",
            "# @prompt=\"x\"\nA=\n# @generate=uuid\nB=\nC=1\n# @optional\nD=\n# @prompt=\"y\"\nE=\n",
        )
        .unwrap();
        let document = Document::parse("A=a\nB=b\nC=2\nD=d\nE=REPLACE_ME_E\nF=f\n").unwrap();

        let shared: Vec<String> = shareable(&schema, &document).into_keys().collect();

        assert_eq!(shared, ["A", "D"]);
    }
}
