//! Backups in an S3-compatible bucket: the same dumps and manifests as in a directory.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use hyper::{Method, StatusCode};
use rusty_s3::actions::{CreateMultipartUpload, ListObjectsV2};
use rusty_s3::{Bucket as Signer, Credentials, S3Action, UrlStyle};
use tokio::task::spawn_blocking;

use super::DataError;
use super::backups::{Backup, Kept, manifest_of, name_of, parsed};
use super::bucket_access::BucketAccess;
use super::bucket_door::{Door, Refused, piece, text};
use super::digest::unreadable;

/// How an address in a bucket begins.
const SCHEME: &str = "s3://";
/// How long a signed call may be used: longer than it may take.
const SIGNED_FOR: Duration = Duration::from_hours(1);
/// What is sent at a time, and so what is held in memory. S3 takes parts from 5 MiB.
const PART: u64 = 8 * 1024 * 1024;
/// S3 takes 10,000 parts of one object.
const MOST_PARTS: u64 = 9_000;

/// A place for backups in a bucket.
pub struct Bucket {
    /// `s3://bucket/prefix/`.
    address: String,
    /// `prefix/`, or nothing.
    prefix: String,
    signer: Signer,
    credentials: Credentials,
    door: Door,
}

impl Bucket {
    /// Whether a directory's name is a bucket's address.
    #[must_use]
    pub fn is_named(place: &Path) -> bool {
        place
            .to_str()
            .is_some_and(|place| place.starts_with(SCHEME))
    }

    /// The place that `s3://bucket/prefix` names; it is not asked yet.
    ///
    /// # Errors
    /// Where the address or the server's is impossible.
    pub fn at(address: &Path, access: BucketAccess) -> Result<Self, DataError> {
        let named = address.to_string_lossy().into_owned();
        let refused = |reason: &str| DataError::Bucket {
            address: named.clone(),
            doing: "looked up",
            reason: reason.to_owned(),
            hint: None,
        };
        let rest = named.strip_prefix(SCHEME).unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(refused("an address is `s3://BUCKET/PREFIX`"));
        }
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        // Servers that one names oneself seldom have a host name for each bucket.
        let style = match access.endpoint {
            Some(_) => UrlStyle::Path,
            None => UrlStyle::VirtualHost,
        };
        let endpoint = access
            .endpoint
            .unwrap_or_else(|| format!("https://s3.{}.amazonaws.com", access.region));
        let endpoint = endpoint
            .parse()
            .map_err(|_| refused("AWS_ENDPOINT_URL is no URL"))?;
        let signer = Signer::new(endpoint, style, bucket.to_owned(), access.region);
        let secret = access.secret.expose();
        Ok(Self {
            address: format!("{SCHEME}{bucket}/{prefix}"),
            prefix,
            signer: signer.map_err(|error| refused(&error.to_string()))?,
            credentials: match &access.token {
                Some(token) => Credentials::new_with_token(access.key, secret, token.expose()),
                None => Credentials::new(access.key, secret),
            },
            door: Door::open().map_err(|error| refused(&error.to_string()))?,
        })
    }

    /// The backups in it.
    ///
    /// # Errors
    /// Where it can't be asked.
    pub async fn backups(&self) -> Result<Kept, DataError> {
        let files = self.files().await?;
        let mut found = Vec::new();
        for file in &files {
            let path = Path::new(file);
            let beside = manifest_of(path);
            let beside = beside.to_string_lossy();
            let Some(name) = name_of(path) else {
                continue;
            };
            if !files.iter().any(|file| *file == beside) {
                continue; // an upload that was cut off
            }
            let manifest = self.text("read", &beside).await?;
            let manifest = parsed(&self.named(&beside), &manifest);
            found.push(manifest.map(|manifest| Backup {
                name: name.to_owned(),
                path: self.named(file),
                manifest,
            }));
        }
        Ok(Kept::of(found))
    }

    /// Puts a backup of this machine into it: the dump, and then the manifest, without which there is no backup.
    ///
    /// # Errors
    /// Where a file can't be read or the server refuses; no half backup is listed.
    pub async fn keep(&self, backup: Backup) -> Result<Backup, DataError> {
        let file = file_name(&backup.path);
        self.send(&backup.path, &file).await?;
        let beside = manifest_of(&backup.path);
        self.send(&beside, &file_name(&beside)).await?;
        Ok(Backup {
            path: self.named(&file),
            ..backup
        })
    }

    /// Brings a backup of it into `directory`, with its manifest, and gives the dump's path there.
    ///
    /// # Errors
    /// Where the server refuses or a file can't be written.
    pub async fn fetch(&self, backup: &Backup, directory: &Path) -> Result<PathBuf, DataError> {
        let path = directory.join(file_name(&backup.path));
        let file = file_name(&backup.path);
        let url = self.get(&file);
        let answer = self.call("read", &Method::GET, &url, Bytes::new()).await?;
        let mut body = answer.into_body();
        let failed = |error: &io::Error| unreadable(&path, error);
        let mut written = File::create(&path).map_err(|error| failed(&error))?;
        loop {
            let next = piece(&mut body).await;
            match next.map_err(|reason| self.refused("read", reason))? {
                Some(piece) => written.write_all(&piece).map_err(|error| failed(&error))?,
                None => break,
            }
        }
        let text = serde_json::to_string(&backup.manifest).unwrap_or_default();
        let beside = manifest_of(&path);
        std::fs::write(&beside, text).map_err(|error| unreadable(&beside, &error))?;
        Ok(path)
    }

    /// Removes a backup: the manifest first, so that none is listed that is gone by half.
    ///
    /// # Errors
    /// Where the server refuses.
    pub async fn remove(&self, backup: &Backup) -> Result<(), DataError> {
        for path in [manifest_of(&backup.path), backup.path.clone()] {
            let key = self.key(&file_name(&path));
            let action = self.signer.delete_object(Some(&self.credentials), &key);
            let url = action.sign(SIGNED_FOR);
            self.call("cleared", &Method::DELETE, url.as_str(), Bytes::new())
                .await?;
        }
        Ok(())
    }

    /// The names of all objects directly below the prefix.
    async fn files(&self) -> Result<Vec<String>, DataError> {
        let mut files = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let mut action = self.signer.list_objects_v2(Some(&self.credentials));
            action.with_prefix(self.prefix.as_str());
            action.with_delimiter("/");
            if let Some(token) = &next {
                action.with_continuation_token(token.as_str());
            }
            let url = action.sign(SIGNED_FOR);
            let answer = self.call("listed", &Method::GET, url.as_str(), Bytes::new());
            let text = text(answer.await?).await;
            let text = text.map_err(|reason| self.refused("listed", reason))?;
            let listed = ListObjectsV2::parse_response(&text)
                .map_err(|error| self.refused("listed", error.to_string()))?;
            let names = listed.contents.iter();
            files.extend(names.filter_map(|object| {
                let name = object.key.strip_prefix(&self.prefix)?;
                Some(name.to_owned())
            }));
            match listed.next_continuation_token {
                Some(token) if next.as_ref() != Some(&token) => next = Some(token),
                _ => return Ok(files),
            }
        }
    }

    async fn text(&self, doing: &'static str, file: &str) -> Result<String, DataError> {
        let url = self.get(file);
        let answer = self.call(doing, &Method::GET, &url, Bytes::new()).await?;
        let text = text(answer).await;
        text.map_err(|reason| self.refused(doing, reason))
    }

    /// Sends a file, by parts where it is large.
    async fn send(&self, path: &Path, file: &str) -> Result<(), DataError> {
        let about = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
        let key = self.key(file);
        if about.len() <= PART {
            let body = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
            let action = self.signer.put_object(Some(&self.credentials), &key);
            let url = action.sign(SIGNED_FOR);
            self.call("written to", &Method::PUT, url.as_str(), body.into())
                .await?;
            return Ok(());
        }
        let action = self
            .signer
            .create_multipart_upload(Some(&self.credentials), &key);
        let url = action.sign(SIGNED_FOR);
        let begun = self.call("written to", &Method::POST, url.as_str(), Bytes::new());
        let begun = text(begun.await?).await;
        let begun = begun.map_err(|reason| self.refused("written to", reason))?;
        let begun = CreateMultipartUpload::parse_response(&begun)
            .map_err(|error| self.refused("written to", error.to_string()))?;
        let upload = begun.upload_id();
        let sent = self.send_parts(path, &key, upload, about.len()).await;
        if sent.is_err() {
            let credentials = Some(&self.credentials);
            let action = self
                .signer
                .abort_multipart_upload(credentials, &key, upload);
            let url = action.sign(SIGNED_FOR);
            // What failed is told; the server forgets the parts by its own rules where this fails too.
            self.call("cleared", &Method::DELETE, url.as_str(), Bytes::new())
                .await
                .ok();
        }
        sent
    }

    async fn send_parts(
        &self,
        path: &Path,
        key: &str,
        upload: &str,
        length: u64,
    ) -> Result<(), DataError> {
        let size = PART.max(length.div_ceil(MOST_PARTS));
        let mut file = File::open(path).map_err(|error| unreadable(path, &error))?;
        let mut tags = Vec::new();
        for number in 1..=u16::try_from(length.div_ceil(size)).unwrap_or(u16::MAX) {
            let (back, part) = read_part(file, size).await;
            file = back;
            let part = part.map_err(|error| unreadable(path, &error))?;
            let credentials = Some(&self.credentials);
            let action = self.signer.upload_part(credentials, key, number, upload);
            let url = action.sign(SIGNED_FOR);
            let answer = self.call("written to", &Method::PUT, url.as_str(), part);
            let answer = answer.await?;
            let tag = answer.headers().get(hyper::header::ETAG);
            let tag = tag.and_then(|tag| tag.to_str().ok());
            let tag = tag.ok_or_else(|| {
                self.refused("written to", "it gives no tag for a part".to_owned())
            })?;
            tags.push(tag.to_owned());
        }
        let action = self.signer.complete_multipart_upload(
            Some(&self.credentials),
            key,
            upload,
            tags.iter().map(String::as_str),
        );
        let url = action.sign(SIGNED_FOR);
        let body = Bytes::from(action.body());
        let done = self.call("written to", &Method::POST, url.as_str(), body);
        let done = text(done.await?).await;
        let done = done.map_err(|reason| self.refused("written to", reason))?;
        // S3 may answer 200, and tell in the body that it failed. What else the body is called differs between servers.
        if done.contains("<Error>") {
            let reason = Refused::by(StatusCode::OK, &done).reason;
            return Err(self.refused("written to", reason));
        }
        Ok(())
    }

    async fn call(
        &self,
        doing: &'static str,
        method: &Method,
        url: &str,
        body: Bytes,
    ) -> Result<hyper::Response<hyper::body::Incoming>, DataError> {
        let called = self.door.call(method, url, &body).await;
        called.map_err(|Refused { code, reason }| {
            let hint = match code.as_deref() {
                Some("NoSuchBucket") => Some("make it first, or see AWS_ENDPOINT_URL"),
                Some("InvalidAccessKeyId" | "SignatureDoesNotMatch" | "AccessDenied") => {
                    Some("see AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_PROFILE and AWS_REGION")
                }
                Some(_) => None,
                None => Some("see AWS_ENDPOINT_URL and AWS_REGION, and whether the server runs"),
            };
            DataError::Bucket {
                address: self.address.clone(),
                doing,
                reason,
                hint,
            }
        })
    }

    fn refused(&self, doing: &'static str, reason: String) -> DataError {
        DataError::Bucket {
            address: self.address.clone(),
            doing,
            reason,
            hint: None,
        }
    }

    fn get(&self, file: &str) -> String {
        let key = self.key(file);
        let action = self.signer.get_object(Some(&self.credentials), &key);
        action.sign(SIGNED_FOR).into()
    }

    fn key(&self, file: &str) -> String {
        format!("{}{file}", self.prefix)
    }

    fn named(&self, file: &str) -> PathBuf {
        PathBuf::from(format!("{}{file}", self.address))
    }
}

async fn read_part(mut file: File, size: u64) -> (File, io::Result<Bytes>) {
    let read = spawn_blocking(move || {
        let mut part = Vec::new();
        let read = io::Read::by_ref(&mut file)
            .take(size)
            .read_to_end(&mut part);
        (file, read.map(|_| part.into()))
    });
    read.await.expect("reading doesn't panic")
}

fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
