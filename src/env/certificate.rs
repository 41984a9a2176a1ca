//! The self-signed certificate with which the stack speaks TLS on this machine: made, and judged.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair,
    KeyUsagePurpose, PublicKeyData as _,
};
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::parse_x509_pem;

use crate::domain::Secret;

/// The names that a certificate of this machine is made for.
pub const LOCAL_NAMES: [&str; 4] = ["localhost", "jobsprint.localhost", "127.0.0.1", "::1"];

/// How long a certificate holds: browsers refuse more than 398 days.
const LIFE: Duration = Duration::from_hours(397 * 24);
/// A certificate with less life than this is made anew.
const SOON: Duration = Duration::from_hours(30 * 24);
/// Clocks differ.
const EARLIER: Duration = Duration::from_hours(24);

/// A certificate and its key, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: Secret,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a certificate for `localhost`: {0}")]
pub struct CertificateError(#[from] rcgen::Error);

/// What a certificate on disk is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It serves.
    Good,
    /// It must be made anew; the reason is a phrase after "since".
    Renew(&'static str),
}

impl Certificate {
    /// Makes a certificate for `names` that holds from `now` on.
    ///
    /// # Errors
    /// [`CertificateError`] where the library refuses a name.
    pub fn make(names: &[&str], now: SystemTime) -> Result<Self, CertificateError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut wanted = CertificateParams::new(names)?;
        wanted.not_before = OffsetDateTime::from(now - EARLIER);
        wanted.not_after = OffsetDateTime::from(now + LIFE);
        wanted.distinguished_name = DistinguishedName::new();
        wanted
            .distinguished_name
            .push(DnType::CommonName, "jobsprint-dev on this machine");
        wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        Ok(Self {
            certificate: wanted.self_signed(&key)?.pem(),
            key: Secret::new(key.serialize_pem()),
        })
    }

    /// Judges it: whether it can be read, fits its key, names all of `names` and holds long enough.
    pub fn judge(&self, names: &[&str], now: SystemTime) -> Verdict {
        let Ok((_, pem)) = parse_x509_pem(self.certificate.as_bytes()) else {
            return Verdict::Renew("the certificate can't be read");
        };
        let Ok(found) = pem.parse_x509() else {
            return Verdict::Renew("the certificate can't be read");
        };
        let Ok(key) = KeyPair::from_pem(self.key.expose()) else {
            return Verdict::Renew("its key can't be read");
        };
        if found.public_key().subject_public_key.data.as_ref() != key.der_bytes() {
            return Verdict::Renew("certificate and key don't fit");
        }
        let seconds = |at: SystemTime| OffsetDateTime::from(at).unix_timestamp();
        let validity = found.validity();
        if validity.not_before.timestamp() > seconds(now) {
            return Verdict::Renew("the certificate begins in the future");
        }
        if validity.not_after.timestamp() < seconds(now + SOON) {
            return Verdict::Renew("the certificate ends soon");
        }
        let has: BTreeSet<String> = found
            .subject_alternative_name()
            .ok()
            .flatten()
            .into_iter()
            .flat_map(|names| &names.value.general_names)
            .filter_map(written)
            .collect();
        if names.iter().any(|name| !has.contains(*name)) {
            return Verdict::Renew("the certificate lacks a name");
        }
        Verdict::Good
    }
}

fn written(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let address = match bytes.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
            };
            Some(address.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_hours(24);

    #[test]
    fn a_fresh_certificate_serves_for_a_year_and_is_renewed_before_its_end() {
        let now = SystemTime::now();
        let made = Certificate::make(&LOCAL_NAMES, now).unwrap();

        assert_eq!(made.judge(&LOCAL_NAMES, now), Verdict::Good);
        assert_eq!(made.judge(&LOCAL_NAMES, now + 366 * DAY), Verdict::Good);
        assert_eq!(
            made.judge(&LOCAL_NAMES, now + 368 * DAY),
            Verdict::Renew("the certificate ends soon")
        );
        assert_eq!(
            made.judge(&LOCAL_NAMES, now - 2 * DAY),
            Verdict::Renew("the certificate begins in the future")
        );
    }

    #[test]
    fn what_is_broken_or_lacks_a_name_is_renewed() {
        let now = SystemTime::now();
        let made = Certificate::make(&["localhost"], now).unwrap();
        let other = Certificate::make(&["localhost"], now).unwrap();
        let judge = |certificate: &str, key: &str| {
            let both = Certificate {
                certificate: certificate.to_owned(),
                key: Secret::new(key),
            };
            both.judge(&LOCAL_NAMES, now)
        };

        assert_eq!(
            judge(&made.certificate, made.key.expose()),
            Verdict::Renew("the certificate lacks a name")
        );
        assert_eq!(
            judge(&made.certificate, other.key.expose()),
            Verdict::Renew("certificate and key don't fit")
        );
        assert_eq!(
            judge("half a cert", made.key.expose()),
            Verdict::Renew("the certificate can't be read")
        );
        assert_eq!(
            judge(&made.certificate, ""),
            Verdict::Renew("its key can't be read")
        );
    }
}
